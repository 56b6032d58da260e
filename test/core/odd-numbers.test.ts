import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EVENT_TYPES } from '../../src/core/event-types.ts';
import { findNumbers, isPlainInteger, losesDigits, toSource } from '../../src/core/odd-numbers.ts';
import { seededRandom } from '../../src/core/seeded-random.ts';

/** Each number of a text as `path=spelling`. */
function numbersOf(json: string): string[] {
  return findNumbers(json, () => true).map(({ keys, spelling }) => `${keys.join('.')}=${spelling}`);
}

describe('a text that holds an odd number is found', () => {
  test.each([
    '{"a":1.0}',
    '{"a": 1.5 }',
    '{"a":\n\t1e3\r\n}',
    '{"a":1E+3,"b":1}',
    '{"a":0.1e-7}',
    '{"a":-0}',
    '[1,-5]',
    '[[-1]]',
    '{"a":1234567890123456}',
    '{"a":[1, 2.50]}',
  ])('%s', (json) => expect(toSource(json)).toEqual({ text: json, keys: [] }));
});

describe('a text with plain numbers and timestamps is not taken for one', () => {
  test.each([
    '{"a":1,"b":[2,3],"c":123456789012345}',
    '{"a":"2018-03-20T10:30:15.250Z","b":"10:30:15.25"}',
    '{"a":"2018-03-20T10:30:15-05:00"}',
    '{"a":"1.5","b":"-5","c":"1e3","d":"12345678901234567890"}',
  ])('%s', (json) => expect(toSource(json)).toBeUndefined());

  test('generated events', () => {
    const random = seededRandom(1);
    for (const type of EVENT_TYPES) {
      for (let n = 0; n < 200; n++)
        expect(toSource(JSON.stringify(type.generate(n, random)))).toBeUndefined();
    }
  });
});

test.each([
  ['{"a":1.0,"b":{"c":[1,{"d":-0}],"e":2e3}}', ['a=1.0', 'b.c.0=1', 'b.c.1.d=-0', 'b.e=2e3']],
  ['[1,[2,[]],[],{},3]', ['0=1', '1.0=2', '4=3']],
  ['{"a":"-5","b":"[1.5,{","c":"\\"1.5","d":"\\\\","e":7}', ['e=7']],
  ['{"\\u0061\\"":1,"":2}', ['a"=1', '=2']],
  [' { "a" : 1 , "b" : true } ', ['a=1']],
  ['-5', ['=-5']],
])('the numbers of %s', (json, numbers) => expect(numbersOf(json)).toEqual(numbers));

test.each([
  ['{"a":1,"a":2}', ['a=2']],
  ['{"a":1,"\\u0061":"x"}', []],
  ['{"a":{"b":1,"c":2},"a":{"c":3}}', ['a.c=3']],
  ['{"a":[1,2],"a":null}', []],
  ['{"a":1,"b":2,"a":true}', ['b=2']],
  ['{"__proto__":1,"__proto__":2,"constructor":3}', ['__proto__=2', 'constructor=3']],
])('the last value of a repeated key counts: %s', (json, numbers) =>
  expect(numbersOf(json)).toEqual(numbers),
);

test('property: the numbers that JSON.parse keeps are found, each at its path', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), (json) => {
      const value: unknown = JSON.parse(json);
      const found = findNumbers(json, () => true);
      for (const { keys, spelling } of found) {
        let at: unknown = value;
        for (const key of keys) at = (at as Record<string, unknown>)[key];
        expect(Object.is(at, Number(spelling))).toBe(true);
      }
      let count = 0;
      JSON.stringify(value, (_key, each: unknown) => {
        if (typeof each === 'number') count += 1;
        return each;
      });
      expect(found).toHaveLength(count);
    }),
    { numRuns: 500 },
  );
});

test('property: a text with a number that is no plain integer is never missed', () => {
  const blank = fc.constantFrom('', ' ', '\n', '\t ', '\r\n');
  const number = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.integer().map(String),
  );
  fc.assert(
    fc.property(number, blank, blank, fc.boolean(), (spelling, before, after, isElement) => {
      const json = isElement ? `[0,${before}${spelling}${after}]` : `{"a":${before}${spelling}${after}}`;
      expect(JSON.parse(json)).toBeTypeOf('object');
      if (!isPlainInteger(spelling)) expect(toSource(json)).toEqual({ text: json, keys: [] });
    }),
  );
});

test('nesting without end takes neither the stack nor time', () => {
  const depth = 200_000;
  const json = `${'[-1,'.repeat(depth)}0${']'.repeat(depth)}`;
  const started = performance.now();
  expect(findNumbers(json, () => true).length).toBeLessThan(200);
  expect(performance.now() - started).toBeLessThan(5_000);
});

test.each([
  ['9007199254740991', true, false],
  ['9007199254740992', false, false],
  ['9007199254740993', false, true],
  ['-26507127394446870', false, false],
  ['18446744073709552000', false, false],
  ['12345678901234567890', false, true],
  [`1${'0'.repeat(22)}`, false, false],
  ['7'.repeat(500), false, true],
  ['0', true, false],
  ['-0', false, false],
  ['-5', false, false],
  ['1.0', false, false],
  ['1e3', false, false],
  ['0.1234567890123456789', false, false],
])('%s: plain %s, loses digits %s', (spelling, plain, loses) => {
  expect([isPlainInteger(spelling), losesDigits(spelling)]).toEqual([plain, loses]);
});
