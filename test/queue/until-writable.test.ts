import { ReplyError } from 'ioredis';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { isNotWritable, reasonOf, untilWritable } from '../../src/queue/until-writable.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const NOT_NOW = [
  "READONLY You can't write against a read only replica.",
  'LOADING Redis is loading the dataset in memory',
  "OOM command not allowed when used memory > 'maxmemory'.",
  'MASTERDOWN Link with MASTER is down',
  'CLUSTERDOWN The cluster is down',
  'TRYAGAIN Multiple keys request during rehashing of slot',
  'MISCONF Redis is configured to save RDB snapshots',
  'BUSY Redis is busy running a script.',
  'NOREPLICAS Not enough good replicas to write.',
];

test.each(NOT_NOW)('not just now: %s', (message) => {
  expect(isNotWritable(new ReplyError(message))).toBe(true);
});

const SHA = '5a1e0d4b7c6f48b2a7b1c3a9d0e5f6a7b8c9d0e1';

/** How Redis 6.2 and Redis 7 pass on what a command within a script was refused with. */
const FROM_A_SCRIPT = NOT_NOW.flatMap((message) => [
  `ERR Error running script (call to f_${SHA}): @user_script:12: -${message}`,
  `ERR Error running script (call to f_${SHA}): @user_script:12: @user_script: 12: -${message} `,
  // As a script returns what it caught itself.
  `@user_script: 12: -${message}`,
  `${message} script: ${SHA}, on @user_script:12.`,
]);

test.each(FROM_A_SCRIPT)('not just now, within a script: %s', (message) => {
  const error = new ReplyError(message) as Error;
  expect(isNotWritable(error)).toBe(true);
  expect(NOT_NOW).toContain(reasonOf(error));
});

test.each([
  new ReplyError(
    `ERR Error running script (call to f_${SHA}): @user_script:3: @user_script: 3: -WRONGTYPE Op`,
  ),
  new ReplyError(
    `ERR Error running script (call to f_${SHA}): @user_script:3: user_script:3: OOM is no variable`,
  ),
  new ReplyError('WRONGTYPE Operation against a key holding the wrong kind of value'),
  new ReplyError('ERR OOM'),
  new ReplyError('OOMPH'),
  new Error('Connection is closed.'),
  new Error(''),
  'OOM',
  undefined,
])('something else: %s', (error) => {
  expect(isNotWritable(error)).toBe(false);
});

test('repeats with growing waits until it works', async () => {
  const tries: number[] = [];
  const waits: Error[] = [];
  const operation = async (): Promise<string> => {
    tries.push(performance.now());
    if (tries.length <= 9) throw new ReplyError('OOM command not allowed');
    return 'written';
  };
  const from = performance.now();
  const result = untilWritable(
    operation,
    () => false,
    (error) => waits.push(error),
  );
  await vi.advanceTimersByTimeAsync(60_000);
  expect(await result).toBe('written');
  expect(waits).toHaveLength(9);
  const times = [from, ...tries.slice(1)];
  const gaps = times.slice(1).map((at, i) => Math.round(at - (times[i] ?? 0)));
  expect(gaps).toEqual([50, 100, 200, 400, 800, 1_600, 2_000, 2_000, 2_000]);
});

test('another error is not waited for', async () => {
  const waits: Error[] = [];
  const failing = untilWritable(
    () => Promise.reject(new ReplyError('WRONGTYPE')),
    () => false,
    (error) => waits.push(error),
  );
  await expect(failing).rejects.toThrow('WRONGTYPE');
  expect(waits).toEqual([]);
});

test('a closed caller gives up', async () => {
  let closed = false;
  let tries = 0;
  const failing = untilWritable(
    () => {
      tries += 1;
      return Promise.reject(new ReplyError('LOADING'));
    },
    () => closed,
    () => {},
  );
  const outcome = expect(failing).rejects.toThrow('LOADING');
  await vi.advanceTimersByTimeAsync(60);
  expect(tries).toBe(2);
  closed = true;
  await vi.advanceTimersByTimeAsync(2_000);
  await outcome;
  expect(tries).toBe(3);
});
