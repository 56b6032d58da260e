import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { deliveriesPrefix, endpointPrefix } from '../../src/queue/names.ts';
import { type SettleCommand, type Settled, settle } from '../../src/queue/settle.ts';
import type { NewLock } from '../../src/queue/take-batch.ts';
import { dispositionsOf } from '../support/events.ts';
import { testRedis, uniqueClientName } from '../support/redis.ts';
import { idleBatchWorker } from '../support/stalled.ts';
import { completion } from './support/completion.ts';

const NEXT = { token: 'next', durationMs: 30_000, askedAt: 0 };
const EVENT = { id: 'e', type: 'disposition_update', unit: 'u', body: '{}' };

type Changes = Partial<Omit<SettleCommand, 'nextLock'>> & { nextLock?: NewLock | undefined };

/** A client's queue with jobs a, b, … of one event, the first of which was taken. */
async function openQueue(names: readonly string[]) {
  const redis = testRedis();
  const client = uniqueClientName();
  const queue = new Queue('disposition_update', {
    connection: testRedis(),
    prefix: deliveriesPrefix(client),
  });
  onTestFinished(() => queue.close());
  for (const jobId of names) await queue.add('1', { events: [EVENT] }, { jobId });
  const worker = await idleBatchWorker(client);
  const taken = await worker.take();
  const key = (suffix: string): string => `${endpointPrefix(dispositionsOf(client))}${suffix}`;
  const complete = (changes: Changes = {}): Promise<Settled> => {
    const { nextLock, ...rest } = { nextLock: NEXT, ...changes };
    return settle(
      redis,
      dispositionsOf(client),
      {
        ...completion(taken),
        ...rest,
        ...(nextLock === undefined ? {} : { nextLock }),
      },
      'name',
    );
  };
  return { redis, queue, worker, key, complete };
}

const active = (redis: Redis, key: (suffix: string) => string): Promise<string[]> =>
  redis.lrange(key('active'), 0, -1);

test('a batch that is completed brings in the next one, locked', async () => {
  const { redis, key, complete } = await openQueue(['a', 'b', 'c']);
  expect(await complete()).toEqual({
    settled: true,
    next: { id: 'b', token: 'next', askedAt: 0, data: { events: [EVENT] }, stalls: 0 },
  });
  expect(await active(redis, key)).toEqual(['b']);
  expect(await redis.get(key('b:lock'))).toBe('next');
  const ttl = await redis.pttl(key('b:lock'));
  expect(ttl).toBeGreaterThan(NEXT.durationMs / 2);
  expect(ttl).toBeLessThanOrEqual(NEXT.durationMs);
  expect(await redis.exists(key('a'))).toBe(0);
});

test('the next batch comes with the number of its stalls', async () => {
  const { redis, key, complete } = await openQueue(['a', 'b']);
  await redis.hset(key('b'), 'stc', '2');
  expect((await complete()).next).toMatchObject({ id: 'b', stalls: 2 });
});

test('nothing is brought in unless asked for, or by one that lost its lock', async () => {
  const { redis, key, complete } = await openQueue(['a', 'b']);
  expect(await complete({ token: 'another' })).toEqual({ settled: false });
  expect(await active(redis, key)).toEqual(['a']);
  expect(await complete({ nextLock: undefined })).toEqual({ settled: true });
  expect(await redis.lrange(key('wait'), 0, -1)).toEqual(['b']);
});

test('an empty queue has no next batch', async () => {
  const { redis, key, complete } = await openQueue(['a']);
  expect(await complete()).toEqual({ settled: true });
  expect(await active(redis, key)).toEqual([]);
});

test('a batch that was completed by another is not taken for settled over a connection that was never lost', async () => {
  const { complete } = await openQueue(['a']);
  expect(await complete()).toEqual({ settled: true });
  expect(await complete()).toEqual({ settled: false });
});

test('a due retry is left to BullMQ, which takes it before waiting batches', async () => {
  const { queue, worker, complete } = await openQueue(['a', 'b']);
  const retry = await queue.add('1', { events: [EVENT] }, { jobId: 'retry', delay: 50 });
  const dueAt = retry.timestamp + retry.delay;
  expect(await complete({ now: dueAt })).toEqual({ settled: true });
  expect(await worker.take()).toMatchObject({ id: 'b' });
});

test('a retry that is not due yet holds up no batch', async () => {
  const { queue, complete } = await openQueue(['a', 'b']);
  const retry = await queue.add('1', { events: [EVENT] }, { jobId: 'retry', delay: 60_000 });
  expect((await complete({ now: retry.timestamp })).next).toMatchObject({ id: 'b' });
});

test('a queue that was paused or limited gives nothing', async () => {
  const { queue, redis, key, complete } = await openQueue(['a', 'b']);
  await queue.pause();
  expect(await complete()).toEqual({ settled: true });
  expect(await active(redis, key)).toEqual([]);
});

test('an id without a job behind it is passed over', async () => {
  const { redis, key, complete } = await openQueue(['a', 'b']);
  await redis.del(key('b'));
  expect(await complete()).toEqual({ settled: true });
  expect(await active(redis, key)).toEqual([]);
});

test('a batch that was brought in is locked, and failed like any other', async () => {
  const { queue, redis, key, worker, complete } = await openQueue(['a', 'b', 'c']);
  const lock = worker.newLock();
  const { next } = await complete({ nextLock: lock });
  if (next === undefined) throw new Error('there is no next batch');
  const job = worker.adopt(next);
  expect(job).toMatchObject({ id: 'b', token: lock.token, data: { events: [EVENT] }, stalls: 0 });
  expect(await redis.get(`${key('b')}:lock`)).toBe(lock.token);
  await job.fail('no batch');
  expect((await queue.getFailed()).map(({ id, failedReason, data }) => [id, failedReason, data])).toEqual([
    ['b', 'no batch', { events: [EVENT] }],
  ]);
});

test('data that is no JSON is handed over as undefined, and kept as it is when it is failed', async () => {
  const { redis, worker, key, complete } = await openQueue(['a', 'b']);
  await redis.hset(key('b'), 'data', '{"events":[');
  const { next } = await complete({ nextLock: worker.newLock() });
  if (next === undefined) throw new Error('there is no next batch');
  const job = worker.adopt(next);
  expect(job.data).toBeUndefined();
  await job.fail('no JSON');
  expect(await redis.zrange(key('failed'), '0', '-1')).toEqual(['b']);
  expect(await redis.hget(key('b'), 'data')).toBe('{"events":[');
});
