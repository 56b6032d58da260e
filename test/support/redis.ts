import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';

/** Where the Redis of this test run listens: a unix socket, named by the run's global set-up. */
export function testRedisPath(): string {
  const path = process.env.WAYBILL_TEST_REDIS;
  if (path === undefined || path === '') {
    throw new Error('WAYBILL_TEST_REDIS is not set: the global set-up of the test run has not started Redis');
  }
  return path;
}

/** What a test may want otherwise. */
export interface TestRedisOptions {
  /** null: commands wait for Redis as long as it takes, as BullMQ's workers want it. */
  readonly maxRetriesPerRequest?: number | null;
  readonly keyPrefix?: string;
}

/** A connection to the Redis of this test run, closed when the test is over. Commands fail fast by default. */
export function testRedis(options: TestRedisOptions = {}): Redis {
  const redis = new Redis(testRedisPath(), { maxRetriesPerRequest: 0, ...options });
  onTestFinished(() => disconnect(redis));
  return redis;
}

async function disconnect(redis: Redis): Promise<void> {
  // Without a socket there is no close to wait for: ioredis does not announce an end then.
  const hasSocket = ['connecting', 'connect', 'ready'].includes(redis.status);
  const ended = new Promise((resolve) => redis.once('end', resolve));
  redis.disconnect();
  if (hasSocket) await ended;
}

/** A client name that no other test uses, so that tests can share one Redis. */
export function uniqueClientName(prefix = 'acme'): string {
  return `${prefix}-${randomUUID().slice(0, 13)}`;
}
