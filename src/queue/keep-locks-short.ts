import type { Redis } from 'ioredis';
import { defineScript } from './define-script.ts';
import { DELIVERIES, LOCK_TIMING, type LockTiming, queuePrefix } from './names.ts';

const LOOK_EVERY_MS = 3_000;

/** As many clients are looked at in one step: Redis takes about 2 µs for one that is idle. */
const CLIENTS_A_STEP = 200;

/**
 * Brings the expiry of locks, and of the mark that says that lost batches were looked for just now, back to what
 * they last at most.
 *
 * KEYS  the active list of each client
 * ARGV  lock's duration in ms, interval of the looks in ms, the deliveries prefix of each client
 */
const SHORTEN = `
local lasts, interval = tonumber(ARGV[1]), tonumber(ARGV[2])
for i, active in ipairs(KEYS) do
  local prefix = ARGV[i + 2]
  local mark = prefix .. 'stalled-check'
  if redis.call('PTTL', mark) > interval then redis.call('DEL', mark) end
  for _, id in ipairs(redis.call('LRANGE', active, 0, -1)) do
    local lock = prefix .. id .. ':lock'
    if redis.call('PTTL', lock) > lasts then redis.call('PEXPIRE', lock, lasts) end
  end
end
`;

const shortenScript = defineScript('shorten', SHORTEN);

/** @throws errors of Redis */
async function shortenExpiries(redis: Redis, clients: readonly string[], lock: LockTiming): Promise<void> {
  const prefixes = clients.map((client) => queuePrefix(client, DELIVERIES));
  const keys = prefixes.map((prefix) => `${prefix}active`);
  await shortenScript(redis, keys, [lock.durationMs, lock.stalledIntervalMs, ...prefixes]);
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
      for (let from = 0; from < clients.length; from += CLIENTS_A_STEP) {
        await shortenExpiries(redis, clients.slice(from, from + CLIENTS_A_STEP), lock);
      }
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
