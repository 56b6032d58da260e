import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { periodOf, readMoment } from '../../src/cli/moment.ts';
import { formatTime } from '../../src/core/quantity-text.ts';

const { TZ } = process.env;

afterEach(() => {
  if (TZ === undefined) delete process.env['TZ'];
  else process.env['TZ'] = TZ;
});

/** Has the process in a zone until the test is over. */
function inZone(zone: string): void {
  process.env['TZ'] = zone;
}

/** What is meant by a period's ends at a time, all of it as typed; ISO 8601, UTC. */
function meant(now: string, since: string | undefined, until?: string): (string | undefined)[] {
  const at = Date.parse(now);
  const [from, to] = [since, until].map((text) => (text === undefined ? undefined : readMoment(text, at)));
  const period = periodOf(from, to, at);
  return [period.since, period.until].map((ms) => (ms === undefined ? ms : new Date(ms).toISOString()));
}

const NOW = '2026-06-15T09:30:00Z';

test.each([
  ['2026-03-01', '2026-03-01T05:00:00.000Z'],
  ['2026-03-01T14:00', '2026-03-01T19:00:00.000Z'],
  ['2026-03-01 14:00:05', '2026-03-01T19:00:05.000Z'],
  ['2026-03-01T14:00:05.250', '2026-03-01T19:00:05.250Z'],
  ['2026-06-15 00:00', '2026-06-15T04:00:00.000Z'],
  ['today', '2026-06-15T04:00:00.000Z'],
  ['today 04:00', '2026-06-15T08:00:00.000Z'],
  ['today 23:00', '2026-06-16T03:00:00.000Z'],
  ['yesterday', '2026-06-14T04:00:00.000Z'],
  ['yesterday 14:00', '2026-06-14T18:00:00.000Z'],
  ['05:30', '2026-06-15T09:30:00.000Z'],
  ['05:30:01', '2026-06-14T09:30:01.000Z'],
])('%s without a zone is the time of the terminal, here in New York', (text, iso) => {
  inZone('America/New_York');
  expect(meant(NOW, text)).toEqual([iso, undefined]);
});

test.each([
  ['2026-03-01Z', '2026-03-01T00:00:00.000Z'],
  ['2026-03-01T14:00Z', '2026-03-01T14:00:00.000Z'],
  ['2026-03-01 14:00 UTC', '2026-03-01T14:00:00.000Z'],
  ['2026-03-01T14:03:07.250+02:00', '2026-03-01T12:03:07.250Z'],
  ['2026-03-01T14:03:07-0530', '2026-03-01T19:33:07.000Z'],
  ['2026-03-01 14:00 +02', '2026-03-01T12:00:00.000Z'],
  ['today UTC', '2026-06-15T00:00:00.000Z'],
  ['yesterday 14:00Z', '2026-06-14T14:00:00.000Z'],
  // It is the 16th there.
  ['today 01:00+15:00', '2026-06-15T10:00:00.000Z'],
  ['09:30Z', '2026-06-15T09:30:00.000Z'],
  ['09:31Z', '2026-06-14T09:31:00.000Z'],
  ['11:29+02:00', '2026-06-15T09:29:00.000Z'],
  ['23:00-10:00', '2026-06-15T09:00:00.000Z'],
])('%s is the same wherever the terminal is', (text, iso) => {
  for (const zone of ['UTC', 'America/New_York', 'Pacific/Kiritimati', 'Asia/Kathmandu']) {
    inZone(zone);
    expect(meant(NOW, text)).toEqual([iso, undefined]);
  }
});

test.each([
  ['90s', '2026-06-15T09:28:30.000Z'],
  ['15m', '2026-06-15T09:15:00.000Z'],
  ['2h', '2026-06-15T07:30:00.000Z'],
  ['7d', '2026-06-08T09:30:00.000Z'],
  ['99999999999999999999d', '1970-01-01T00:00:00.000Z'],
])('%s is so long ago', (text, iso) => {
  expect(meant(NOW, text)).toEqual([iso, undefined]);
});

test.each([
  ['an end is the first after the beginning, to come', '02:30', '02:00', '03:00', ['15 02:00', '15 03:00']],
  ['both have passed', '10:00', '02:00', '03:00', ['15 02:00', '15 03:00']],
  ['none has passed today', '01:00', '02:00', '03:00', ['14 02:00', '14 03:00']],
  ['the last night', '02:00', '23:00', '01:00', ['14 23:00', '15 01:00']],
  ['the night that goes on', '00:30', '23:00', '01:00', ['14 23:00', '15 01:00']],
  ['the same time is a whole day', '10:00', '02:00', '02:00', ['15 02:00', '16 02:00']],
  ['an end after a day and time', '10:00', '2026-06-12 14:00', '16:00', ['12 14:00', '12 16:00']],
  ['an end after yesterday', '10:00', 'yesterday 23:00', '01:00', ['14 23:00', '15 01:00']],
  ['an end after so long ago', '01:00', '3h', '23:00', ['14 22:00', '14 23:00']],
  ['a beginning before a known end', '10:00', '22:00', '2026-06-12 03:00', ['11 22:00', '12 03:00']],
  ['a beginning at a known end', '10:00', '03:00', 'yesterday 03:00', ['13 03:00', '14 03:00']],
  ['a beginning before an end to come', '10:00', '22:00', 'today 23:00', ['14 22:00', '15 23:00']],
  ['an end alone', '02:30', undefined, '03:00', [undefined, '14 03:00']],
  ['an end alone that has just passed', '03:00', undefined, '03:00', [undefined, '15 03:00']],
  ['known ends stay as they are', '10:00', 'today', 'yesterday', ['15 00:00', '14 00:00']],
])('which period is meant: %s', (_, clock, since, until, expected) => {
  for (const [zone, offset] of [
    ['UTC', 'Z'],
    ['Europe/Berlin', '+02:00'],
    ['Pacific/Kiritimati', '+14:00'],
  ] as const) {
    inZone(zone);
    const iso = expected.map((text) =>
      text === undefined ? text : new Date(`2026-06-${text.replace(' ', 'T')}${offset}`).toISOString(),
    );
    expect(meant(`2026-06-15T${clock}${offset}`, since, until)).toEqual(iso);
  }
});

