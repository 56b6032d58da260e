import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ReadFileText, substituteEnv as substitute } from '../../src/config/substitute-env.ts';

const noFile: ReadFileText = () => ({ ok: false, reason: 'refers to a file that is missing' });
const substituteEnv = (tree: unknown, env: Record<string, string>, readFile = noFile) =>
  substitute(tree, env, readFile);

test('property: a tree that refers to nothing stays as it is', () => {
  const tree = fc.jsonValue().filter((value) => !JSON.stringify(value).includes('${'));
  fc.assert(
    fc.property(tree, (value) => {
      expect(JSON.stringify(substituteEnv(value, {}))).toBe(
        JSON.stringify({ value, issues: [], lineBreaks: [] }),
      );
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
        lineBreaks: expect.any(Array),
      });
    }),
  );
});

test('a missing variable is named once for each place', () => {
  expect(substituteEnv({ a: ['${X}${X}'], b: '${X}' }, {})).toEqual({
    value: { a: ['${X}${X}'], b: '${X}' },
    issues: [
      { keys: ['a', 0], message: 'needs the environment variable X, which is not set' },
      { keys: ['b'], message: 'needs the environment variable X, which is not set' },
    ],
    lineBreaks: [],
  });
});

test('a line break from a variable is noted, and whether it ends the text', () => {
  const tree = ['${A}', '${A}x', '${A}${B}', '${B}', '$${A}\n', '${A}$${', '${A}${E}'];
  const origins = ['the environment variable A'];
  expect(substituteEnv(tree, { A: 'a\n', B: 'b', E: '' }).lineBreaks).toEqual([
    { keys: [0], origins, isAtEnd: true },
    { keys: [1], origins, isAtEnd: false },
    { keys: [2], origins, isAtEnd: false },
    { keys: [5], origins, isAtEnd: false },
    { keys: [6], origins, isAtEnd: true },
  ]);
});

describe('a reference to a file', () => {
  const files: Record<string, string> = { '/run/secrets/a': 'one', 'b.txt': '${NAME}', odd: 'x\n' };
  const readFile: ReadFileText = (path) => {
    const text = files[path];
    return text === undefined ? { ok: false, reason: 'is missing' } : { ok: true, text, name: `<${path}>` };
  };

  test('is replaced by what the file holds, beside other text and variables, and not looked at twice', () => {
    const tree = { a: ['Key ${file:/run/secrets/a}${NAME}', '${file:b.txt}', '$${file:b.txt}'] };
    expect(substituteEnv(tree, { NAME: 'v' }, readFile)).toEqual({
      value: { a: ['Key onev', '${NAME}', '${file:b.txt}'] },
      issues: [],
      lineBreaks: [],
    });
  });

  test.each([
    ['${file:gone}', 'is missing'],
    ['${file:}', 'holds a ${file:} that names no file'],
    ['${file:/run/${NAME}}', 'holds a ${file:…} with a variable in the name of its file'],
    ['${file:b.txt', 'holds a ${…} that names no environment variable; a literal ${ is written as $${'],
  ])('%s is an issue, and the text stays as it was', (text, message) => {
    expect(substituteEnv([text], { NAME: 'v' }, readFile)).toEqual({
      value: [text],
      issues: [{ keys: [0], message }],
      lineBreaks: [],
    });
  });

  test('names the file that a line break came from', () => {
    expect(substituteEnv(['${file:odd}'], {}, readFile).lineBreaks).toEqual([
      { keys: [0], origins: ['the file <odd>'], isAtEnd: true },
    ]);
  });

  test('does not take the place of a variable that is called file', () => {
    expect(substituteEnv(['${file}'], { file: 'v' }, readFile).value).toEqual(['v']);
  });
});
