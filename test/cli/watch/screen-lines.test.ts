import stringWidth from 'string-width';
import { expect, test } from 'vitest';
import { type ClientNews, isInTrouble, type WatchTick } from '../../../src/cli/watch/client-news.ts';
import { screenLines } from '../../../src/cli/watch/screen-lines.ts';
import type { EndpointPace } from '../../../src/core/endpoint-pace.ts';
import type { EndpointView } from '../../../src/queue/client-view.ts';
import { viewWith } from './client-views.ts';

const NOW = Date.parse('2026-03-01T14:03:07Z');
const plain = (_: unknown, text: string): string => text;
const error = (status: number, failureClass: string, detail: string, agoMs: number) => ({
  lastError: {
    ...{ at: NOW - agoMs, event: 'e', type: 'disposition_update', attempt: 2, status },
    ...{ class: failureClass, detail, deliveredSince: 12 },
  },
});
const rates = (acceptedPerSecond: number, deliveredPerSecond: number, failedPerSecond: number) => ({
  rates: { acceptedPerSecond, deliveredPerSecond, failedPerSecond, attemptMs: 34.4 },
});

function quiet(client: string): ClientNews {
  return { client, view: viewWith({}, { delivered: 10 }) };
}
const HEALTHY: ClientNews = {
  ...{ client: 'acme', view: viewWith({ inFlight: 3 }) },
  ...rates(1234, 1230.4, 0),
};
const FAILING: ClientNews = {
  client: 'acme-outlet',
  view: viewWith({
    ...{ waiting: 12_345, retrying: 60, oldestMs: 200_000, dead: 7, pausedAt: NOW },
    ...error(503, 'server_error', 'a\u001b[31m long\nexplanation of what is wrong there', 3_400),
  }),
  ...rates(20, 0.25, 15),
};
const tickOf = (news: readonly ClientNews[], more: Partial<WatchTick> = {}): WatchTick => ({
  ...{ at: NOW, news, services: 1, ...more },
});

test('80 columns: the columns of status, with rates; clients in trouble first, and what is paused', () => {
  const lines = screenLines(tickOf([quiet('acme-new'), HEALTHY, FAILING]), { columns: 79, rows: 23 }, plain);
  expect(lines).toEqual([
    'waybill status  2026-03-01 14:03:07Z  3 clients, rates over 5 s  q ends',
    '                       events now              delivered   accepted attempts',
    'client      waiting in flight retrying  dead in all     /s       /s failed/s',
    'all           12.3k         3       60     7     10  1,231    1,254       15',
    'acme-outlet   12.3k         0       60     7      0 paused       20       15',
    'acme-new          0         0        0     0     10      -        -        -',
    'acme              0         3        0     0      0  1,230    1,234        0',
  ]);
});

test('120 columns: the last error beside clients in trouble, as one line', () => {
  const lines = screenLines(tickOf([HEALTHY, FAILING]), { columns: 119, rows: 29 }, plain);
  expect(lines.slice(4)).toEqual([
    'acme-outlet   12.3k         0       60     7      0 paused       20       15' +
      '  503 (server_error), 3 s ago, 12 delivered since: a\\u001b[31m long explanation of what is wrong there',
    'acme              0         3        0     0      0  1,230    1,234        0',
  ]);
});

test('what is trouble: failures, retries, a long wait, a broken job, an incident, a pause; not old dead letters', () => {
  const troubles: Partial<ClientNews['view']>[] = [
    ...[{ retrying: 1 }, { oldestMs: 60_001 }, { broken: 1 }, { incidents: ['disposition_update'] }],
    ...[{ pausedAt: NOW }, { oldestMs: 60_000 }, { dead: 5 }, { waiting: 5 }],
  ];
  const news = troubles.map((figures) => ({ client: 'acme', view: viewWith(figures) }));
  expect(news.map(isInTrouble)).toEqual([true, true, true, true, true, false, false, false]);
  expect(isInTrouble({ ...quiet('acme'), ...rates(0, 0, 0.2) })).toBe(true);
  expect([SLOWED, DOWN, pacedClient('acme', {})].map(isInTrouble)).toEqual([true, true, false]);
});

test('a thousand clients fit on one screen: those without room are counted in the last line', () => {
  const many = Array.from({ length: 960 }, (_, i) => quiet(`client-${i}`));
  const failing = Array.from({ length: 40 }, (_, i) => ({ ...FAILING, client: `failing-${i}` }));
  const lines = screenLines(tickOf([...many, ...failing]), { columns: 79, rows: 23 }, plain);
  expect(lines).toHaveLength(23);
  expect(lines[4]).toMatch(/^failing-0 /);
  expect(lines[21]).toMatch(/^failing-17 /);
  expect(lines[22]).toBe('(982 more clients, 22 in trouble)');
  const calm = screenLines(tickOf(many), { columns: 79, rows: 23 }, plain);
  expect(calm.slice(21)).toEqual([expect.stringMatching(/^client-17 /), '(942 more clients)']);
});

