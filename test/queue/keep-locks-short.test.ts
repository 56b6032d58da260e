import type { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';
import { createLog } from '../../src/log.ts';
import { keepLocksShort } from '../../src/queue/keep-locks-short.ts';
import { startEngine } from '../../src/service/engine.ts';
import { clockedRedis } from '../support/clocked-redis.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { captureLogLines } from '../support/log-lines.ts';
import { testRedis, testRedisPath, uniqueClientName } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { whyNoWallClock } from '../support/wall-clock.ts';

failOnLeaks();

const HOUR_MS = 3_600_000;
const CLIENT =
  '{ baseUrl: "http://127.0.0.1:1", endpoints: { disposition_update: /x }, auth: { type: none } }';

/** The keys of a client with one open batch, and how long what they hold still lasts. */
function openBatch(redis: Redis, client: string) {
  const prefix = `{wb:${client}}:deliveries:`;
  const [lock, mark] = [`${prefix}batch:lock`, `${prefix}stalled-check`];
  return {
    async write(lockMs: number, markMs: number) {
      await redis.lpush(`${prefix}active`, 'batch');
      await redis.set(lock, 'token', 'PX', lockMs);
      await redis.set(mark, 'now', 'PX', markMs);
    },
    lockMs: () => redis.pttl(lock),
    markMs: () => redis.pttl(mark),
  };
}

function keepShort(redis: Redis, client: string): void {
  const errors: Error[] = [];
  const stop = keepLocksShort(redis, [client], (error) => errors.push(error));
  onTestFinished(() => {
    stop();
    expect(errors).toEqual([]);
  });
}

test('what a clock that was set back has left behind is mended at the start; the rest is left alone', async () => {
  const redis = testRedis();
  const [ours, sound] = [uniqueClientName(), uniqueClientName()];
  const batch = openBatch(redis, ours);
  const other = openBatch(redis, sound);
  await batch.write(HOUR_MS, HOUR_MS);
  await other.write(20_000, 4_000);
  keepShort(redis, ours);
  keepShort(redis, sound);
  await until(async () => (await batch.lockMs()) <= 30_000 && (await batch.markMs()) === -2);
  expect(await batch.lockMs()).toBeGreaterThan(20_000);
  expect(await other.lockMs()).toBeLessThanOrEqual(20_000);
  expect(await other.markMs()).not.toBe(-2);
});

test('all of many clients are looked at', async () => {
  const redis = testRedis();
  const names = Array.from({ length: 401 }, () => uniqueClientName());
  const batches = [0, 199, 200, 400].map((n) => openBatch(redis, names[n] ?? ''));
  for (const batch of batches) await batch.write(HOUR_MS, HOUR_MS);
  const stop = keepLocksShort(redis, names, () => {});
  onTestFinished(stop);
  for (const batch of batches) {
    await until(async () => (await batch.lockMs()) <= 30_000 && (await batch.markMs()) === -2);
  }
});

test('locks are brought back to what those of this engine last', async () => {
  const redis = testRedis();
  const name = uniqueClientName();
  const batch = openBatch(redis, name);
  // No more than the default, and more than expires while the test waits.
  await batch.write(30_000, 4_000);
  const lock = { durationMs: 15_000, stalledIntervalMs: 3_000 };
  const config = parseConfig(`clients: { ${name}: ${CLIENT} }`, 'waybill.yaml', {});
  const log = createLog({ level: 'info', destination: captureLogLines().stream });
  const engine = await startEngine({ config, redis: { socketPath: testRedisPath() }, log, lock });
  onTestFinished(() => engine.stop(0));
  await until(async () => (await batch.lockMs()) <= 15_000);
});

const reason = whyNoWallClock();

test.skipIf(reason !== undefined)(
  'locks do not last for an hour more where the clock of Redis goes back by one',
  async () => {
    const { redis, clock } = await clockedRedis(0);
    const batch = openBatch(redis, 'acme');
    await batch.write(HOUR_MS, 1);
    keepShort(redis, 'acme');
    // The first look is over once it has mended.
    await until(async () => (await batch.lockMs()) <= 30_000);
    // Between two looks: ahead, and back again.
    clock.set(HOUR_MS / 1_000);
    await batch.write(30_000, 5_000);
    clock.set(0);
    expect(await batch.lockMs()).toBeGreaterThan(HOUR_MS);
    await until(async () => (await batch.lockMs()) <= 30_000 && (await batch.markMs()) === -2);
    expect(await batch.lockMs()).toBeGreaterThan(15_000);
  },
);
