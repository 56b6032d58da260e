import { expect, test } from 'vitest';
import { widthOf } from '../../../src/cli/live-screen.ts';
import type { ClientNews, WatchTick } from '../../../src/cli/watch/client-news.ts';
import { screenLines } from '../../../src/cli/watch/screen-lines.ts';
import { viewWith } from './client-views.ts';

const NOW = Date.parse('2026-03-01T14:03:07Z');
const plain = (_: unknown, text: string): string => text;
const trend = (...backlogs: number[]) => [
  ...Array.from({ length: 12 - backlogs.length }, () => 0),
  ...backlogs,
];
const error = (status: number, failureClass: string, detail: string, agoMs: number) => ({
  lastError: {
    ...{ at: NOW - agoMs, event: 'e', type: 'disposition_update', attempt: 2, status },
    ...{ class: failureClass, detail },
  },
});
const rates = (acceptedPerSecond: number, deliveredPerSecond: number, failedPerSecond: number) => ({
  rates: { acceptedPerSecond, deliveredPerSecond, failedPerSecond, diedPerSecond: 0, attemptMs: 34.4 },
});

function quiet(client: string): ClientNews {
  return { client, view: viewWith({}, { delivered: 10 }), backlog: 0, trend: trend(0) };
}
const HEALTHY: ClientNews = {
  ...{ client: 'acme', view: viewWith({ inFlight: 3 }), backlog: 3, trend: trend(3) },
  ...rates(1234, 1230.4, 0),
};
const FAILING: ClientNews = {
  client: 'acme-outlet',
  view: viewWith({
    ...{ waiting: 12_345, retrying: 60, oldestMs: 200_000, dead: 7, pausedAt: NOW },
    ...error(503, 'server_error', 'a\u001b[31m long\nexplanation of what is wrong there', 3_400),
  }),
  ...{ backlog: 12_405, trend: trend(10, 3_000, 12_405), ...rates(20, 0.25, 15) },
};
const tickOf = (news: readonly ClientNews[], more: Partial<WatchTick> = {}): WatchTick => ({
  ...{ at: NOW, news, services: 1, ...more },
});

test('80 columns: the most troubled first, their last errors below', () => {
  const lines = screenLines(tickOf([quiet('acme-new'), HEALTHY, FAILING]), { columns: 79, rows: 23 }, plain);
  expect(lines).toEqual([
    'waybill status  2026-03-01 14:03:07Z  3 clients  q ends',
    '1,254 in/s  1,231 out/s  15 failed/s  backlog 12.4k  retrying 60  dead 7',
    '',
    'client        in/s  out/s fail/s   mean   backlog oldest retrying   dead',
    'acme-outlet     20 paused     15  34 ms   12.4k ↑  3 min       60      7',
    'acme         1,234  1,230      0  34 ms       3 ↑      -        0      0',
    'acme-new         -      -      -      -       0        -        0      0',
    '',
    'last errors',
    'acme-outlet 503 server_error, 3 s ago: a\\u001b[31m long explanation of what is wrong there',
  ]);
});

test('120 columns: the course of the last minute and the last error beside; incidents where there are any', () => {
  const counted = { ...FAILING, view: { ...FAILING.view, incidents: ['disposition_update'] } };
  const lines = screenLines(tickOf([HEALTHY, counted]), { columns: 119, rows: 29 }, plain);
  expect(lines.slice(3)).toEqual([
    'client        in/s  out/s fail/s   mean   backlog oldest retrying   dead inc last minute  last error',
    'acme-outlet     20 paused     15  34 ms   12.4k ↑  3 min       60      7   1 ▁▁▁▁▁▁▁▁▁▂▃█ 503 server_error, 3 s ago: a…',
    'acme         1,234  1,230      0  34 ms       3 ↑      -        0      0   0 ▁▁▁▁▁▁▁▁▁▁▁▄',
  ]);
  for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(119);
});

test('a thousand clients fit on one screen: what has no room and what is quiet is told in one line', () => {
  const many = Array.from({ length: 960 }, (_, i) => quiet(`client-${i}`));
  const failing = Array.from({ length: 40 }, (_, i) => ({ ...FAILING, client: `failing-${i}` }));
  const lines = screenLines(tickOf([...many, ...failing]), { columns: 79, rows: 23 }, plain);
  expect(lines).toHaveLength(23);
  const rows = lines.filter((line) => line.includes('12.4k ↑'));
  const fold = lines[4 + rows.length];
  expect(fold).toBe(
    `${40 - rows.length} more clients with backlog ${(((40 - rows.length) * 12_405) / 1_000).toFixed(0)}k  ` +
      `retrying ${((40 - rows.length) * 60).toLocaleString('en-US')}  dead ${(40 - rows.length) * 7}; 960 are quiet`,
  );
  const calm = screenLines(tickOf(many), { columns: 79, rows: 23 }, plain);
  expect(calm.slice(4)).toEqual(['960 clients are quiet']);
});

test.each([9, 10, 11, 12, 14, 23])('many clients that fail stay within %i rows', (rows) => {
  const failing = Array.from({ length: 40 }, (_, i) => ({ ...FAILING, client: `failing-${i}` }));
  for (const more of [{}, { services: 0 }, { away: { since: NOW, reason: 'Redis cannot be reached' } }]) {
    for (const count of [1, 2, 7, 40]) {
      const news = [quiet('acme-new'), ...failing.slice(0, count)];
      const lines = screenLines(tickOf(news, more), { columns: 79, rows }, plain);
      expect(lines.length).toBeLessThanOrEqual(rows);
      expect(lines.some((line) => line.includes('failing-0'))).toBe(true);
      // No heading without errors below it, and none where there is no room for one.
      expect(lines.at(-1)).not.toBe('last errors');
    }
  }
});

test('a Redis that is away and a service that is not there are told', () => {
  const away = { since: NOW - 12_000, reason: 'Redis cannot be reached: connect ECONNREFUSED' };
  const lines = screenLines(tickOf([HEALTHY], { away }), { columns: 79, rows: 23 }, plain);
  expect(lines.slice(1, 3)).toEqual([away.reason, 'for 12 s; the figures are from before']);
  const idle = screenLines(tickOf([HEALTHY], { services: 0 }), { columns: 79, rows: 23 }, plain);
  expect(idle[2]).toContain('No service is running');
});
