import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { judgeSpelling } from '../../src/config/number-spelling.ts';

const judge = (written: string) => judgeSpelling(written, parse(written) as number);

test.each([
  ['0123', 'zeros'],
  ['007', 'zeros'],
  ['00', 'zeros'],
  ['-0123', 'zeros'],
  ['+01.5', 'zeros'],
  ['00e1', 'zeros'],
  ['12345678901234567890', 'digits'],
  ['9007199254740993', 'digits'],
  ['0.1234567890123456789', 'digits'],
  ['3.14159265358979323846', 'digits'],
  ['1e400', 'digits'],
  ['1e-400', 'digits'],
  ['0xFFFFFFFFFFFFFFFF', 'digits'],
  ['1'.repeat(500), 'digits'],
  ['1e3', 'spelling'],
  ['1.0', 'spelling'],
  ['1.50', 'spelling'],
  ['.5', 'spelling'],
  ['5.', 'spelling'],
  ['0x1F', 'spelling'],
  ['0o17', 'spelling'],
  ['+5', 'spelling'],
  ['-0', 'spelling'],
  ['0.0', 'spelling'],
  ['1E+2', 'spelling'],
  ['100000000000000000000000', 'spelling'],
  ['0', undefined],
  ['-5', undefined],
  ['0.5', undefined],
  ['1e+21', undefined],
  ['1e-7', undefined],
  ['9007199254740991', undefined],
  ['9007199254740992', undefined],
  ['.inf', undefined],
  ['-.INF', undefined],
  ['.nan', undefined],
])('%s: %s', (written, fault) => {
  expect(judge(written)).toBe(fault);
});

test('property: a number that JSON spells is what was written', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const written = JSON.stringify(value);
      expect(judge(written)).toBeUndefined();
      expect(judge(value.toExponential())).toSatisfy((fault) => fault === 'spelling' || fault === undefined);
    }),
  );
});

test('property: a whole number of any length keeps its digits exactly if its text comes back', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 1n, max: 10n ** 30n }), (value) => {
      const written = String(value);
      const isKept = BigInt(Number(written).toLocaleString('en', { useGrouping: false })) === value;
      expect(judge(written) === 'digits').toBe(!isKept);
    }),
  );
});

test('a long run of zeros is judged at once', () => {
  const started = performance.now();
  expect(judgeSpelling(`1${'0'.repeat(1_000_000)}1.0`, Number.MAX_VALUE)).toBe('digits');
  expect(performance.now() - started).toBeLessThan(1_000);
});
