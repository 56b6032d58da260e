import type { Redis } from 'ioredis';
import { clientPrefix } from './names.ts';

const SCAN_COUNT = 1_000;

/**
 * Deletes all that Redis knows of a client: queues, dead letters, counters. For clients that were made up; nothing
 * may be at work for it any more.
 *
 * @throws errors of Redis
 */
export async function forgetClient(redis: Redis, client: string): Promise<void> {
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', `${clientPrefix(client)}:*`, 'COUNT', SCAN_COUNT);
    if (keys.length > 0) await redis.unlink(...keys);
    cursor = next;
  } while (cursor !== '0');
}
