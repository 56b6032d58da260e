import { createRedisBackend } from 'bullmq';
import type { Redis } from 'ioredis';
import { every } from '../core/time.ts';
import { defineUnguardedScript } from './define-script.ts';
import { type Endpoint, endpointPrefix } from './names.ts';
import { BatchWorker, type BatchWorkerListeners, type BatchWorkersParts } from './take.ts';
import { subscribeToWork } from './wake.ts';

/** As many queues are looked at in one step: Redis takes about 4 µs for one that is idle. */
const QUEUES_A_STEP = 200;

/** The batch workers of all endpoints in a process, which share two connections and the look at all queues. */
export interface BatchWorkers {
  create(endpoint: Endpoint, listeners: BatchWorkerListeners): BatchWorker;
  /**
   * Hears of work from now on. Looks at all queues, now and regularly, for batches of lost processes, and for work
   * that no message told of.
   */
  start(): void;
  /** Ends that; the workers are closed each by themselves. */
  close(): void;
}

/** Makes what the workers share. */
export function createBatchWorkers(parts: BatchWorkersParts): BatchWorkers {
  const { redis, lock, onError, now } = parts;
  const backend = createRedisBackend('', {
    connection: redis,
    lockDuration: lock.durationMs,
    stalledInterval: lock.stalledIntervalMs,
    maxStalledCount: Number.MAX_SAFE_INTEGER,
  } as Parameters<typeof createRedisBackend>[1]);
  // Whoever opened the connection is told of its errors.
  backend.on('error', () => {});
  const workers = new Map<string, BatchWorker>();
  let isClosed = false;
  let close = (): void => {};

  async function lookAt(queues: readonly string[]): Promise<void> {
    for (const { queue, waits, held } of await findIdleWork(redis, queues, now())) {
      if (waits) workers.get(queue)?.hear(0);
      if (held) void workers.get(queue)?.lookForLost();
    }
  }

  async function look(): Promise<void> {
    const queues = [...workers.keys()];
    try {
      for (let from = 0; from < queues.length && !isClosed; from += QUEUES_A_STEP) {
        await lookAt(queues.slice(from, from + QUEUES_A_STEP));
      }
    } catch (error) {
      if (!isClosed) onError(error as Error);
    }
  }

  return {
    create(endpoint, listeners) {
      const worker = new BatchWorker({ ...parts, ...listeners, endpoint, backend });
      workers.set(endpointPrefix(endpoint), worker);
      return worker;
    },
    start() {
      const subscriber = subscribeToWork({
        redis,
        onWork: (queue, dueAt) => workers.get(queue)?.hear(dueAt),
        onSubscribed: () => void look(),
        onError,
      });
      const stopLooking = every(lock.stalledIntervalMs, () => {
        subscriber.check();
        return look();
      });
      close = () => {
        subscriber.close();
        void stopLooking();
      };
    },
    close() {
      isClosed = true;
      close();
    },
  };
}

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
interface IdleWork {
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
async function findIdleWork(
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
