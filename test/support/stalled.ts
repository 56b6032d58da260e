import type { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { createBatchWorkers } from '../../src/queue/batch-workers.ts';
import { endpointPrefix, LOCK_TIMING } from '../../src/queue/names.ts';
import type { Connection } from '../../src/queue/servers.ts';
import type { BatchWorker } from '../../src/queue/take.ts';
import { dispositionsOf } from './events.ts';
import { testRedis } from './redis.ts';

/** A batch worker without a process behind it: it takes batches, and nothing happens to them. */
export async function idleBatchWorker(
  client: string,
  redis: Connection = testRedis({ maxRetriesPerRequest: null }),
  onError: (error: Error) => void = () => {},
): Promise<BatchWorker> {
  const workers = createBatchWorkers({ redis, lock: LOCK_TIMING, onError, now: Date.now });
  const worker = workers.create(dispositionsOf(client), {
    onLockLost() {},
    onStalled() {},
    onVerdict() {},
    onWaits() {},
  });
  onTestFinished(() => worker.close());
  await worker.start();
  return worker;
}

/** Takes the locks of a client's open batches away, as their expiry would. @returns the ids of the batches */
export async function loseLocks(redis: Redis, client: string): Promise<string[]> {
  const prefix = endpointPrefix(dispositionsOf(client));
  const ids = await redis.lrange(`${prefix}active`, 0, -1);
  if (ids.length > 0) await redis.del(...ids.map((id) => `${prefix}${id}:lock`));
  return ids;
}

/** Looks for batches without a lock at once, instead of every 5 s: BullMQ's own script, which needs two looks. */
export async function recoverStalled(redis: Redis, client: string, workerRedis?: Redis): Promise<void> {
  const errors: Error[] = [];
  const worker = await idleBatchWorker(client, workerRedis, (error) => errors.push(error));
  for (let look = 1; look <= 2; look += 1) {
    await redis.del(`${endpointPrefix(dispositionsOf(client))}stalled-check`);
    await worker.lookForLost();
  }
  const [error] = errors;
  if (error !== undefined) throw error;
}
