import { extendLocks, moveStalledJobsToWait, moveToActive } from 'bullmq/dist/cjs/scripts/index.js';
import { version } from 'bullmq/dist/cjs/version.js';
import type { Redis } from 'ioredis';
import { GO_ON_WHEN_FULL } from './scripts/when-full.ts';

/** What BullMQ's own worker calls; `forQueue` gives it the keys. */
const TAKING = [moveToActive, extendLocks, moveStalledJobsToWait];

/**
 * Lets a connection's workers take batches, keep their locks and take over those of lost processes while Redis is
 * full: without that nothing would be delivered, and so nothing would ever become free. BullMQ defines its scripts
 * only where a connection does not know them by their names yet.
 */
export function keepWorkingWhenFull(redis: Redis): void {
  for (const { name, content, keys } of TAKING) {
    redis.defineCommand(`${name}:${version}`, { numberOfKeys: keys, lua: GO_ON_WHEN_FULL + content });
  }
}
