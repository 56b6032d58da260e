import { once } from 'node:events';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { admit } from '../../src/queue/admit.ts';
import { dispositionsOf } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { testRedis, testRedisPath, uniqueClientName } from '../support/redis.ts';
import { openRedisGate } from '../support/redis-gate.ts';
import { idleBatchWorker } from '../support/stalled.ts';

failOnLeaks();

test('an interrupted take waits for the batch that a slow Redis hands over, and gives up one that is gone', async () => {
  const gate = await openRedisGate(testRedisPath());
  const slow = new Redis(gate.socketPath, { maxRetriesPerRequest: null, protocol: 2 });
  onTestFinished(() => slow.disconnect());
  const client = uniqueClientName();
  const event = { id: 'e', type: 'disposition_update', unit: 'u', body: '{}' };
  await admit(testRedis(), dispositionsOf(client), [{ id: 'batch', events: [event] }], Date.now());
  const worker = await idleBatchWorker(client, slow);
  const stands = gate.standAt(1, 'after');
  const taken = worker.take();
  await stands;

  const server = await startOwnRedis();
  const gone = server.connect({ maxRetriesPerRequest: null });
  gone.on('error', () => {});
  const other = await idleBatchWorker(client, gone);
  const closed = once(gone, 'close');
  await server.kill();
  await closed;
  const notTaken = other.take();
  // In this order: what one gives up after some time, the other one gives up just before.
  await worker.interrupt();
  await other.interrupt();
  expect(await notTaken).toBeUndefined();
  gate.release();
  expect(await taken).toMatchObject({ id: 'batch', stalls: 0 });
});
