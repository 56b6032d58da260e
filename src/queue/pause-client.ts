import type { Redis } from 'ioredis';
import { defineScript } from './define-script.ts';
import { DELIVERIES, queuePrefix, statsKey } from './names.ts';
import { SET_PAUSED } from './scripts/bullmq-functions.ts';

/**
 * KEYS  stats
 * ARGV  deliveries prefix, paused | resumed, now
 * Returns 1, or 0 where it was so already.
 */
const pauseScript = defineScript(
  'pause',
  `
${SET_PAUSED}
local prefix, state, now = ARGV[1], ARGV[2], ARGV[3]
local isPaused = redis.call('HEXISTS', prefix .. 'meta', 'paused') == 1
if isPaused == (state == 'paused') then return 0 end
setPaused(prefix, state)
if state == 'paused' then redis.call('HSET', KEYS[1], 'pausedAt', now)
else redis.call('HDEL', KEYS[1], 'pausedAt') end
return 1
`,
);

/**
 * Pauses a client's delivery in all processes, or resumes it: what comes in meanwhile waits, and nothing is sent but
 * what is under way already.
 *
 * @param now ms since the epoch
 * @returns false where it was so already
 * @throws errors of Redis
 */
export async function setPaused(
  redis: Redis,
  client: string,
  paused: boolean,
  now: number,
): Promise<boolean> {
  const args = [queuePrefix(client, DELIVERIES), paused ? 'paused' : 'resumed', now];
  return (await pauseScript(redis, [statsKey(client)], args)) === 1;
}

/** Whether a client's delivery is paused. @throws errors of Redis */
export async function isPaused(redis: Redis, client: string): Promise<boolean> {
  return (await redis.hexists(`${queuePrefix(client, DELIVERIES)}meta`, 'paused')) === 1;
}
