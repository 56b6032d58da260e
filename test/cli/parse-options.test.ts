import { expect, test } from 'vitest';
import { defaultWorkers, parseCount, parseMoment, parseWorkers } from '../../src/cli/parse-options.ts';

test.each([
  ['2026-03-01', '2026-03-01T00:00:00Z'],
  ['2026-03-01T14:00', '2026-03-01T14:00:00Z'],
  ['2026-03-01T14:00Z', '2026-03-01T14:00:00Z'],
  ['2026-03-01 14:03:07Z', '2026-03-01T14:03:07Z'],
  ['2026-03-01T14:03:07.250+02:00', '2026-03-01T12:03:07.250Z'],
])('%s is %s, whatever the zone of the machine', (text, iso) => {
  expect(parseMoment(text)).toBe(Date.parse(iso));
});

test.each([
  ['90s', 90],
  ['15m', 900],
  ['2h', 7_200],
  ['7d', 604_800],
])('%s is so long ago', (text, seconds) => {
  const ago = Date.now() - parseMoment(text);
  expect(ago - seconds * 1_000).toBeGreaterThanOrEqual(0);
  expect(ago - seconds * 1_000).toBeLessThan(5_000);
});

test.each(['', 'yesterday', '2026-02-31', '2026-03-01T25:00', '2026-03-01 (noon)', '03/01/2026', '2w'])(
  '"%s" is no moment',
  (text) => {
    expect(() => parseMoment(text)).toThrow('ISO time');
  },
);

test.each(['0', '-1', '1.5', 'ten'])('%s is no count', (text) => {
  expect(() => parseCount(text)).toThrow('whole number');
});

test('workers are from 1 to 256; by default one less than processors, and at least one', () => {
  for (const text of ['0', '-1', '1.5', '2x', '', '257', '1000000']) {
    expect(() => parseWorkers(text)).toThrow('whole number from 1 to 256');
  }
  expect([parseWorkers('1'), parseWorkers('256')]).toEqual([1, 256]);
  expect([1, 2, 8, 512].map(defaultWorkers)).toEqual([1, 1, 7, 256]);
});
