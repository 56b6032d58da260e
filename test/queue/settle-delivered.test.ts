import type { Redis } from 'ioredis';
import { v7 as uuidv7 } from 'uuid';
import { expect, test } from 'vitest';
import { admit } from '../../src/queue/admit.ts';
import { deliveredSlot, packDelivered } from '../../src/queue/delivered-record.ts';
import { deliveredKey, endpointPrefix } from '../../src/queue/names.ts';
import { type SettleCommand, type Settled, settle } from '../../src/queue/settle.ts';
import { dispositionsOf } from '../support/events.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { testRedis, uniqueClientName } from '../support/redis.ts';
import { idleBatchWorker } from '../support/stalled.ts';
import { completion, NOW } from './support/completion.ts';

const HOUR_MS = 3_600_000;

/** A client with an open batch of one event, which was delivered; it can be settled. */
async function openBatch(redis: Redis, client: string, workerRedis?: Redis) {
  const event = { id: uuidv7(), type: 'x', unit: 'u', body: '{}' };
  await admit(redis, dispositionsOf(client), [{ id: uuidv7(), events: [event] }], NOW);
  const taken = await (await idleBatchWorker(client, workerRedis)).take();
  const finished = [{ event, outcome: { kind: 'delivered', status: 201 } }] as const;
  const complete = (keepHours: number, changes: Partial<SettleCommand> = {}): Promise<Settled> =>
    settle(
      redis,
      dispositionsOf(client),
      {
        ...completion(taken),
        finished,
        ...changes,
      },
      'name',
      keepHours,
    );
  const job = `${endpointPrefix(dispositionsOf(client))}${taken?.id}`;
  return { complete, job, list: deliveredKey(client, deliveredSlot(event.id)), finished };
}

test('what was delivered is remembered in the step that settles it, for as long as asked for', async () => {
  const redis = testRedis();
  const { complete, list, finished } = await openBatch(redis, uniqueClientName());
  expect(await complete(2)).toEqual({ settled: true });
  expect(await redis.lrangeBuffer(list, 0, -1)).toEqual(
    packDelivered(finished, NOW).map(({ bytes }) => bytes),
  );
  const ttl = await redis.pttl(list);
  expect(ttl).toBeGreaterThan(2 * HOUR_MS - 60_000);
  expect(ttl).toBeLessThanOrEqual(2 * HOUR_MS * 1.125);
});

test('the lists that there are stand in an index, as long as each of them', async () => {
  const redis = testRedis();
  const client = uniqueClientName();
  const { complete, list } = await openBatch(redis, client);
  const index = deliveredKey(client);
  await redis.zadd(index, NOW - 1, 'expired');
  await complete(2);
  expect(await redis.zrange(index, '0', '-1', 'WITHSCORES')).toEqual([
    list.slice(-8),
    String(NOW + 2 * HOUR_MS * 1.125),
  ]);
  expect(await redis.pttl(index)).toBeGreaterThan(2 * HOUR_MS);
});

test('a list that is added to later lives for as long after that', async () => {
  const redis = testRedis();
  const { complete, list } = await openBatch(redis, uniqueClientName());
  await redis.rpush(list, 'earlier');
  await redis.pexpire(list, 60_000);
  await complete(1);
  expect(await redis.llen(list)).toBe(2);
  expect(await redis.pttl(list)).toBeGreaterThan(HOUR_MS - 60_000);
});

test('0 hours remember nothing; neither does who lost the lock', async () => {
  const redis = testRedis();
  const { complete, list } = await openBatch(redis, uniqueClientName());
  expect(await complete(24, { token: 'another' })).toEqual({ settled: false });
  expect(await complete(0)).toEqual({ settled: true });
  expect(await redis.exists(list)).toBe(0);
});

test('a full Redis settles, and does not grow by what was delivered; with room it remembers again', async () => {
  const server = await startOwnRedis({ 'maxmemory-policy': 'noeviction' });
  const redis = server.connect();
  const workerRedis = () => server.connect({ maxRetriesPerRequest: null });
  const [full, roomy] = [
    await openBatch(redis, 'full', workerRedis()),
    await openBatch(redis, 'roomy', workerRedis()),
  ];
  await redis.config('SET', 'maxmemory', '1');
  expect(await full.complete(24)).toEqual({ settled: true });
  expect(await redis.exists(full.job, full.list)).toBe(0);
  await redis.config('SET', 'maxmemory', '0');
  expect(await roomy.complete(24)).toEqual({ settled: true });
  expect(await redis.exists(roomy.list)).toBe(1);
});
