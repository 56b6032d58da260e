import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isPlainInteger, losesDigits } from '../../src/core/odd-numbers.ts';

test.each([
  ['9007199254740991', true, false],
  ['9007199254740992', false, false],
  ['9007199254740993', false, true],
  ['9007199254740994', false, false],
  ['36028797018963968', false, true],
  ['36028797018963970', false, false],
  ['-26507127394446870', false, false],
  ['-123456789012345', false, false],
  ['18446744073709551616', false, true],
  ['18446744073709552000', false, false],
  ['12345678901234567890', false, true],
  [`1${'0'.repeat(22)}`, false, false],
  [`1${'0'.repeat(22)}1`, false, true],
  ['7'.repeat(500), false, true],
  ['0', true, false],
  ['-0', false, false],
  ['-5', false, false],
  ['1.0', false, false],
  ['1e3', false, false],
  ['0.1234567890123456789', false, false],
  [`0.${'7'.repeat(500)}`, false, false],
])('%s: plain %s, loses digits %s', (spelling, plain, loses) => {
  expect([isPlainInteger(spelling), losesDigits(spelling)]).toEqual([plain, loses]);
});

test('property: a whole number loses digits exactly if JSON writes another value', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), (value) => {
      const goesOut = JSON.stringify(JSON.parse(String(value)));
      const [, sign, first, fraction = '', exponent = '0'] =
        /^(-?)(\d+)(?:\.(\d+))?(?:e\+(\d+))?$/.exec(goesOut) ?? [];
      const written = BigInt(`${sign}${first}${fraction}${'0'.repeat(Number(exponent) - fraction.length)}`);
      expect(losesDigits(String(value))).toBe(written !== value);
    }),
    { numRuns: 1_000 },
  );
});

test('8 MiB of digits are judged like fewer', () => {
  const digits = '9'.repeat(8 * 1024 * 1024);
  expect([digits, `-${digits}`, `0.${digits}`, `${digits}e5`].map(losesDigits)).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect(isPlainInteger(digits)).toBe(false);
});
