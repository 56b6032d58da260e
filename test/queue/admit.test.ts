import type { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import type { NewBatch } from '../../src/queue/admit.ts';
import { commitBatches } from '../../src/queue/admit.ts';
import { closeRedis, openRedis } from '../../src/queue/connections.ts';
import { dispositionsOf } from '../support/events.ts';
import { type OwnRedis, startOwnRedis } from '../support/own-redis.ts';

const ANSWER_TIMEOUT_MS = 1_000;
const EVENT = { id: 'e', type: 'inventory_receipt', unit: 'LP1', body: '{}' };

function batch(id: string): NewBatch {
  return { id, events: [EVENT] };
}

/** A Redis with an intake connection to it, which waits so long for an answer. */
async function intakeRedis(answerTimeoutMs = 30_000): Promise<{ server: OwnRedis; redis: Redis }> {
  const server = await startOwnRedis();
  const location = { socketPath: server.socketPath };
  const redis = openRedis(location, 'intake', () => {}, { answerTimeoutMs });
  onTestFinished(() => closeRedis(redis));
  await onceReady(redis);
  return { server, redis };
}

async function onceReady(redis: Redis): Promise<void> {
  if (redis.status !== 'ready') await new Promise<void>((resolve) => redis.once('ready', resolve));
}

function waiting(redis: Redis): Promise<number> {
  return redis.llen('{wb:acme}:deliveries:disposition_update:wait');
}

/** Runs `commitBatches` without waiting; by the time it returns, the write is on its way. */
function commit(redis: Redis, id: string) {
  return commitBatches(redis, dispositionsOf('acme'), [batch(id)], 0);
}

test('batches are committed when Redis has them', async () => {
  const { server, redis } = await intakeRedis();
  expect(await commitBatches(redis, dispositionsOf('acme'), [batch('a'), batch('b')], 0)).toEqual({
    kind: 'committed',
  });
  expect(await waiting(server.connect())).toBe(2);
});

test('a batch with an id that is there already is not added again', async () => {
  const { server, redis } = await intakeRedis();
  await commit(redis, 'a');
  expect(await commit(redis, 'a')).toEqual({ kind: 'committed' });
  expect(await waiting(server.connect())).toBe(1);
});

test('a Redis that is gone refuses at once, and is found again when it is back', async () => {
  const { server, redis } = await intakeRedis();
  const closed = new Promise((resolve) => redis.once('close', resolve));
  await server.kill();
  await closed;
  const outcome = await commit(redis, 'a');
  expect(outcome).toMatchObject({ kind: 'refused', error: { code: 'REDIS_UNAVAILABLE' } });

  await server.start();
  await onceReady(redis);
  expect(await commit(redis, 'a')).toEqual({ kind: 'committed' });
});

test('a Redis that cannot be reached is named with the reason', async () => {
  const location = { socketPath: '/nowhere/redis.sock' };
  const redis = openRedis(location, 'intake', () => {});
  onTestFinished(() => closeRedis(redis));
  await new Promise((resolve) => redis.once('close', resolve));
  const outcome = await commit(redis, 'a');
  expect(outcome).toMatchObject({
    kind: 'refused',
    error: { message: 'Redis cannot be reached: connect ENOENT /nowhere/redis.sock' },
  });
});

test('a full Redis refuses, and takes batches again when it has room', async () => {
  const { server, redis } = await intakeRedis();
  const admin = server.connect();
  await admin.config('SET', 'maxmemory-policy', 'noeviction');
  await admin.config('SET', 'maxmemory', '1');
  const outcome = await commit(redis, 'a');
  expect(outcome).toMatchObject({ kind: 'refused', error: { code: 'REDIS_REFUSED' } });
  expect(outcome).toHaveProperty('error.message', expect.stringContaining('OOM'));
  expect(await admin.keys('*')).toEqual([]);

  await admin.config('SET', 'maxmemory', '0');
  expect(await commit(redis, 'a')).toEqual({ kind: 'committed' });
});

test('a connection that is cut while it writes leaves the outcome unknown', async () => {
  const { server, redis } = await intakeRedis();
  server.freeze();
  const outcome = commit(redis, 'a');
  redis.stream.destroy();
  expect(await outcome).toMatchObject({ kind: 'unknown', error: { code: 'REDIS_ANSWER_LOST' } });
  server.thaw();
});

test('a Redis that is killed while it writes leaves the outcome unknown', async () => {
  const { server, redis } = await intakeRedis();
  server.freeze();
  const outcome = commit(redis, 'a');
  await server.kill();
  expect(await outcome).toMatchObject({ kind: 'unknown', error: { code: 'REDIS_ANSWER_LOST' } });
});

test('a frozen Redis is waited for once; then batches are refused at once until it is back', async () => {
  const { server, redis } = await intakeRedis(ANSWER_TIMEOUT_MS);
  server.freeze();
  const before = performance.now();
  const both = await Promise.all([commit(redis, 'a'), commit(redis, 'b')]);
  expect(both.map(({ kind }) => kind)).toEqual(['unknown', 'unknown']);
  expect(performance.now() - before).toBeLessThan(ANSWER_TIMEOUT_MS * 4);
  expect(await commit(redis, 'c')).toMatchObject({ kind: 'refused', error: { code: 'REDIS_UNAVAILABLE' } });

  server.thaw();
  await onceReady(redis);
  expect(await commit(redis, 'd')).toEqual({ kind: 'committed' });
});

test('a frozen Redis may still take a batch whose outcome is unknown', async () => {
  const { server, redis } = await intakeRedis(ANSWER_TIMEOUT_MS);
  server.freeze();
  expect(await commit(redis, 'a')).toMatchObject({ kind: 'unknown' });
  server.thaw();
  await onceReady(redis);
  expect(await waiting(server.connect())).toBe(1);
});

test('a connection that is closed while it writes leaves the outcome unknown', async () => {
  const { server, redis } = await intakeRedis();
  server.freeze();
  const outcome = commit(redis, 'a');
  closeRedis(redis);
  server.thaw();
  expect(['unknown', 'committed']).toContain((await outcome).kind);
  expect(await commit(redis, 'b')).toMatchObject({ kind: 'refused', error: { code: 'REDIS_UNAVAILABLE' } });
});
