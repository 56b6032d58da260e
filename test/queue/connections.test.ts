import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { closeRedis, openRedis } from '../../src/queue/connections.ts';
import { startOwnRedis } from '../support/own-redis.ts';

const ANSWER_TIMEOUT_MS = 2_000;

/** An operator connection to a frozen Redis. */
async function operatorOfFrozenRedis() {
  const server = await startOwnRedis();
  const location = { socketPath: server.socketPath };
  const redis = openRedis(location, 'operator', () => {}, { answerTimeoutMs: ANSWER_TIMEOUT_MS });
  onTestFinished(() => closeRedis(redis));
  await once(redis, 'ready');
  server.freeze();
  return { server, redis };
}

/** Stands still as after SIGSTOP: no timer fires, nothing is read. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test("an operator's command is rejected if Redis does not answer in time", async () => {
  const { redis } = await operatorOfFrozenRedis();
  const before = performance.now();
  await expect(redis.ping()).rejects.toThrow('Command timed out');
  expect(performance.now() - before).toBeGreaterThan(ANSWER_TIMEOUT_MS * 0.9);
});

test("an operator's command takes its answer although its process stood still for longer than its time", async () => {
  const { server, redis } = await operatorOfFrozenRedis();
  const answer = redis.ping();
  standStill(ANSWER_TIMEOUT_MS * 1.1);
  server.thaw();
  expect(await answer).toBe('PONG');
});
