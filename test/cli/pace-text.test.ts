import { expect, test } from 'vitest';
import { headline, paceLines, shortWithheld, withheldLines } from '../../src/cli/pace-text.ts';
import type { EndpointPace } from '../../src/core/endpoint-pace.ts';
import { viewWith } from './watch/client-views.ts';

const NOW = Date.parse('2026-03-01T14:15:07Z');
const NAME = 'acme inventory_receipt';
const HINT = '  "waybill pace acme inventory_receipt --open" tries again at once';

function linesOf(pace: Partial<EndpointPace>): string[] {
  const open = { state: 'open', since: NOW - 720_000, holds: true, holdUntil: 0, paced: 0 } as const;
  const lines = paceLines(NAME, { ...open, ...pace }, NOW);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  return lines;
}
const first = (state: string) => `${NAME}: ${state} since 2026-03-01 14:03:07Z (12 min)`;

test('down: the next try, what waits and until when at most, and what to do', () => {
  const down = {
    state: 'down',
    paced: 12_400,
    nextTryAt: NOW + 14_000,
    pacedUntil: NOW + 11_100_000,
  } as const;
  expect(linesOf(down)).toEqual([
    first('down'),
    '  next try in 14 s (2026-03-01 14:15:21Z)',
    '  12,400 events wait, the oldest until 2026-03-01 17:20:07Z at most',
    HINT,
  ]);
  expect(linesOf({ ...down, paced: 1, nextTryAt: NOW, pacedUntil: NOW })).toEqual([
    ...[first('down'), '  next try now', '  1 event waits, the oldest beyond the longest hold', HINT],
  ]);
  expect(linesOf({ state: 'down' })).toEqual([first('down'), '  no event waits for it', HINT]);
});

test('a hold: the moment before which nothing is sent', () => {
  const held = { state: 'slowed', paced: 40, holdUntil: NOW + 24_000, nextTryAt: NOW + 24_000 } as const;
  expect(linesOf(held)).toEqual([
    ...[first('slowed'), '  the endpoint says Retry-After: nothing is sent before 14:15:31Z (in 24 s)'],
    ...['  40 events wait', HINT],
  ]);
});

test('slowed and recovering: the rate, what waits, and how long that takes', () => {
  const slowed = { state: 'slowed', ratePerSecond: 287.4, paced: 3_000, drainSeconds: 11 } as const;
  const wait = '  3,000 events wait, 11 s at the present rate';
  expect(linesOf(slowed)).toEqual([first('slowed'), '  at most 287/s over all processes', wait]);
  const rising = '  at most 287/s over all processes, and rising';
  expect(linesOf({ ...slowed, state: 'recovering' })).toEqual([first('recovering'), rising, wait]);
  const { drainSeconds: _, ...failing } = slowed;
  expect(linesOf(failing)[2]).toBe('  3,000 events wait, and nothing is delivered');
});

test('open: how long its waiting events take; one that was never judged is open without a time', () => {
  expect(linesOf({ holds: false, drainSeconds: 75 })).toEqual([
    ...[first('open'), '  the waiting events take 1 min 15 s at the present rate'],
  ]);
  expect(linesOf({ holds: false, since: 0 })).toEqual([`${NAME}: open`]);
});

test('a fixed pace: the state, and that nothing waits for it', () => {
  const fixed = '  events are sent all the same, because of "pace: fixed"';
  expect(linesOf({ state: 'down', holds: false })).toEqual([first('down'), fixed]);
  expect(linesOf({ state: 'slowed', holds: false, holdUntil: NOW + 24_000 })).toEqual([
    ...[first('slowed'), '  the endpoint says Retry-After: until 14:15:31Z (in 24 s)', fixed],
  ]);
});

test('the headline of clients of whom nothing is wrong is empty', () => {
  expect(headline([viewWith({ waiting: 500 })])).toBe('');
});

test('events that wait for the proxy', () => {
  const withheld = {
    for: 'proxy',
    since: NOW - 720_000,
    blame: 'credentials',
    detail: 'proxy p:1 answered 407 to CONNECT 192.0.2.1:443: check its user and password',
    nextTryAt: NOW + 8_000,
  } as const;
  expect(withheldLines(NAME, withheld)).toEqual([
    `${NAME}: events wait for the proxy since 2026-03-01 14:03:07Z; next try 2026-03-01 14:15:15Z`,
    `  ${withheld.detail}`,
  ]);
  expect(shortWithheld(withheld, NOW)).toBe('waits for the proxy 12 min, next try in 8 s');
});
