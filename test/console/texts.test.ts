import { describe, expect, test } from 'vitest';
import type { LiveRow } from '../../src/api/live-row.ts';
import {
  ago,
  clock,
  count,
  duration,
  failureText,
  hourAndMinute,
  plural,
  rate,
  utc,
  visible,
} from '../../src/console/format.ts';
import { adviceOf, byTrouble, headlineOf, reasonOf, stateOf } from '../../src/console/trouble.ts';

const AT = '2026-03-01T14:00:00.000Z';

function rowOf(changes: Partial<LiveRow> = {}): LiveRow {
  return {
    ...{ client: 'acme', type: 'disposition_update', state: 'open', since: null, ratePerSecond: null },
    ...{
      nextTryAt: null,
      paused: null,
      withheld: null,
      incident: false,
      waiting: 0,
      inFlight: 0,
      retrying: 0,
    },
    ...{
      dead: 0,
      delivered: 0,
      deliveredPerSecond: 0,
      oldestSeconds: 0,
      drainSeconds: null,
      lastError: null,
    },
    spark: [],
    ...changes,
  };
}

const WITHHELD = {
  for: 'token',
  since: AT,
  blame: 'credentials',
  detail: 'invalid_client',
  nextTryAt: AT,
} as const;

describe('the headline', () => {
  test.each([
    [[rowOf()], 1, 'The endpoint is well; nothing waits'],
    [[rowOf(), rowOf()], null, 'All 2 endpoints are well; nothing waits'],
    [[rowOf({ state: 'down', waiting: 12_000, retrying: 400 })], 1, '1 endpoint down; 12,400 events wait'],
    [
      [rowOf({ state: 'down' }), rowOf({ state: 'down' }), rowOf({ state: 'slowed', waiting: 1, dead: 1 })],
      1,
      '2 endpoints down, 1 slowed; 1 event waits; 1 dead letter',
    ],
    [[rowOf({ incident: true, dead: 3 })], 1, '1 endpoint with an incident; nothing waits; 3 dead letters'],
    [[rowOf({ withheld: WITHHELD })], 0, 'No service delivers; 1 endpoint held back; nothing waits'],
  ])('of %j with %s services', (rows, services, text) => {
    expect(headlineOf(rows, services)).toBe(text);
  });
});

test('the worst endpoint comes first, and of two in one state the one with many more events', () => {
  const rows = [
    rowOf({ client: 'ok' }),
    rowOf({ client: 'paused', paused: AT }),
    rowOf({ client: 'slow', state: 'slowed' }),
    rowOf({ client: 'held', withheld: WITHHELD }),
    rowOf({ client: 'less', state: 'down', waiting: 1 }),
    rowOf({ client: 'more', state: 'down', waiting: 200 }),
  ];
  expect(rows.sort(byTrouble).map(({ client }) => client)).toEqual([
    'more',
    'less',
    'held',
    'slow',
    'paused',
    'ok',
  ]);
});

test('each state says what to do, and an endpoint that is well nothing', () => {
  expect(adviceOf(rowOf())).toBeUndefined();
  expect(adviceOf(rowOf({ dead: 1 }))?.brief).toBe('Have the cause mended, then replay.');
  for (const state of ['down', 'slowed', 'recovering'] as const) {
    expect(adviceOf(rowOf({ state }))?.whole).toMatch(/\.$/);
  }
  for (const blame of ['credentials', 'service', 'proxy', 'local'] as const) {
    const row = rowOf({ withheld: { ...WITHHELD, blame } });
    expect([stateOf(row), adviceOf(row)?.whole]).toEqual(['waits', expect.stringMatching(/\.$/)]);
  }
  const all = rowOf({ state: 'down', withheld: WITHHELD, paused: AT });
  expect([stateOf(all), adviceOf(all)?.brief]).toEqual(['down', 'Resume it once the reason is gone.']);
});

test('a reason names the status, and no text of others turns it around', () => {
  const lastError = {
    at: AT,
    status: 503,
    class: 'server_error',
    detail: '\u202eno\u0000',
    deliveredSince: 0,
  };
  expect(reasonOf(rowOf({ lastError }))).toBe('503 server error: \\u202eno\\u0000');
  expect(reasonOf(rowOf({ lastError: { ...lastError, status: null, class: 'timeout', detail: '' } }))).toBe(
    'timeout',
  );
  expect(reasonOf(rowOf({ withheld: WITHHELD }))).toBe('waits for token: invalid_client');
});

test('numbers, durations and times are written for people', () => {
  expect([0, 45, 60, 725, 7_500, 90_000, 172_800].map(duration)).toEqual([
    ...['0 s', '45 s', '1 min', '12 min', '2 h 5 min', '1 d 1 h', '2 d'],
  ]);
  expect([0, 0.04, 3.21, 12.7, 1_234].map(rate)).toEqual(['0', '<0.1', '3.2', '13', '1,234']);
  expect([count(12_400), plural(1, 'event'), plural(2, 'event')]).toEqual(['12,400', '1 event', '2 events']);
  expect([failureText(null, 'not_http'), failureText(422, 'client_error')]).toEqual([
    'not http',
    '422 client error',
  ]);
  expect(utc(AT)).toBe('2026-03-01 14:00:00 UTC');
  expect(ago(AT, Date.parse(AT) + 180_000)).toBe('3 min ago');
  const [today, another] = [clock(AT, Date.parse(AT)), clock(AT, Date.parse(AT) + 3 * 86_400_000)];
  expect(today).toMatch(/^\d\d:\d\d:\d\d$/);
  expect(another).toMatch(/Mar/);
  expect(hourAndMinute(AT)).toMatch(/^\d\d:\d\d$/);
  expect(visible('a\tb\n\u2066\u0007')).toBe('a\tb\n\\u2066\\u0007');
});
