import type { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { NO_WORK } from '../../src/queue/marker-lane.ts';
import { createMarkerLanes, type MarkerLanes } from '../../src/queue/marker-lanes.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { until } from '../support/until.ts';

failOnLeaks();

/** Far longer than anything takes here. */
const LONG_MS = 15_000;
/** Shorter than a call over the lanes' connections, which would otherwise let a wait that was missed come to its end. */
const SHORTER_MS = 3_500;
const WAITS = /name=waybill-worker-waits/;

async function openLanes() {
  const server = await startOwnRedis();
  const redis = server.connect({ maxRetriesPerRequest: null });
  const lanes = createMarkerLanes({ redis, onError: () => {} });
  onTestFinished(() => lanes.close());
  return { server, redis, lanes, admin: server.connect() };
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
async function waitForAll(lanes: MarkerLanes, admin: Redis, names: readonly string[]) {
  const waits = new Map(names.map((key) => [key, lanes.wait(key, LONG_MS)]));
  await until(async () => (await blockedIds(admin)).length === Math.min(8, names.length));
  return waits;
}

test('a hundred queues are waited for over eight connections, and each gets its own marker', async () => {
  const { lanes, admin } = await openLanes();
  const names = keys(100);
  const waits = await waitForAll(lanes, admin, names);
  for (const [n, key] of names.entries()) await admin.zadd(key, n, String(n));
  for (const [n, key] of names.entries())
    expect(await waits.get(key)).toEqual({ member: String(n), score: n });
  const clients = String(await admin.client('LIST')).split('\n');
  expect(clients.filter((line) => WAITS.test(line))).toHaveLength(8);
  for (const key of names) expect(await admin.exists(key)).toBe(0);
});

test('one that comes to wait while a call is under way is in the next one at once', async () => {
  const { lanes, admin } = await openLanes();
  const [first = '', ...others] = keys(9);
  const last = others.at(-1) ?? '';
  await waitForAll(lanes, admin, [first, ...others.slice(0, -1)]);
  // The ninth shares the first one's connection.
  const ninth = lanes.wait(last, SHORTER_MS);
  await until(async () => (await callsOf(admin, 'client\\|unblock')) > 0);
  await admin.zadd(last, 0, '0');
  expect(await ninth).toEqual({ member: '0', score: 0 });
  // A marker that stands there already needs no further interruption.
  const unblocked = await callsOf(admin, 'client\\|unblock');
  await admin.zadd(last, 0, '0');
  expect(await lanes.wait(last, SHORTER_MS)).toEqual({ member: '0', score: 0 });
  expect(await callsOf(admin, 'client\\|unblock')).toBe(unblocked);
});

test('a marker of a queue that is not waited for any longer is left to others', async () => {
  const { lanes, admin } = await openLanes();
  const [key = ''] = keys(1);
  const wait = (await waitForAll(lanes, admin, [key])).get(key);
  lanes.wake(key);
  expect(await wait).toBeUndefined();
  await admin.zadd(key, 7, '1');
  await until(async () => (await callsOf(admin, 'zadd')) === 2);
  expect(await admin.zrange(key, '0', '-1', 'WITHSCORES')).toEqual(['1', '7']);
  expect(await lanes.wait(key, LONG_MS)).toEqual({ member: '1', score: 7 });
});

test('a wait ends when its time is over, and outlives the connection that it waits on', async () => {
  const { lanes, admin } = await openLanes();
  const [key = '', other = ''] = keys(2);
  expect(await lanes.wait(other, 1)).toBeUndefined();
  const wait = lanes.wait(key, LONG_MS);
  await until(async () => (await blockedIds(admin)).length > 0);
  const before = await blockedIds(admin);
  for (const id of before) await admin.client('KILL', 'ID', id);
  await until(async () => (await blockedIds(admin)).some((id) => !before.includes(id)));
  await admin.zadd(key, 0, '0');
  expect(await wait).toEqual({ member: '0', score: 0 });
});

test('closing ends all waits as if there were no work to come', async () => {
  const { lanes, admin } = await openLanes();
  const waits = await waitForAll(lanes, admin, keys(20));
  lanes.close();
  for (const wait of waits.values()) expect(await wait).toEqual(NO_WORK);
  expect(await lanes.wait('queue-0:marker', LONG_MS)).toEqual(NO_WORK);
});
