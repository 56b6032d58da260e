import type { Redis } from 'ioredis';
import { defineScript } from './define-script.ts';
import { DELIVERIES, LOCK_TIMING, type LockTiming, queuePrefix } from './names.ts';

const LOOK_EVERY_MS = 3_000;

/**
 * Brings the expiry of locks, and of the mark that says that lost batches were looked for just now, back to what
 * they last at most.
 *
 * KEYS  active list, mark of the latest look
 * ARGV  deliveries prefix, lock's duration in ms, interval of the looks in ms
 */
const SHORTEN = `
if redis.call('PTTL', KEYS[2]) > tonumber(ARGV[3]) then redis.call('DEL', KEYS[2]) end
for _, id in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  local lock = ARGV[1] .. id .. ':lock'
  if redis.call('PTTL', lock) > tonumber(ARGV[2]) then redis.call('PEXPIRE', lock, ARGV[2]) end
end
`;

const shortenScript = defineScript('shorten', SHORTEN);

/** @throws errors of Redis */
async function shortenExpiries(redis: Redis, client: string, lock: LockTiming): Promise<void> {
  const prefix = queuePrefix(client, DELIVERIES);
  const keys = [`${prefix}active`, `${prefix}stalled-check`];
  await shortenScript(redis, keys, [prefix, lock.durationMs, lock.stalledIntervalMs]);
}

/**
 * Looks every three seconds whether locks last longer than they may, and mends it. Redis keeps expiries as moments
 * of its wall clock: once that was an hour ahead, the batches of a process that was lost would stay locked, and
 * unsought, for an hour. That clock itself tells nothing, since it may go ahead and back between two looks.
 *
 * @param lock how long locks last at most; the default is the workers' own
 * @returns what ends it
 */
export function keepLocksShort(
  redis: Redis,
  clients: readonly string[],
  onError: (error: Error) => void,
  lock: LockTiming = LOCK_TIMING,
): () => void {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  async function keepLooking(): Promise<void> {
    try {
      for (const client of clients) await shortenExpiries(redis, client, lock);
    } catch (error) {
      if (!stopped) onError(error as Error);
    }
    if (!stopped) timer = setTimeout(() => void keepLooking(), LOOK_EVERY_MS);
  }

  void keepLooking();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
