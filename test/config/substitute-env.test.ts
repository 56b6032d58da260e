import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { substituteEnv as substitute } from '../../src/config/substitute-env.ts';

function substituteEnv(tree: unknown, env: Record<string, string>, directory = '/') {
  const { value, issues } = substitute(tree, env, directory);
  return { value, issues };
}

test('property: a tree that refers to nothing stays as it is', () => {
  const tree = fc.jsonValue().filter((value) => !JSON.stringify(value).includes('${'));
  fc.assert(
    fc.property(tree, (value) => {
      expect(JSON.stringify(substituteEnv(value, {}))).toBe(JSON.stringify({ value, issues: [] }));
    }),
  );
});

test('property: whatever a variable holds comes out as it is, and so does an escaped text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (held) => {
      const tree = { list: ['<${NAME}>', '$${NAME}', 5, null] };
      expect(substituteEnv(tree, { NAME: held })).toEqual({
        value: { list: [`<${held}>`, '${NAME}', 5, null] },
        issues: [],
      });
    }),
  );
});

test('a missing variable is named once for each place, and is the cause of all of them', () => {
  const message = 'needs the environment variable X, which is not set';
  expect(substituteEnv({ a: ['${X}${X}'], b: '${X}' }, {})).toEqual({
    value: { a: ['${X}${X}'], b: '${X}' },
    issues: [
      { keys: ['a', 0], message, cause: message },
      { keys: ['b'], message, cause: message },
    ],
  });
});

test('a line break from a variable is noted with the variable, at its place', () => {
  const tree = ['${A}', '${A}x', '${A}${B}', '${B}', '$${A}\n'];
  const { lineBreaks } = substitute(tree, { A: 'a\n', B: 'b' }, '/');
  const holder = '(the environment variable A holds it)';
  expect([...lineBreaks]).toEqual([
    ['[0]', holder],
    ['[1]', holder],
    ['[2]', holder],
  ]);
});

describe('a reference to a file', () => {
  const directory = mkdtempSync(join(tmpdir(), 'waybill-test-'));
  afterAll(() => rmSync(directory, { recursive: true }));
  const absolute = join(directory, 'a');
  writeFileSync(absolute, 'one\n');
  writeFileSync(join(directory, 'b.txt'), '${NAME}');

  test('is replaced by what the file holds, beside other text and variables, and not looked at twice', () => {
    const tree = { a: [`Key \${file:${absolute}}\${NAME}`, '${file:b.txt}', '$${file:b.txt}'] };
    expect(substituteEnv(tree, { NAME: 'v' }, directory)).toEqual({
      value: { a: ['Key onev', '${NAME}', '${file:b.txt}'] },
      issues: [],
    });
  });

  test.each([
    ['${file:gone}', `refers to a file that cannot be read (ENOENT): ${join(directory, 'gone')}`],
    ['${file:}', 'holds a ${file:} that names no file'],
    ['${file:/run/${NAME}}', 'holds a ${file:…} with a variable in the name of its file'],
    ['${file:b.txt', 'holds a ${…} that names no environment variable; a literal ${ is written as $${'],
  ])('%s is an issue, and the text stays as it was', (text, message) => {
    expect(substituteEnv([text], { NAME: 'v' }, directory)).toEqual({
      value: [text],
      issues: [{ keys: [0], message, ...(text === '${file:gone}' && { cause: message }) }],
    });
  });

  test('does not take the place of a variable that is called file', () => {
    expect(substituteEnv(['${file}'], { file: 'v' }, directory).value).toEqual(['v']);
  });
});