test.each([6, 9, 10, 11, 12, 14, 23])('many clients that fail stay within %i rows', (rows) => {
  const failing = Array.from({ length: 40 }, (_, i) => ({ ...FAILING, client: `failing-${i}` }));
  for (const more of [{}, { services: 0 }, { away: { since: NOW, reason: 'Redis cannot be reached' } }]) {
    for (const count of [1, 2, 7, 40]) {
      const news = [quiet('acme-new'), ...failing.slice(0, count)];
      const lines = screenLines(tickOf(news, more), { columns: 79, rows }, plain);
      if (rows >= 9) expect(lines.length).toBeLessThanOrEqual(rows);
      expect(lines.some((line) => line.includes('failing-0'))).toBe(true);
    }
  }
});

/** A client with an endpoint at this pace. */
function pacedClient(
  client: string,
  pace: Partial<EndpointPace>,
  endpoint: Partial<EndpointView> = {},
): ClientNews {
  const whole = { state: 'open', since: NOW - 720_000, holds: true, holdUntil: 0, paced: 0, ...pace };
  const endpoints = { disposition_update: { pace: whole, ...endpoint } as EndpointView };
  const waiting = pace.paced ?? 0;
  return { client, view: viewWith({ waiting, endpoints }), ...rates(0, 0, 0) };
}
const DOWN = pacedClient('acme', {
  ...{ state: 'down', paced: 12_400, nextTryAt: NOW + 14_300, pacedUntil: NOW + 3.2 * 3_600_000 },
});
const SLOWED = pacedClient('globex', { state: 'slowed', paced: 900, ratePerSecond: 287.4, drainSeconds: 43 });

test('endpoints that are not open: a headline, those that are down first, and a line for each', () => {
  const hold = { state: 'slowed', paced: 7, holdUntil: NOW + 24_000, nextTryAt: NOW + 24_000 } as const;
  const mark = {
    for: 'token',
    since: NOW - 300_000,
    nextTryAt: NOW + 8_000,
    blame: 'service',
    detail: '',
  } as const;
  const news = [
    ...[FAILING, pacedClient('held', hold), SLOWED, DOWN],
    pacedClient('fixed', { state: 'down', holds: false }),
    pacedClient('tokens', {}, { withheld: mark, waiting: 3 }),
  ];
  const lines = screenLines(tickOf(news), { columns: 79, rows: 23 }, plain);
  expect(lines[1]).toBe('2 endpoints down, 2 slowed, 1 without a token; 13,310 events wait');
  const shown = lines.slice(5).map((line) => (line.startsWith(' ') ? line : line.split(' ')[0]));
  expect(shown).toEqual([
    'acme',
    '  disposition_update  down 12 min, next try in 14 s; 12.4k wait, 3 h at most',
    'fixed',
    '  disposition_update  down 12 min, pace: fixed',
    'acme-outlet',
    'held',
    '  disposition_update  slowed 12 min, Retry-After 24 s; 7 wait',
    'globex',
    '  disposition_update  slowed 12 min, 287/s; 900 wait, 43 s at this rate',
    'tokens',
    '  disposition_update  waits for a token 5 min, next try in 8 s',
  ]);
  for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(79);
});

test('one endpoint in trouble is told in the singular; an endpoint that is open has no line', () => {
  const one = screenLines(tickOf([DOWN]), { columns: 79, rows: 23 }, plain);
  expect(one[1]).toBe('1 endpoint down; 12,400 events wait');
  const open = screenLines(tickOf([pacedClient('acme', {})]), { columns: 79, rows: 23 }, plain);
  expect(open).toHaveLength(4);
});

test.each([8, 9, 10, 11, 12, 14])(
  'in %i rows the lines of endpoints give way to clients in trouble',
  (rows) => {
    const down = Array.from({ length: 4 }, (_, i) => ({ ...DOWN, client: `down-${i}` }));
    const lines = screenLines(tickOf([quiet('acme'), ...down]), { columns: 79, rows }, plain);
    expect(lines.length).toBeLessThanOrEqual(rows);
    const clients = lines.filter((line) => line.startsWith('down-')).length;
    const details = lines.filter((line) => line.startsWith('  disposition')).length;
    expect([clients, details]).toEqual([Math.min(4, rows - 6), Math.max(0, Math.min(4, rows - 10))]);
  },
);

test('a long name is cut where the figures would not fit', () => {
  const news = [{ ...FAILING, client: 'a-client-with-a-very-long-name' }];
  for (const columns of [79, 90, 119]) {
    const [line = ''] = screenLines(tickOf(news), { columns, rows: 23 }, plain).slice(-1);
    expect(stringWidth(line.slice(0, columns))).toBeLessThanOrEqual(columns);
    expect(line).toMatch(/^a-client-wit.* 15/);
  }
});

test('a Redis that is away and a service that is not there are told', () => {
  const away = { since: NOW - 12_000, reason: 'Redis cannot be reached: connect ECONNREFUSED' };
  const lines = screenLines(tickOf([HEALTHY], { away }), { columns: 79, rows: 23 }, plain);
  expect(lines.slice(1, 3)).toEqual([away.reason, 'for 12 s; the figures are from before']);
  const idle = screenLines(tickOf([HEALTHY], { services: 0 }), { columns: 79, rows: 23 }, plain);
  expect(idle[1]).toContain('No service is running');
});
