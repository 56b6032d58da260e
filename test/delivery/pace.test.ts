import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { OPEN_VERDICT } from '../../src/core/pace.ts';
import { Pace } from '../../src/delivery/pace.ts';
import { createLog } from '../../src/log.ts';
import { captureLogLines } from '../support/log-lines.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** The pace of an endpoint that is down, by a clock of its own; Redis never answers. */
function downPace(holdMs: number, holdUntil = 0) {
  const looks: number[] = [];
  const pace = new Pace({
    endpoint: {
      ...{ client: 'acme', type: 'x', concurrency: 4, timeoutMs: 15_000 },
      pace: { mode: 'adaptive', holdMs, minPerSecond: 0 },
    },
    name: 'process',
    log: createLog({ level: 'info', destination: captureLogLines().stream }),
    tell: () => new Promise(() => {}),
    write: () => new Promise(() => {}),
    onChange: () => looks.push(Date.now()),
    onError() {},
    now: Date.now,
    monotonicNow: Date.now,
  });
  pace.exchange.learn({
    ...OPEN_VERDICT,
    number: 1,
    epoch: 1,
    state: 'down',
    downFrom: Date.now(),
    holdUntil,
  });
  looks.length = 0;
  return { pace, looks };
}

test('events that are overdue and wait for room are looked at once a second, not all the time', () => {
  const { pace, looks } = downPace(1_000);
  const since = Date.now() - 60_000;
  for (let second = 1; second <= 5; second += 1) {
    pace.heardWaits({ retryAt: 0, freshSince: since });
    vi.advanceTimersByTime(999);
    expect(looks).toHaveLength(second - 1);
    vi.advanceTimersByTime(1);
    expect(looks).toHaveLength(second);
  }
  pace.stop();
});

test('an event that will be overdue is looked at when it is', () => {
  const { pace, looks } = downPace(10_000);
  const since = Date.now() - 5_000;
  pace.heardWaits({ retryAt: 0, freshSince: since });
  vi.advanceTimersByTime(4_999);
  expect(looks).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(looks).toHaveLength(1);
  const waiter = { isRetry: false, heldSince: since, isWanted: () => true };
  expect(pace.next(waiter, undefined, 0)).toMatchObject({ isRetry: false });
  pace.stop();
});

test('while an endpoint that is down says Retry-After, not even due retries go; afterwards they do', () => {
  const { pace } = downPace(600_000, Date.now() + 30_000);
  const retry = { isRetry: true, heldSince: Date.now(), isWanted: () => true };
  vi.advanceTimersByTime(29_000);
  expect([pace.admits(retry), pace.next(undefined, retry, 0)]).toEqual([false, undefined]);
  vi.advanceTimersByTime(1_000);
  expect([pace.admits(retry), pace.next(undefined, retry, 0)]).toMatchObject([true, { isRetry: true }]);
  pace.stop();
});
