import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { eachNumber, findOddNumbers, type Key } from '../../src/core/odd-numbers.ts';
import { processorMs } from '../support/process-time.ts';

interface FoundNumber {
  readonly keys: readonly Key[];
  readonly spelling: string;
}

function findAll(json: string, payloadKey?: string): FoundNumber[] {
  const found: FoundNumber[] = [];
  eachNumber(json, payloadKey, (spelling, keys) => found.push({ keys: [...keys], spelling }));
  return found;
}

/** Each number of a text as `path=spelling`. */
function numbersOf(json: string, payloadKey?: string): string[] {
  return findAll(json, payloadKey).map(({ keys, spelling }) => `${keys.join('.')}=${spelling}`);
}

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
      const found = findAll(json);
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

/** JSON texts whose objects repeat keys, also in another spelling. Each `0` stands for a number. */
const { text: repetitive } = fc.letrec<{ text: string }>((tie) => ({
  text: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    fc.constantFrom('0', '0', '"x"', 'null'),
    fc.array(tie('text'), { maxLength: 6 }).map((items) => `[${items.join(', ')}]`),
    fc
      .array(fc.tuple(fc.constantFrom('"a"', '"\\u0061"', '"b"', '"__proto__"'), tie('text')), {
        maxLength: 6,
      })
      .map((members) => `{${members.map(([key, value]) => `${key}: ${value}`).join(',')}}`),
  ),
}));

/** The numbers of a value by their paths. */
function walk(value: unknown, path: string): string[] {
  if (typeof value === 'number') return [`${path}=${value}`];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) => walk(each, `${path}/${key}`));
}

test('property: whatever keys are repeated, the numbers are those of JSON.parse', () => {
  fc.assert(
    fc.property(repetitive, (text) => {
      let n = 0;
      const json = text.replace(/\b0\b/g, () => String(++n));
      const expected = walk(JSON.parse(json), '');
      const found = findAll(json).map(
        ({ keys, spelling }) => `${keys.map((key) => `/${key}`).join('')}=${spelling}`,
      );
      expect(found).toEqual(expected);
    }),
    { numRuns: 2_000 },
  );
});

test('nesting without end takes neither the stack nor time', () => {
  const depth = 200_000;
  const json = `${'[-1,'.repeat(depth)}0${']'.repeat(depth)}`;
  const started = processorMs();
  expect(findAll(json).length).toBeLessThan(200);
  expect(processorMs() - started).toBeLessThan(5_000);
});

test('the value at one key alone is searched', () => {
  expect(numbersOf('{"payload":[1,{"b":2}],"beside":3,"c":{"payload":4}}', 'payload')).toEqual([
    '0=1',
    '1.b=2',
  ]);
});

test('the first hundred odd numbers are listed, and all that stand in the end are counted', () => {
  const many = (count: number) => `[${Array.from({ length: count }, (_, n) => `${n}.5`).join(',')}]`;
  const texts = z.array(z.string());
  const schema = z.object({ a: z.array(texts), b: z.string(), c: texts });
  const { count, first } = findOddNumbers(schema, { text: `{"a":[${many(60)},${many(70)}],"b":-7}` });
  expect(count).toBe(131);
  expect(first).toHaveLength(100);
  expect(first[59]?.keys).toEqual(['a', 0, 59]);
  expect(first[99]).toMatchObject({ keys: ['a', 1, 39], spelling: '39.5', isText: true });

  // A value that is replaced takes its numbers with it.
  const replaced = findOddNumbers(schema, { text: `{"a":[${many(300)}],"c":${many(10)},"a":[],"b":-1}` });
  expect(replaced.count).toBe(11);
});

const MIB = 1024 * 1024;
const LOST = '12345678901234567';

test.each([
  ['numbers in a deep array', `${'['.repeat(95)}${`${LOST},`.repeat(MIB / 18)}1${']'.repeat(95)}`],
  ['short numbers in deep objects', `${'{"a":'.repeat(95)}[${'-1,'.repeat(MIB / 3)}-1]${'}'.repeat(95)}`],
  ['many deep arrays', `[${`${'['.repeat(90)}-1,-1${']'.repeat(90)},`.repeat(MIB / 186)}1]`],
  ['many keys', `{${Array.from({ length: MIB / 12 }, (_, n) => `"k${n}":-1`).join(',')}}`],
  ['one key many times', `{${'"a":-1,'.repeat(MIB / 7)}"a":1}`],
  ['a long key', `{"${'k'.repeat(MIB / 2)}":[${`${LOST},`.repeat(MIB / 36)}1]}`],
  ['escapes', `{"a":-1,"b":"${'\\"'.repeat(MIB / 2)}"}`],
  ['brackets', `${'['.repeat(MIB / 2)}${']'.repeat(MIB / 2)}`],
  ['digits', `[${'9'.repeat(MIB)}]`],
])('1 MiB of %s is searched at once', { timeout: 60_000 }, (_what, json) => {
  expect(JSON.parse(json)).toBeTypeOf('object');
  const started = processorMs();
  let count = 0;
  eachNumber(json, undefined, () => {
    count += 1;
  });
  expect(processorMs() - started).toBeLessThan(1_500);
  expect(count).toBeLessThan(json.length);
});
