import type { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import type { StoredEvent } from '../../src/core/event.ts';
import type { NewBatch } from '../../src/queue/admit.ts';
import { commitBatches } from '../../src/queue/admit.ts';
import { closeRedis, openRedis } from '../../src/queue/connections.ts';
import { clientPrefix, endpointPrefix, idempotencyKeyName, statsKey } from '../../src/queue/names.ts';
import { findStoredClients } from '../../src/queue/stored-clients.ts';
import { dispositionsOf } from '../support/events.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { testRedis, testRedisPath, uniqueClientName } from '../support/redis.ts';
import { openRedisGate } from '../support/redis-gate.ts';

const DAY_MS = 86_400_000;

const eventOf = (id: string): StoredEvent => ({
  id,
  type: 'disposition_update',
  unit: 'LP1',
  body: '{"a":1}',
});

/** A batch of events, each with its key as in `e1=key`, or without one as in `e1`. */
function batch(id: string, ...events: string[]): NewBatch {
  const pairs = events.map((text) => text.split('='));
  const keys = pairs.map(([, key]) => (key === undefined ? undefined : { key, fingerprint: 'print' }));
  return { id, events: pairs.map(([event = '']) => eventOf(event)), keys };
}

/** The ids of the events that wait, by batch, oldest first. */
async function waiting(redis: Redis, client: string): Promise<string[][]> {
  const prefix = endpointPrefix(dispositionsOf(client));
  const ids = (await redis.lrange(`${prefix}wait`, 0, -1)).reverse();
  const jobs = await Promise.all(ids.map((id) => redis.hmget(`${prefix}${id}`, 'name', 'data')));
  return jobs.map(([name, data]) => {
    const { events } = JSON.parse(data ?? '') as { events: StoredEvent[] };
    expect(name).toBe(String(events.length));
    return events.map(({ id }) => id);
  });
}

/** A client of its own, and writes for it. */
async function scene(redis: Redis = testRedis()) {
  await redis.ping();
  const client = uniqueClientName();
  const commit = (...batches: NewBatch[]) => commitBatches(redis, dispositionsOf(client), batches, 0);
  const queued = () => waiting(redis, client);
  const accepted = async () => Number(await redis.hget(statsKey(client), 'accepted:disposition_update'));
  return { redis, client, commit, queued, accepted };
}

/** What a write is answered that left these events out, each for the event that has its key. */
function leftOut(holders: Readonly<Record<string, string>>) {
  const entries = Object.entries(holders).map(([id, holder]) => [id, { id: holder, fingerprint: 'print' }]);
  return { kind: 'committed', holders: new Map(entries as []) };
}

test('an event whose key stands for another one is left out; the rest of its batch is not', async () => {
  const { redis, client, commit, queued, accepted } = await scene();
  expect(await commit(batch('a', 'e1=k1', 'e2', 'e3=k3'))).toEqual({ kind: 'committed' });
  const again = await commit(batch('b', 'f1=k1', 'f2', 'f4=k4'), batch('c', 'g3=k3'));
  expect(again).toEqual(leftOut({ f1: 'e1', g3: 'e3' }));
  expect(await queued()).toEqual([
    ['e1', 'e2', 'e3'],
    ['f2', 'f4'],
  ]);
  expect(await accepted()).toBe(5);
  const [first] = await redis.lrange(`${endpointPrefix(dispositionsOf(client))}wait`, -1, -1);
  const data = await redis.hget(`${endpointPrefix(dispositionsOf(client))}${first}`, 'data');
  expect(data).toBe(JSON.stringify({ events: ['e1', 'e2', 'e3'].map(eventOf) }));
});

test('one key, several times in a batch, in batches of a write and in writes under way at once: one event', async () => {
  const { commit, queued } = await scene();
  const outcomes = await Promise.all([
    commit(batch('a', 'e1=k', 'e2=k'), batch('b', 'e3=k')),
    commit(batch('c', 'e4=k')),
  ]);
  expect(outcomes).toEqual([leftOut({ e2: 'e1', e3: 'e1' }), leftOut({ e4: 'e1' })]);
  expect(await queued()).toEqual([['e1']]);
});

test('a key stands for 24 h, and then for another event', async () => {
  const { redis, client, commit, queued } = await scene();
  await commit(batch('a', 'e1=k'));
  const name = idempotencyKeyName(client, 'k');
  const left = await redis.pttl(name);
  expect(left).toBeGreaterThan(DAY_MS - 60_000);
  expect(left).toBeLessThanOrEqual(DAY_MS);
  // Repeating does not lengthen it.
  await redis.pexpire(name, 60_000);
  await commit(batch('b', 'e2=k', 'f'));
  expect(await redis.pttl(name)).toBeLessThanOrEqual(60_000);
  await redis.pexpire(name, 0);
  expect(await commit(batch('c', 'e3=k'))).toEqual({ kind: 'committed' });
  expect(await queued()).toEqual([['e1'], ['f'], ['e3']]);
});

test('a write that the Redis client sends again is one write', async () => {
  const { client, commit, queued, accepted } = await scene();
  // From now on the server knows the script, so that the write is one command.
  await commit(batch('known', 'e0=k0'));
  const gate = await openRedisGate(testRedisPath());
  // Of all roles this one sends again what it lost the answer of.
  const resending = openRedis({ socketPath: gate.socketPath }, 'worker', () => {});
  onTestFinished(() => closeRedis(resending));
  await new Promise((resolve) => resending.once('ready', resolve));
  const stands = gate.standAt(1, 'after');
  const write = commitBatches(resending, dispositionsOf(client), [batch('a', 'e1=k1', 'e2', 'e3=k0')], 0);
  await stands;
  expect(await queued()).toEqual([['e0'], ['e1', 'e2']]);
  resending.stream.destroy();
  expect(await write).toEqual(leftOut({ e3: 'e0' }));
  expect(await queued()).toEqual([['e0'], ['e1', 'e2']]);
  expect(await accepted()).toBe(3);
});

test('a full Redis takes neither event nor key, and still knows what it took before', async () => {
  const server = await startOwnRedis({ 'maxmemory-policy': 'noeviction' });
  const { redis, client, commit, queued, accepted } = await scene(server.connect());
  await commit(batch('a', 'e1=k1'));
  await redis.config('SET', 'maxmemory', '1');
  const refused = await commit(batch('b', 'e2=k2', 'e3=k1'));
  expect(refused).toMatchObject({ kind: 'refused', error: { code: 'REDIS_REFUSED' } });
  expect(refused).toHaveProperty('error.message', expect.stringMatching(/^Redis refused the write: OOM/));
  expect(await commit(batch('c', 'e4=k1'))).toEqual(leftOut({ e4: 'e1' }));
  expect(await redis.keys(`${clientPrefix(client)}:keys:*`)).toEqual([idempotencyKeyName(client, 'k1')]);
  expect([await queued(), await accepted()]).toEqual([[['e1']], 1]);

  await redis.config('SET', 'maxmemory', '0');
  expect(await commit(batch('d', 'e5=k2'))).toEqual({ kind: 'committed' });
});

test('the largest write, and the oddest keys', async () => {
  const { redis, client, commit } = await scene();
  const printable = String.fromCharCode(...Array.from({ length: 95 }, (_, at) => 32 + at));
  const key = (at: number): string => `${at}}:deliveries:meta${printable}`.slice(0, 255);
  const large = Array.from({ length: 20 }, (_, b): NewBatch => {
    const numbers = Array.from({ length: 500 }, (_unused, at) => b * 500 + at);
    return {
      id: `batch-${b}`,
      events: numbers.map((at) => eventOf(`e${at}`)),
      keys: numbers.map((at) => ({ key: key(at), fingerprint: 'print' })),
    };
  });
  expect(await commit(...large)).toEqual({ kind: 'committed' });
  const again = await commit({ ...(large[19] as NewBatch), id: 'again', events: [eventOf('f')] });
  expect(again).toEqual(leftOut({ f: 'e9500' }));
  await commit({ id: 'odd', events: [eventOf('g')], keys: [{ key: 'x}:deliveries:meta', fingerprint: '' }] });
  expect((await findStoredClients(redis)).filter((name) => name.startsWith(client))).toEqual([client]);
});
