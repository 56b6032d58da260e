import { type BackendFactory, createRedisBackend, type QueueOptions, type RedisQueueBackend } from 'bullmq';
import type { Redis } from 'ioredis';
import { NO_WORK } from './marker-lane.ts';
import type { MarkerLanes } from './marker-lanes.ts';
import { DELIVERIES, type LockTiming } from './names.ts';
import { untilWritable } from './until-writable.ts';

/** What the workers of a process share. */
export interface SharedBackendParts {
  readonly redis: Redis;
  readonly lock: LockTiming;
  readonly lanes: MarkerLanes;
  onError(error: Error): void;
}

/**
 * BullMQ's backend, made once for all workers of a process, which differ in the prefix of their queue: one connection
 * and one look at the server's version. It waits for work by lanes, instead of over a connection for each worker; and
 * it waits while Redis cannot be written, instead of failing at once.
 */
export function sharedBackend(parts: SharedBackendParts): BackendFactory<RedisQueueBackend> {
  const { redis, lock, lanes, onError } = parts;
  const shared = createRedisBackend(DELIVERIES, {
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
      waitForJob: async (seconds: number) => (await lanes.wait(marker, seconds * 1_000)) ?? null,
      disconnectBlocking: async () => lanes.wake(marker, NO_WORK),
      reconnectBlocking: async () => {},
      close: async () => {
        closed = true;
        lanes.wake(marker, NO_WORK);
      },
    });
  };
}
