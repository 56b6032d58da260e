import type { Redis } from 'ioredis';
import { defineUnguardedScript } from './define-script.ts';

/**
 * Finds the queues with something to do: a job that waits, if the queue is not paused; a retry that is due, which
 * whoever asks for a job moves among those that wait, also if the queue is paused; or batches held by a process,
 * for which nobody has looked of late whether that process was lost.
 *
 * KEYS  the wait list of each queue
 * ARGV  now, the prefix of each queue
 * Returns n × (position, 1: a job waits or is due, 1: batches are held).
 */
const FIND_IDLE_WORK = `
local found = {}
local due = (ARGV[1] + 1) * 0x1000 - 1
for i, wait in ipairs(KEYS) do
  local prefix = ARGV[i + 1]
  local waits = redis.call('EXISTS', wait, prefix .. 'prioritized') > 0
  if waits then waits = redis.call('HEXISTS', prefix .. 'meta', 'paused') == 0 end
  if not waits then waits = #redis.call('ZRANGEBYSCORE', prefix .. 'delayed', 0, due, 'LIMIT', 0, 1) > 0 end
  local held = redis.call('EXISTS', prefix .. 'active', prefix .. 'stalled') > 0
  if held then held = redis.call('EXISTS', prefix .. 'stalled-check') == 0 end
  if waits or held then
    found[#found + 1] = i
    found[#found + 1] = waits and 1 or 0
    found[#found + 1] = held and 1 or 0
  end
end
return found
`;

const findScript = defineUnguardedScript('find-idle-work', FIND_IDLE_WORK);

/** A queue with something to do. */
export interface IdleWork {
  /** Its prefix. */
  readonly queue: string;
  /** A job waits that a worker may take, or a retry is due. */
  readonly waits: boolean;
  /** Some process holds batches, or did so. */
  readonly held: boolean;
}

/**
 * Looks at all these queues in one step; those with nothing to do are left out.
 *
 * @param queues their prefixes
 * @param now ms since the epoch
 * @throws errors of Redis
 */
export async function findIdleWork(
  redis: Redis,
  queues: readonly string[],
  now: number,
): Promise<readonly IdleWork[]> {
  const keys = queues.map((prefix) => `${prefix}wait`);
  const found = (await findScript(redis, keys, [now, ...queues])) as number[];
  const work: IdleWork[] = [];
  for (let at = 0; at < found.length; at += 3) {
    const queue = queues[(found[at] ?? 0) - 1] ?? '';
    work.push({ queue, waits: found[at + 1] === 1, held: found[at + 2] === 1 });
  }
  return work;
}
