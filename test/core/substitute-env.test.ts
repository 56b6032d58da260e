import fc from 'fast-check';
import { expect, test } from 'vitest';
import { substituteEnv } from '../../src/core/substitute-env.ts';

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
