import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Locks } from '../../src/queue/locks.ts';

const DURATION_MS = 30_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Locks of which `expired` have run out at the next renewal; undefined: Redis is away. */
function locks() {
  const parts = { expired: [] as string[] | undefined, lost: [] as string[], errors: 0 };
  const held = new Locks({
    lock: { durationMs: DURATION_MS, stalledIntervalMs: 5_000 },
    extend: async () => {
      if (parts.expired === undefined) throw new Error('Redis is away');
      return parts.expired;
    },
    onLost: (jobId) => parts.lost.push(jobId),
    onError: () => {
      parts.errors += 1;
    },
  });
  held.start();
  return { held, parts };
}

test('a lock is sure for as long as it lasts since it was asked for, and since each renewal', async () => {
  const { held } = locks();
  const asked = performance.now();
  await vi.advanceTimersByTimeAsync(1_000);
  const isLocked = held.hold('batch', 'token', asked);
  expect(isLocked()).toBe(true);
  // Renewed at the second look, at 10 s: until 40 s.
  await vi.advanceTimersByTimeAsync(60_000);
  expect(isLocked()).toBe(true);
  held.stop();
  await vi.advanceTimersByTimeAsync(DURATION_MS - 5_001);
  expect(isLocked()).toBe(true);
  await vi.advanceTimersByTimeAsync(5_001);
  expect(isLocked()).toBe(false);
});

test('a lock that could not be renewed, for want of Redis, is not sure once it may have run out', async () => {
  const { held, parts } = locks();
  const isLocked = held.hold('batch', 'token', performance.now());
  parts.expired = undefined;
  await vi.advanceTimersByTimeAsync(DURATION_MS - 1);
  expect(isLocked()).toBe(true);
  await vi.advanceTimersByTimeAsync(1);
  expect(isLocked()).toBe(false);
  parts.expired = [];
  await vi.advanceTimersByTimeAsync(5_000);
  expect(isLocked()).toBe(true);
  held.stop();
});

test('a process that stood still: none is sure before its renewal is answered, nor one that was not renewed', async () => {
  const { held, parts } = locks();
  const renewed = held.hold('renewed', 'token', performance.now());
  const expired = held.hold('expired', 'token', performance.now());
  await vi.advanceTimersByTimeAsync(5_000);
  const young = held.hold('young', 'token', performance.now());
  parts.expired = ['expired'];
  const stoodUntil = performance.now() + 2 * DURATION_MS;
  const now = vi.spyOn(performance, 'now').mockImplementation(() => stoodUntil);
  expect([renewed(), expired(), young()]).toEqual([false, false, false]);
  await vi.advanceTimersByTimeAsync(5_000);
  await new Promise(setImmediate);
  expect([renewed(), expired(), young()]).toEqual([true, false, false]);
  expect(parts.lost).toEqual(['expired']);
  now.mockRestore();
  held.stop();
});
