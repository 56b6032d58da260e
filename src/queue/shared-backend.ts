import { type BackendFactory, createRedisBackend, type QueueOptions, type RedisQueueBackend } from 'bullmq';
import type { Redis } from 'ioredis';
import { NO_WORK } from './marker-waits.ts';
import type { LockTiming } from './names.ts';
import type { SharedWaits } from './shared-waits.ts';
import { untilWritable } from './until-writable.ts';

/** What the workers of a process share. */
export interface SharedBackendParts {
  readonly redis: Redis;
  readonly lock: LockTiming;
  readonly waits: SharedWaits;
  onError(error: Error): void;
}

/** No queue has this name: each worker takes the connection over for its own. */
const SHARED = 'shared';

/**
 * BullMQ's backend, made once for all workers of a process, which differ in the prefix of their queue: one connection
 * and one look at the server's version. It waits for work by shared waits, instead of over a connection for each worker; and
 * it waits while Redis cannot be written, instead of failing at once.
 */
export function sharedBackend(parts: SharedBackendParts): BackendFactory<RedisQueueBackend> {
  const { redis, lock, waits, onError } = parts;
  const shared = createRedisBackend(SHARED, {
    connection: redis,
    lockDuration: lock.durationMs,
    stalledInterval: lock.stalledIntervalMs,
    maxStalledCount: Number.MAX_SAFE_INTEGER,
  } as Parameters<typeof createRedisBackend>[1]);
  // Whoever opened the connection is told of its errors.
  shared.on('error', () => {});

  return (name, options) => {
    const backend = shared.forQueue(name, (options as QueueOptions).prefix) as RedisQueueBackend;
    const { marker = '' } = backend.keys;
    const execute = backend.execCommand.bind(backend);
    let closed = false;
    return Object.assign(backend, {
      execCommand: ((client, command, args) =>
        untilWritable(
          () => execute(client, command, args),
          () => closed,
          onError,
        )) as RedisQueueBackend['execCommand'],
      waitForJob: async (seconds: number) => (await waits.wait(marker, seconds * 1_000)) ?? null,
      disconnectBlocking: async () => waits.wake(marker, NO_WORK),
      reconnectBlocking: async () => {},
      close: async () => {
        closed = true;
        waits.wake(marker, NO_WORK);
      },
    });
  };
}
