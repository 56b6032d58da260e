import { v7 as uuidv7 } from 'uuid';
import { expect, test } from 'vitest';
import { packDelivered } from '../../src/queue/delivered-record.ts';
import { findDelivered } from '../../src/queue/find-delivered.ts';
import { deliveredKey } from '../../src/queue/names.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { testRedis, uniqueClientName } from '../support/redis.ts';
import { newEvent } from './support/look-up-scene.ts';

const AT = Date.UTC(2026, 2, 1, 14, 3, 7);
const HOUR_MS = 3_600_000;

type Redis = ReturnType<typeof testRedis>;

async function connected(): Promise<Redis> {
  const redis = testRedis();
  await redis.ping();
  return redis;
}

/** Writes down that these events were delivered, as a settled batch does. */
async function remember(
  redis: Redis,
  client: string,
  ids: readonly string[],
  at: number,
  status = 200,
): Promise<void> {
  const finished = ids.map((id) => ({
    event: newEvent({ id }),
    outcome: { kind: 'delivered', status } as const,
  }));
  for (const { slot, bytes } of packDelivered(finished, at)) {
    await redis.rpush(deliveredKey(client, slot), bytes);
  }
}

test('delivered events are found with the time of it, in whichever list and page they stand', async () => {
  const redis = await connected();
  const client = uniqueClientName();
  const base = Date.UTC(2026, 2, 1);
  const crowd = Array.from({ length: 2_500 }, () => uuidv7({ msecs: base }));
  await Promise.all(crowd.map((id) => remember(redis, client, [id], AT)));
  const hourly = Array.from({ length: 5 }, (_, n) => uuidv7({ msecs: base + (n + 1) * HOUR_MS }));
  await remember(redis, client, hourly, AT + 5, 201);
  const absent = Array.from({ length: 5 }, (_, n) => uuidv7({ msecs: base + n * HOUR_MS }));

  const sought = [crowd[0], crowd[999], crowd[1_000], crowd[2_499]] as string[];
  const found = await findDelivered(redis, client, [...absent, ...hourly, ...sought]);
  const times = [...sought.map((id) => [id, AT] as const), ...hourly.map((id) => [id, AT + 5] as const)];
  expect(found).toEqual({ kind: 'answered', deliveredAt: new Map(times) });
  const ofAnother = await findDelivered(redis, uniqueClientName(), sought);
  expect(ofAnother).toEqual({ kind: 'answered', deliveredAt: new Map() });
});

test('of an event that was delivered more than once, the latest time is told', async () => {
  const redis = await connected();
  const client = uniqueClientName();
  const id = uuidv7();
  await remember(redis, client, [uuidv7(), id], AT);
  await remember(redis, client, [id], AT + HOUR_MS);
  const found = await findDelivered(redis, client, [id]);
  expect(found).toEqual({ kind: 'answered', deliveredAt: new Map([[id, AT + HOUR_MS]]) });
});

test('a Redis that goes away while it is asked is said to be away, and not that a write may be lost', async () => {
  const server = await startOwnRedis();
  const redis = server.connect();
  await redis.ping();
  const asking = findDelivered(redis, 'acme', [uuidv7()]);
  await server.kill();
  await asking;
  expect(await findDelivered(redis, 'acme', [uuidv7()])).toMatchObject({
    kind: 'refused',
    error: { code: 'REDIS_UNAVAILABLE' },
  });
});
