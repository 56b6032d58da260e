import { extendLocks } from 'bullmq/dist/cjs/scripts/extendLocks-1.js';
import { moveStalledJobsToWait } from 'bullmq/dist/cjs/scripts/moveStalledJobsToWait-9.js';
import { moveToActive } from 'bullmq/dist/cjs/scripts/moveToActive-11.js';
import { version } from 'bullmq/dist/cjs/version.js';
import { defineScript } from './define-script.ts';
import { GO_ON_WHEN_FULL } from './scripts/when-full.ts';
import type { Connection } from './servers.ts';

const extendGuarded = defineScript('extend-locks', GO_ON_WHEN_FULL + extendLocks.content);

/**
 * Lets a connection's workers take batches, keep their locks and take over those of lost processes while Redis is
 * full: without that nothing would be delivered, and so nothing would ever become free. BullMQ defines a script only
 * if the connection does not know it by its name yet.
 */
export function keepWorkingWhenFull(redis: Connection): void {
  for (const { name, content, keys } of [moveToActive, moveStalledJobsToWait]) {
    redis.defineCommand(`${name}:${version}`, { numberOfKeys: keys, lua: GO_ON_WHEN_FULL + content });
  }
  // It has one key: without the guard it would take locks for lost whose hash slot is being moved.
  const command = ([stalled = '', ...args]: readonly string[]) => extendGuarded(redis, [stalled], args);
  Object.assign(redis, { [`${extendLocks.name}:${version}`]: command });
}
