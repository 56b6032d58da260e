import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { afterRunning, atMost, every } from '../../src/core/time.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const never = new Promise<string>(() => {});

describe('atMost', () => {
  test('gives the value of a promise that is in time', async () => {
    expect(await atMost(10, Promise.resolve('value'))).toBe('value');
  });

  test('gives undefined once time is up', async () => {
    const waited = atMost(10, never);
    await vi.advanceTimersByTimeAsync(10);
    expect(await waited).toBeUndefined();
  });

  test('rejects as the promise does', async () => {
    await expect(atMost(10, Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  });
});

describe('every', () => {
  test('acts at once, then after each wait, until it is stopped', async () => {
    const action = vi.fn(async () => {});
    const stop = every(100, action);
    expect(action).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(350);
    expect(action).toHaveBeenCalledTimes(4);
    await stop();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(action).toHaveBeenCalledTimes(4);
  });

  test('waits from the end of an action, for as long as is said then', async () => {
    let waitMs = 50;
    const times: number[] = [];
    const start = Date.now();
    const stop = every(
      () => waitMs,
      async () => {
        times.push(Date.now() - start);
        await new Promise((resolve) => setTimeout(resolve, 20));
      },
    );
    await vi.advanceTimersByTimeAsync(75);
    waitMs = 500;
    await vi.advanceTimersByTimeAsync(600);
    expect(times).toEqual([0, 70, 590]);
    const stopped = stop();
    await vi.advanceTimersByTimeAsync(100);
    await stopped;
  });

  test('stops only when the action under way is done', async () => {
    let finish: () => void = () => {};
    const stop = every(100, () => new Promise<void>((resolve) => (finish = resolve)));
    const done = vi.fn();
    const stopped = stop().then(done);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(done).not.toHaveBeenCalled();
    finish();
    await stopped;
  });
});

describe('afterRunning', () => {
  test('calls back once, after its time', () => {
    const action = vi.fn();
    afterRunning(100, action);
    vi.advanceTimersByTime(99);
    expect(action).not.toHaveBeenCalled();
    vi.advanceTimersByTime(200);
    expect(action).toHaveBeenCalledTimes(1);
  });

  test('calls back no more once it is stopped', () => {
    const action = vi.fn();
    const stop = afterRunning(100, action);
    vi.advanceTimersByTime(99);
    stop();
    vi.advanceTimersByTime(200);
    expect(action).not.toHaveBeenCalled();
  });
});