test('neither end, no period', () => {
  expect(periodOf(undefined, undefined, 0)).toEqual({});
});

test.each([
  // 02:00 to 03:00 does not exist on 29 March, and is there twice on 25 October.
  ['a day of 23 hours', '2026-03-29T12:00Z', 'today', '2026-03-28T23:00:00.000Z'],
  ['the day before it', '2026-03-29T12:00Z', 'yesterday 14:00', '2026-03-28T13:00:00.000Z'],
  ['a time that is skipped', '2026-03-29T12:00Z', 'today 02:30', '2026-03-29T01:30:00.000Z'],
  ['a time of day that is skipped', '2026-03-29T12:00Z', '02:30', '2026-03-29T01:30:00.000Z'],
  ['one that does not come today', '2026-03-29T01:10Z', '02:30', '2026-03-28T01:30:00.000Z'],
  ['how long ago, across the change', '2026-03-29T12:00Z', '1d', '2026-03-28T12:00:00.000Z'],
  ['a day of 25 hours', '2026-10-25T12:00Z', 'today', '2026-10-24T22:00:00.000Z'],
  ['the day before that', '2026-10-25T12:00Z', 'yesterday 14:00', '2026-10-24T12:00:00.000Z'],
  ['a time that is there twice', '2026-10-25T12:00Z', '02:30', '2026-10-25T00:30:00.000Z'],
])('when the clocks change in Berlin: %s', (_, now, since, iso) => {
  inZone('Europe/Berlin');
  expect(meant(now, since)).toEqual([iso, undefined]);
});

test('an end of a period may be on the other side of a change of the clocks', () => {
  inZone('Europe/Berlin');
  expect(meant('2026-03-29T12:00Z', 'yesterday 23:00', '03:00')).toEqual([
    '2026-03-28T22:00:00.000Z',
    '2026-03-29T01:00:00.000Z',
  ]);
  expect(meant('2026-10-25T12:00Z', '01:00', '04:00')).toEqual([
    '2026-10-24T23:00:00.000Z',
    '2026-10-25T03:00:00.000Z',
  ]);
});

test('what commands print is read as the same moment, to the second or exactly, in any zone', () => {
  const moments = fc.integer({ min: 0, max: Date.UTC(2100, 0) });
  for (const zone of ['UTC', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu']) {
    inZone(zone);
    fc.assert(
      fc.property(moments, fc.nat(86_399_999), (ms, age) => {
        const iso = new Date(ms).toISOString();
        const second = Math.floor(ms / 1_000) * 1_000;
        expect(readMoment(iso, 0)).toBe(ms);
        expect(readMoment(formatTime(ms), 0)).toBe(second);
        const [, clock = ''] = formatTime(ms).split(' ');
        expect(periodOf(readMoment(clock, 0), undefined, second + age).since).toBe(second);
      }),
    );
  }
});

test('times of day name a period of a day at most that has begun', () => {
  const pad = (n: number): string => String(n).padStart(2, '0');
  const clocks = fc.tuple(fc.nat(23), fc.nat(59)).map(([h, m]) => `${pad(h)}:${pad(m)}`);
  const moments = fc.integer({ min: Date.UTC(2026, 0), max: Date.UTC(2027, 0) });
  for (const zone of ['UTC', 'America/New_York', 'Australia/Lord_Howe', 'Africa/Cairo']) {
    inZone(zone);
    fc.assert(
      fc.property(moments, clocks, clocks, (now, from, to) => {
        const read = [from, to].map((text) => readMoment(text, now));
        const { since = Number.NaN, until = Number.NaN } = periodOf(read[0], read[1], now);
        expect(since).toBeLessThanOrEqual(now);
        expect(since).toBeGreaterThan(now - 50 * 3_600_000);
        expect(until).toBeGreaterThan(since);
        expect(until).toBeLessThanOrEqual(since + 25 * 3_600_000);
      }),
    );
  }
});

test.each([
  ...['', ' ', 'Z', '+02:00', 'noon', 'tomorrow', '2w', '-2h', '1.5h', '2 h', '14', '2:00', '24:00', '14:60'],
  ...['2026-02-31', '0000-01-01', '2026-03-01T25:00', '2026-03-01 (noon)', '03/01/2026', '2026-03-0114:00'],
  ...['14:00+24:00', '14:00 CET', 'yesterday 14', 'yesterday14:00', '2016-12-31T23:59:60Z', '14:00 15:00'],
])('"%s" is no moment', (text) => {
  expect(readMoment(text, Date.parse(NOW))).toBeUndefined();
});
