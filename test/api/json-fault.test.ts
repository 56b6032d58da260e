import fc from 'fast-check';
import { expect, test } from 'vitest';
import { findJsonFault } from '../../src/api/json-fault.ts';

test.each([
  ['{"a": 1,}', 1, 9],
  ['{"a": 1\n "b": 2}', 2, 2],
  ['[1, 2', 1, 6],
  ['{x}', 1, 2],
  ['', 1, 1],
  ['[01]', 1, 3],
  ['"a\nb"', 1, 3],
  ['["\\x"]', 1, 3],
  ['{"a":1}\n{"a":2}', 2, 1],
  ['[tru]', 1, 2],
  ['{"a" 1}', 1, 6],
  ['[1 2]', 1, 4],
  ['{"a":}', 1, 6],
  [']', 1, 1],
])('%j stops being JSON at line %i, column %i', (text, line, column) => {
  expect(findJsonFault(text)).toEqual({ line, column });
});

test('a text has a fault exactly where JSON.parse throws', () => {
  const isJson = (text: string): boolean => {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  };
  const sign = fc.constantFrom(...'{}[],:" \n\t\\0123-+.eEtrufalsn/\u0001é');
  const damaged = fc
    .tuple(fc.json(), fc.nat(), fc.nat(2), fc.string({ unit: sign, maxLength: 2 }))
    .map(([json, at, cut, put]) => {
      const place = at % (json.length + 1);
      return json.slice(0, place) + put + json.slice(place + cut);
    });
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: sign, maxLength: 12 }), damaged), (text) => {
      expect(findJsonFault(text) === undefined).toBe(isJson(text));
    }),
    { numRuns: 20_000 },
  );
});
