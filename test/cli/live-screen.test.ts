import { styleText } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createLiveScreen, cutLine } from '../../src/cli/live-screen.ts';
import { fakeTerminal } from '../support/screen.ts';

const red = (text: string): string => styleText('red', text, { validateStream: false });

test('whatever is drawn after whatever, the screen shows it and nothing else, below what stood there', () => {
  const line = fc.constantFrom('', 'a', 'b', 'waiting 1', 'waiting 2', 'x'.repeat(19));
  fc.assert(
    fc.property(fc.array(fc.array(line, { minLength: 1, maxLength: 7 }), { minLength: 1 }), (draws) => {
      const terminal = fakeTerminal(20, 9);
      terminal.stream.write('$ waybill\n');
      const screen = createLiveScreen(terminal.stream);
      for (const lines of draws) {
        screen.draw(lines);
        expect(terminal.rows()).toEqual(`$ waybill\n${lines.join('\n')}`.trimEnd().split('\n'));
      }
      screen.end();
    }),
    { numRuns: 100 },
  );
});

test('a line that changes is written alone, and one that does not is not', () => {
  const terminal = fakeTerminal(80, 24);
  const screen = createLiveScreen(terminal.stream);
  screen.draw(['first', 'second', 'third']);
  const before = terminal.sent().length;
  screen.draw(['first', 'second', 'third']);
  expect(terminal.sent().length).toBe(before);
  screen.draw(['first', '2nd', 'third']);
  const changed = terminal.sent().slice(before);
  expect(changed).toContain('2nd');
  expect(changed).not.toMatch(/first|third/);
  screen.end();
});

test('lines are cut to the width and the height, and a last one says how many more there are', () => {
  const terminal = fakeTerminal(12, 5);
  const screen = createLiveScreen(terminal.stream);
  screen.draw(['eleven cols', 'more than eleven', red('red and long'), '4', '5', '6']);
  expect(terminal.rows()).toEqual(['eleven cols', 'more than …', 'red and lo…', '(3 more li…']);
  terminal.resize(30, 8);
  expect(terminal.rows().slice(-6)).toEqual([
    'eleven cols',
    'more than eleven',
    'red and long',
    '4',
    '5',
    '6',
  ]);
  // A narrower terminal has wrapped each of the two long lines into two rows.
  const before = terminal.sent().length;
  terminal.resize(10, 8);
  expect(terminal.sent().slice(before)).toContain('\u001b[9A\r\u001b[J');
  screen.end();
});

test('a cut line keeps its colours and ends them, measures what is wide, and steers no terminal', () => {
  expect(cutLine(`${red('abcdef')} g`, 4)).toBe(red('abc…'));
  expect([cutLine('日本e\u0301', 5), cutLine('日本語', 5), cutLine('日本語', 6)]).toEqual([
    '日本e\u0301',
    '日本…',
    '日本語',
  ]);
  expect(cutLine('日本語日本語', 6)).toBe('日本…');
  expect(cutLine('a\u001b[2Jb\nc', 80)).toBe('a\\u001b[2Jb c');
  // Terminals give a filler two columns, and measure it as none.
  expect(cutLine('\u3164a\uffa0', 80)).toBe('\\u3164a\\uffa0');
});

test('a line that a terminal takes for longer than it was measured is not wrapped', () => {
  const terminal = fakeTerminal(80, 24);
  const screen = createLiveScreen(terminal.stream);
  screen.draw(['a line']);
  screen.end();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence begins with one
  expect(terminal.sent()).toMatch(/\u001b\[\?7l.*a line.*\u001b\[\?7h/s);
});

test('the cursor is hidden while it draws, and shown when it ends', () => {
  const terminal = fakeTerminal(80, 24);
  const listeners = () => ['SIGINT', 'SIGTERM', 'SIGHUP', 'exit'].map((name) => process.listenerCount(name));
  const before = listeners();
  const screen = createLiveScreen(terminal.stream);
  expect(terminal.cursorShown).toBe(true);
  screen.draw(['a']);
  expect(terminal.cursorShown).toBe(false);
  screen.end();
  screen.draw(['b']);
  expect([terminal.cursorShown, terminal.rows()]).toEqual([true, ['a']]);
  expect(listeners()).toEqual(before);
});
