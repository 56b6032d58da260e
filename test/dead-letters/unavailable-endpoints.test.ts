import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';
import { OPEN_VERDICT, type Verdict } from '../../src/core/pace.ts';
import { findUnavailable, unavailableValue } from '../../src/dead-letters/unavailable-endpoints.ts';
import { readVerdicts, writeVerdict } from '../../src/queue/pace-store.ts';
import { setPaused } from '../../src/queue/pause-client.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testRedis, uniqueClientName } from '../support/redis.ts';

failOnLeaks();

const HOUR_MS = 3_600_000;
const SINCE = Date.UTC(2026, 2, 1, 14);
const [DISPOSITIONS, RECEIPTS] = ['disposition_update', 'inventory_receipt'] as const;

/** A client with two endpoints, the second with its pace fixed. */
function scene() {
  const client = uniqueClientName();
  const endpoints = { [DISPOSITIONS]: '/d', [RECEIPTS]: { path: '/r', pace: 'fixed' } };
  const clients = { [client]: { baseUrl: 'http://127.0.0.1:9', endpoints } };
  const config = parseConfig(JSON.stringify({ clients }), '/waybill.yaml', {});
  const redis = testRedis();
  const both = [DISPOSITIONS, RECEIPTS].map((type) => ({ client, type }));
  return {
    client,
    redis,
    async tell(type: string, facts: Partial<Verdict>) {
      const next = { ...OPEN_VERDICT, number: 1, ...facts };
      return (await writeVerdict(redis, { client, type }, next)).verdict;
    },
    find: async () => findUnavailable(redis, config.clients, [...both, ...both]),
  };
}

test('the verdicts of endpoints are read with the time, open where there is none', async () => {
  const { client, redis, tell } = scene();
  const told = await tell(RECEIPTS, { state: 'slowed', rate: 5 });
  const before = Number((await redis.time())[0]) * 1_000;
  const { byType, now } = await readVerdicts(redis, client, [DISPOSITIONS, RECEIPTS]);
  expect([...byType]).toEqual([
    [DISPOSITIONS, OPEN_VERDICT],
    [RECEIPTS, told],
  ]);
  expect(now).toBeGreaterThanOrEqual(before);
  expect(now).toBeLessThan(before + 60_000);
});

test('an endpoint that is open, slowed or recovering is available, and so is one after its hold', async () => {
  const { tell, find } = scene();
  expect(await find()).toEqual([]);
  await tell(DISPOSITIONS, { state: 'slowed', rate: 5, holdUntil: SINCE - HOUR_MS });
  await tell(RECEIPTS, { state: 'recovering', rate: 5 });
  expect(await find()).toEqual([]);
});

test('an endpoint that is down is named once, with whether its pace holds events back', async () => {
  const { client, tell, find } = scene();
  await tell(DISPOSITIONS, { state: 'down', since: SINCE });
  await tell(RECEIPTS, { state: 'down', since: SINCE });
  const down = { client, reason: 'down', since: '2026-03-01T14:00:00.000Z', until: null };
  expect((await find()).map(unavailableValue)).toEqual([
    { ...down, type: DISPOSITIONS, holds: true },
    { ...down, type: RECEIPTS, holds: false },
  ]);
});

test('a hold by Retry-After is named with its end, but not if the pace is fixed', async () => {
  const { client, redis, tell, find } = scene();
  const holdUntil = Number((await redis.time())[0]) * 1_000 + HOUR_MS;
  await tell(DISPOSITIONS, { state: 'open', holdUntil });
  await tell(RECEIPTS, { state: 'slowed', holdUntil });
  expect(await find()).toEqual([
    { client, type: DISPOSITIONS, reason: 'retry_after', until: holdUntil, holds: true },
  ]);
});

test('the endpoints of a client that is paused are named for that, and not for their pace', async () => {
  const { client, redis, tell, find } = scene();
  await tell(DISPOSITIONS, { state: 'down', since: SINCE });
  await setPaused(redis, client, true, SINCE);
  const paused = { client, reason: 'paused', since: null, until: null, holds: true };
  expect((await find()).map(unavailableValue)).toEqual([
    { ...paused, type: DISPOSITIONS },
    { ...paused, type: RECEIPTS },
  ]);
});
