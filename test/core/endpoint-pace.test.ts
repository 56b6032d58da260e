import { expect, test } from 'vitest';
import { describePace, type PaceFacts, paceValue } from '../../src/core/endpoint-pace.ts';
import { OPEN_VERDICT, type Verdict } from '../../src/core/pace.ts';
import { NO_SUMS, type PaceSums } from '../../src/core/pace-sums.ts';

const NOW = Date.parse('2026-03-01T14:00:00Z');
const MINUTE = 60_000;
const ago = (minutes: number) => NOW - minutes * MINUTE;
const iso = (at: number) => new Date(at).toISOString();
const NOTHING = { nextTryAt: null, paced: 0, pacedUntil: null, drainSeconds: null };

const verdictOf = (change: Partial<Verdict>): Verdict => ({ ...OPEN_VERDICT, since: ago(12), ...change });
const DOWN = verdictOf({ state: 'down', downFrom: ago(13), usualRate: 300 });
const SLOWED = verdictOf({ state: 'slowed', rate: 286.123_456 });
const HELD = verdictOf({ state: 'slowed', rate: 1, holdUntil: NOW + 40_000 });
/** 250 delivered in each of the last two seconds. */
const DELIVERING: PaceSums = {
  ...{ ...NO_SUMS, goodAt: NOW, countedFrom: ago(5), secondFrom: NOW - 999 },
  ...{ second: 250, secondBefore: 250 },
};
const PROBED: PaceSums = { ...NO_SUMS, goodAt: ago(13), freshAt: NOW + 14_000, freshBy: NOW + 50_000 };

function told(verdict: Verdict, facts: Partial<PaceFacts> = {}) {
  const none = { waiting: 0, dueRetries: 0, isAdaptive: true, holdMs: 180 * MINUTE };
  return paceValue(describePace({ ...none, verdict, sums: PROBED, now: NOW, ...facts }));
}

test('an endpoint of which nothing is known has always been open', () => {
  const unknown = told(OPEN_VERDICT, { sums: NO_SUMS });
  expect(unknown).toEqual({ ...NOTHING, state: 'open', since: null, ratePerSecond: null });
});

test('open with a backlog: nothing waits for the pace, and what is delivered tells how long it takes', () => {
  const open = told(OPEN_VERDICT, { sums: DELIVERING, waiting: 5_000 });
  expect(open).toMatchObject({ paced: 0, drainSeconds: 20, ratePerSecond: null });
  expect(told(OPEN_VERDICT, { waiting: 5_000 }).drainSeconds).toBeNull();
});

test('slowed: its rate, and all that waits, with no end but how long it takes', () => {
  const waiting = { waiting: 5_000, dueRetries: 40, oldestAt: ago(9) };
  const slowed = { ...NOTHING, state: 'slowed', since: iso(ago(12)), ratePerSecond: 286.123, paced: 5_000 };
  expect(told(SLOWED, { ...waiting, sums: DELIVERING })).toEqual({ ...slowed, drainSeconds: 20 });
  expect(told(SLOWED, waiting)).toEqual({ ...slowed, drainSeconds: 18 });
});

test('failing altogether is told as slowed, and nobody knows how long it takes', () => {
  const failing = told({ ...SLOWED, failing: true, rate: 50 }, { waiting: 5_000 });
  expect(failing).toMatchObject({ state: 'slowed', ratePerSecond: 50, paced: 5_000, drainSeconds: null });
});

test('recovering: as slowed', () => {
  const recovering = told({ ...SLOWED, state: 'recovering', rate: 4 }, { waiting: 400 });
  expect(recovering).toMatchObject({ state: 'recovering', ratePerSecond: 4, paced: 400, drainSeconds: 100 });
});

test('down: the next probe with a fresh event, or the retry that is due before it', () => {
  const waiting = { waiting: 300, dueRetries: 5, oldestAt: ago(9) };
  const down = told(DOWN, waiting);
  expect(down).toMatchObject({ state: 'down', ratePerSecond: null, paced: 300, drainSeconds: null });
  expect(down.nextTryAt).toBe(iso(NOW + 14_000));
  const tried = (facts: Partial<PaceFacts>) => told(DOWN, { ...waiting, ...facts }).nextTryAt;
  expect(tried({ nextRetryAt: NOW + 3_000 })).toBe(iso(NOW + 3_000));
  expect(tried({ nextRetryAt: ago(1) })).toBe(iso(NOW));
  expect(tried({ nextRetryAt: NOW + 99_000, waiting: 0 })).toBe(iso(NOW + 99_000));
  expect(tried({ waiting: 0 })).toBeNull();
  expect(tried({ sums: { ...PROBED, freshBy: NOW + 2_000 } })).toBe(iso(NOW + 2_000));
});

test('down: the longest hold begins with the acceptance of the oldest event, or with the last delivery', () => {
  const until = (oldestAt: number) => told(DOWN, { waiting: 1, oldestAt }).pacedUntil;
  expect(until(ago(9))).toBe(iso(ago(9) + 180 * MINUTE));
  expect(until(ago(20))).toBe(iso(ago(13) + 180 * MINUTE));
  expect(told(DOWN, { waiting: 0 }).pacedUntil).toBeNull();
});

test('a hold: nothing is sent before it ends, retries that are due wait as well', () => {
  const held = told(HELD, { waiting: 300, dueRetries: 5, oldestAt: ago(9), nextRetryAt: NOW + 1 });
  expect(held).toEqual({
    ...{ state: 'slowed', since: iso(ago(12)), ratePerSecond: null, drainSeconds: null },
    ...{ nextTryAt: iso(NOW + 40_000), paced: 305, pacedUntil: iso(ago(9) + 180 * MINUTE) },
  });
  const asking = told({ ...HELD, holdUntil: NOW - 1 }, { waiting: 300, dueRetries: 5 });
  expect(asking).toMatchObject({ nextTryAt: null, paced: 305, ratePerSecond: null });
});

test('times that another clock left ahead are cut', () => {
  const ahead = told({ ...HELD, since: NOW + 5_000, holdUntil: NOW + 3_600_000 });
  expect(ahead).toMatchObject({ since: iso(NOW), nextTryAt: iso(NOW + MINUTE) });
});

test('with a fixed pace the state and the rate are told, but nothing waits for it', () => {
  const fixed = { isAdaptive: false, waiting: 300, dueRetries: 5, oldestAt: ago(9), nextRetryAt: NOW + 1 };
  expect(told(DOWN, fixed)).toEqual({
    ...{ ...NOTHING, state: 'down', since: iso(ago(12)), ratePerSecond: null },
  });
  expect(told(HELD, fixed)).toMatchObject({ ...NOTHING, state: 'slowed' });
  expect(told(SLOWED, { ...fixed, sums: DELIVERING })).toEqual({
    ...{ ...NOTHING, state: 'slowed', since: iso(ago(12)), ratePerSecond: 286.123, drainSeconds: 2 },
  });
});
