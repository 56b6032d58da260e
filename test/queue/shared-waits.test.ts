import type { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { NO_WORK } from '../../src/queue/marker-waits.ts';
import { createSharedWaits, type SharedWaits } from '../../src/queue/shared-waits.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { until } from '../support/until.ts';

failOnLeaks();

/** Far longer than anything takes here. */
const LONG_MS = 15_000;
/** Shorter than a call over the shared connections, which would otherwise let a wait that was missed come to its end. */
const SHORTER_MS = 3_500;
const WAITS = /name=waybill-worker-waits/;

async function openShared() {
  const server = await startOwnRedis();
  const redis = server.connect({ maxRetriesPerRequest: null });
  const shared = createSharedWaits({ redis, onError: () => {} });
  onTestFinished(() => shared.close());
  return { server, redis, shared, admin: server.connect() };
}

const keys = (count: number) => Array.from({ length: count }, (_, n) => `queue-${n}:marker`);

async function blockedIds(redis: Redis): Promise<string[]> {
  const list = String(await redis.client('LIST'));
  const waits = list.split('\n').filter((line) => WAITS.test(line) && line.includes('cmd=bzpopmin'));
  return waits.map((line) => /^id=(\d+)/.exec(line)?.[1] ?? '');
}

async function callsOf(redis: Redis, command: string): Promise<number> {
  const stats = await redis.info('commandstats');
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
}

/** Waits for every one of these, and resolves once Redis knows of it. */
async function waitForAll(shared: SharedWaits, admin: Redis, names: readonly string[]) {
  const waits = new Map(names.map((key) => [key, shared.wait(key, LONG_MS)]));
  await until(async () => (await blockedIds(admin)).length === Math.min(8, names.length));
  return waits;
}

test('a hundred queues are waited for over eight connections, and each gets its own marker', async () => {
  const { shared, admin } = await openShared();
  const names = keys(100);
  const waits = await waitForAll(shared, admin, names);
  for (const [n, key] of names.entries()) await admin.zadd(key, n, String(n));
  for (const [n, key] of names.entries())
    expect(await waits.get(key)).toEqual({ member: String(n), score: n });
  const clients = String(await admin.client('LIST')).split('\n');
  expect(clients.filter((line) => WAITS.test(line))).toHaveLength(8);
  for (const key of names) expect(await admin.exists(key)).toBe(0);
});

test('one that comes to wait while a call is under way is in the next one at once', async () => {
  const { shared, admin } = await openShared();
  const [first = '', ...others] = keys(9);
  const last = others.at(-1) ?? '';
  await waitForAll(shared, admin, [first, ...others.slice(0, -1)]);
  // The ninth shares the first one's connection.
  const ninth = shared.wait(last, SHORTER_MS);
  await until(async () => (await callsOf(admin, 'client\\|unblock')) > 0);
  await admin.zadd(last, 0, '0');
  expect(await ninth).toEqual({ member: '0', score: 0 });
  // A marker that stands there already needs no further interruption.
  const unblocked = await callsOf(admin, 'client\\|unblock');
  await admin.zadd(last, 0, '0');
  expect(await shared.wait(last, SHORTER_MS)).toEqual({ member: '0', score: 0 });
  expect(await callsOf(admin, 'client\\|unblock')).toBe(unblocked);
});

test('a marker of a queue that is not waited for any longer is left to others', async () => {
  const { shared, admin } = await openShared();
  const [key = ''] = keys(1);
  const wait = (await waitForAll(shared, admin, [key])).get(key);
  shared.wake(key);
  expect(await wait).toBeUndefined();
  await admin.zadd(key, 7, '1');
  await until(async () => (await callsOf(admin, 'zadd')) === 2);
  expect(await admin.zrange(key, '0', '-1', 'WITHSCORES')).toEqual(['1', '7']);
  expect(await shared.wait(key, LONG_MS)).toEqual({ member: '1', score: 7 });
});

test('a wait ends when its time is over, and outlives the connection that it waits on', async () => {
  const { shared, admin } = await openShared();
  const [key = '', other = ''] = keys(2);
  expect(await shared.wait(other, 1)).toBeUndefined();
  const wait = shared.wait(key, LONG_MS);
  await until(async () => (await blockedIds(admin)).length > 0);
  const before = await blockedIds(admin);
  for (const id of before) await admin.client('KILL', 'ID', id);
  await until(async () => (await blockedIds(admin)).some((id) => !before.includes(id)));
  await admin.zadd(key, 0, '0');
  expect(await wait).toEqual({ member: '0', score: 0 });
});

test('closing ends all waits as if there were no work to come', async () => {
  const { shared, admin } = await openShared();
  const waits = await waitForAll(shared, admin, keys(20));
  shared.close();
  for (const wait of waits.values()) expect(await wait).toEqual(NO_WORK);
  expect(await shared.wait('queue-0:marker', LONG_MS)).toEqual(NO_WORK);
});
