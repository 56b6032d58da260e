import fc from 'fast-check';
import { lexer, Marked, type Token, type Tokens } from 'marked';
import { expect, test } from 'vitest';
import { block, code, plain, table } from '../../src/incidents/markdown-text.ts';
import { reportPage } from '../../src/incidents/report-html.ts';

/** Of what Markdown and HTML are made, and what breaks lines and steers terminals. */
const PIECES = [
  '`',
  '``',
  '|',
  '\\|',
  '\\',
  '<b>',
  '</code>',
  '&amp;',
  '*',
  '_',
  '[a](b)',
  '#',
  '~~~',
  '```',
  '\n',
  '\r\n',
  '\t',
  ' ',
  'x',
  'https://a.b/c_d',
  '\u001b',
  '\u202e',
  '<!--',
  '$',
  '>',
];
const hostile = fc
  .array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 3 })), { maxLength: 12 })
  .map((parts) => parts.join(''));

const RUNS = { numRuns: 500 };

/** What is left of a text in one line: blanks are one, and what steers is written out. */
const inLine = (text: string): string =>
  text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(
      /[\p{Cc}\p{Cs}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );

/** The text that a reader sees of a token. */
function seen(token: Token): string {
  if ('tokens' in token && token.tokens !== undefined) return token.tokens.map(seen).join('');
  return 'text' in token ? String(token.text) : '';
}

test('a block of code holds any text unchanged, and ends with it', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      fc.pre(text.trim() !== '');
      const [first, ...others] = lexer(`${block(text)}\n\nend`).filter(({ type }) => type !== 'space');
      const lines = text.trimEnd().replace(/\r\n?/g, '\n').split(/\n/);
      expect(first?.type).toBe('code');
      expect((first as Tokens.Code).text.split('\n')).toHaveLength(lines.length);
      expect(others.map(({ type, raw }) => [type, raw])).toEqual([['paragraph', 'end']]);
    }),
    RUNS,
  );
});

test('in a line, and in a cell of a table, it is code and nothing else', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      fc.pre(inLine(text) !== '');
      const [paragraph] = lexer(`See ${code(text)} there`) as Token[] as [Tokens.Paragraph];
      expect(paragraph.tokens.map(({ type }) => type)).toEqual(['text', 'codespan', 'text']);
      expect(seen(paragraph)).toBe(`See ${inLine(text)} there`);
      const [found] = lexer(table(['a', 'b'], [[code(text), 'next']])) as Token[] as [Tokens.Table];
      expect(found.rows).toHaveLength(1);
      expect(found.rows[0]?.map(({ tokens }) => tokens.map(({ type }) => type))).toEqual([
        ['codespan'],
        ['text'],
      ]);
    }),
    RUNS,
  );
});

test('as plain text it becomes no markup, and in a page no element', () => {
  const plainHtml = (text: string): string =>
    new Marked().parseInline(`See ${plain(text)} there`, { async: false });
  fc.assert(
    fc.property(hostile, (text) => {
      // An address that a reader finds in a text is made a link of, which reports leave out.
      fc.pre(!/https?:|www\.|@/i.test(text));
      expect(plainHtml(text)).not.toMatch(/<[a-z/!]/i);
    }),
    RUNS,
  );
  const page = reportPage(
    '<t>',
    '<script>x</script>\n\n[a](javascript:x) ![b](http://c) <b>c</b> https://d.example',
  );
  expect(page).toContain('<title>&lt;t&gt;</title>');
  expect(page.split('<main>')[1]).not.toMatch(/<(?:script|a|img|b)\b/);
});
