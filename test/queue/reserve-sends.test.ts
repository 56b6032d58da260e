import { expect, test } from 'vitest';
import { rateKey } from '../../src/queue/names.ts';
import { reserveSends } from '../../src/queue/reserve-sends.ts';
import { clockedRedis } from '../support/clocked-redis.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testRedis, uniqueClientName } from '../support/redis.ts';
import { whyNoWallClock } from '../support/wall-clock.ts';

failOnLeaks();

test('reservations stand in line one after another, over all connections', async () => {
  const client = uniqueClientName();
  const [first, second] = [testRedis(), testRedis()];
  expect(await reserveSends(first, rateKey(client), 10, 10)).toBe(0);
  const wait = await reserveSends(second, rateKey(client), 10, 5);
  expect(wait).toBeGreaterThan(0);
  expect(wait).toBeLessThanOrEqual(1_000);
  expect((await reserveSends(first, rateKey(client), 10, 1)) - wait).toBeLessThanOrEqual(500);
});

test('a value that an earlier version wrote is understood', async () => {
  const client = uniqueClientName();
  const redis = testRedis();
  await redis.set(`{wb:${client}}:rate`, String(Number((await redis.time())[0]) * 1_000 + 60_000));
  expect(await reserveSends(redis, rateKey(client), 10, 1)).toBeGreaterThan(50_000);
});

const reason = whyNoWallClock();

test.skipIf(reason !== undefined)(
  'a clock of Redis that goes back an hour keeps no one waiting for it',
  async () => {
    const { redis, clock } = await clockedRedis(3_600);
    expect(await reserveSends(redis, rateKey('acme'), 10, 10)).toBe(0);
    clock.set(0);
    // What was reserved before still counts: the line is as long as it was, not an hour longer.
    const wait = await reserveSends(redis, rateKey('acme'), 10, 10);
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(1_000);
    const next = await reserveSends(redis, rateKey('acme'), 10, 1);
    expect(next).toBeGreaterThan(wait);
    expect(next).toBeLessThanOrEqual(2_000);
    clock.set(3_600);
    expect(await reserveSends(redis, rateKey('acme'), 10, 1)).toBe(0);
  },
);
