import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isIsoTimestamp } from '../../src/core/iso-timestamp.ts';

test.each([
  '2018-03-20T00:00:00',
  '2018-03-20T00:00:00Z',
  '2018-03-20T23:59:59.1Z',
  '2018-03-20T00:00:00.123456789',
  '2018-03-20T00:00:00+02:00',
  '2018-03-20T00:00:00-0730',
  '2018-03-20T00:00:00+00',
  '2020-02-29T12:00:00Z',
  '2000-02-29T12:00:00Z',
  '2018-12-31T23:59:59.999Z',
  '2016-12-31T23:59:60Z',
  '2016-12-31T23:59:60.5',
])('%s is one', (text) => {
  expect(isIsoTimestamp(text)).toBe(true);
});

test.each([
  '',
  '2018-03-20',
  '2018-03-20T00:00',
  '2018-03-20 00:00:00',
  '2018-03-20t00:00:00z',
  '2018-02-30T00:00:00Z',
  '2019-02-29T00:00:00Z',
  '1900-02-29T00:00:00Z',
  '2018-04-31T00:00:00Z',
  '2018-13-01T00:00:00Z',
  '2018-00-01T00:00:00Z',
  '2018-01-00T00:00:00Z',
  '2018-01-32T00:00:00Z',
  '2018-03-20T24:00:00Z',
  '2018-03-20T25:00:00Z',
  '2018-03-20T00:60:00Z',
  '2018-03-20T00:00:61Z',
  '2018-03-20T12:00:60Z',
  '2016-12-31T23:59:60+02:00',
  '2018-03-20T00:00:00.Z',
  '2018-03-20T00:00:00,5Z',
  '2018-03-20T00:00:00+24:00',
  '2018-03-20T00:00:00+02:60',
  '2018-03-20T00:00:00 Z',
  ' 2018-03-20T00:00:00Z',
  '2018-03-20T00:00:00Z\n',
  '2018-3-20T00:00:00Z',
  '18-03-20T00:00:00Z',
  'Tue, 20 Mar 2018 00:00:00 GMT',
])('%j is none', (text) => {
  expect(isIsoTimestamp(text)).toBe(false);
});

test('property: every date that JavaScript writes is one, with its zone and without', () => {
  const dates = fc.date({
    min: new Date('0001-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59Z'),
    noInvalidDate: true,
  });
  fc.assert(
    fc.property(dates, (date) => {
      expect(isIsoTimestamp(date.toISOString())).toBe(true);
      expect(isIsoTimestamp(date.toISOString().slice(0, 19))).toBe(true);
    }),
  );
});

test('property: a day is one exactly where the calendar has it', () => {
  const day = fc.tuple(fc.integer({ min: 1000, max: 9999 }), fc.nat(13), fc.nat(32));
  fc.assert(
    fc.property(day, ([year, month, date]) => {
      const text = `${year}-${String(month).padStart(2, '0')}-${String(date).padStart(2, '0')}T00:00:00Z`;
      const moment = new Date(Date.UTC(year, month - 1, date));
      const isReal = moment.getUTCMonth() === month - 1 && moment.getUTCDate() === date;
      expect(isIsoTimestamp(text)).toBe(isReal);
    }),
  );
});
