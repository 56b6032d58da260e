import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseRetryAfter, retryAfterMs } from '../../src/core/retry-after.ts';

const NOW = Date.UTC(2024, 1, 29, 12, 0, 0);
const LATEST = Date.UTC(9999, 11, 31);

test('seconds, however many', () => {
  fc.assert(
    fc.property(fc.nat(), fc.constantFrom('', ' ', '\t'), (seconds, blank) => {
      expect(parseRetryAfter(`${blank}${seconds}${blank}`, NOW)).toBe(seconds * 1000);
    }),
  );
  expect(parseRetryAfter('99999999999', NOW)).toBe(99_999_999_999_000);
  expect(parseRetryAfter('9'.repeat(400), NOW)).toBe(Number.POSITIVE_INFINITY);
});

test.each([
  ['1.5', 2_000],
  ['0.001', 1_000],
  ['7.0', 7_000],
  ['0.0', 0],
])('the decimals of %s are rounded up to a second', (header, ms) => {
  expect(parseRetryAfter(header, NOW)).toBe(ms);
});

test('no more than an hour is heeded, and nothing of what cannot be read', () => {
  expect(['3600', '3601', '999999999', 'soon', undefined].map((header) => retryAfterMs(header, NOW))).toEqual(
    [3_600_000, 3_600_000, 3_600_000, 0, 0],
  );
});

test('an HTTP-date counts from now, and is never negative', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: LATEST / 1000 }), (second) => {
      const header = new Date(second * 1000).toUTCString();
      expect(parseRetryAfter(header, NOW)).toBe(Math.max(0, second * 1000 - NOW));
    }),
  );
});

// RFC 9110, section 5.6.7: a recipient accepts all three forms.
test.each(['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994'])(
  'the form %s',
  (header) => {
    expect(parseRetryAfter(header, Date.UTC(1994, 10, 6, 8, 49, 30))).toBe(7_000);
  },
);

test.each([
  undefined,
  '',
  'soon',
  '-1',
  '1.',
  '.5',
  '1,5',
  '0x10',
  '1e3',
  '2024-02-29T12:00:10Z',
  'Sun, 06 Nov 1994 08:49:37 +0100',
  'Sun, 06 Foo 1994 08:49:37 GMT',
  '120, 120',
])('%s says nothing usable', (header) => {
  expect(parseRetryAfter(header, NOW)).toBeUndefined();
});

test('any header is read without a fault, to a time that is not negative', () => {
  fc.assert(
    fc.property(fc.string(), (header) => {
      const ms = parseRetryAfter(header, NOW);
      expect(ms === undefined || ms >= 0).toBe(true);
    }),
  );
});
