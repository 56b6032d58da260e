import { createRedisBackend } from 'bullmq';
import { extendLocks } from 'bullmq/dist/cjs/scripts/extendLocks-1.js';
import { moveStalledJobsToWait } from 'bullmq/dist/cjs/scripts/moveStalledJobsToWait-9.js';
import { moveToActive } from 'bullmq/dist/cjs/scripts/moveToActive-11.js';
import { version } from 'bullmq/dist/cjs/version.js';
import type { Redis } from 'ioredis';
import { every } from '../core/time.ts';
import { defineScript, defineUnguardedScript } from './define-script.ts';
import { disconnectForGood } from './follow-master.ts';
import { clientIn, type Endpoint, endpointPrefix } from './names.ts';
import { WORK_CHANNEL } from './scripts/wake.ts';
import { GO_ON_WHEN_FULL } from './scripts/when-full.ts';
import { byServer, type Connection, duplicate } from './servers.ts';
import { BatchWorker, type BatchWorkerListeners, type BatchWorkersParts } from './take.ts';

/** As many queues are looked at in one step: Redis takes about 4 µs for one that is idle. */
const QUEUES_A_STEP = 200;
/** If Redis does not answer the subscriber for this long, it connects anew. */
const SILENT_MS = 10_000;

/** The batch workers of all endpoints in a process. */
export type BatchWorkers = ReturnType<typeof createBatchWorkers>;

/** Makes what the workers share: two connections, and the look at all queues. */
export function createBatchWorkers(parts: BatchWorkersParts) {
  const { redis, lock, onError } = parts;
  keepWorkingWhenFull(redis);
  const backend = createRedisBackend('', {
    connection: redis,
    lockDuration: lock.durationMs,
    stalledInterval: lock.stalledIntervalMs,
    maxStalledCount: Number.MAX_SAFE_INTEGER,
  } as Parameters<typeof createRedisBackend>[1]);
  // The opener of the connection hears its errors.
  backend.on('error', () => {});
  const workers = new Map<string, BatchWorker>();
  let isClosed = false;
  let close = (): void => {};

  /** The servers that have not answered the look at their queues. */
  const asked = new Set<Redis>();
  /** Looks at each server's queues by themselves: one that is silent keeps no other waiting. */
  function look(): void {
    for (const [server, its] of byServer(redis, [...workers.keys()], clientIn)) {
      if (!asked.has(server)) void lookAtAll(server, its);
    }
  }
  async function lookAtAll(server: Redis, queues: readonly string[]): Promise<void> {
    asked.add(server);
    try {
      for (let from = 0; from < queues.length && !isClosed; from += QUEUES_A_STEP) {
        await lookAt(server, parts.now(), workers, queues.slice(from, from + QUEUES_A_STEP));
      }
    } catch (error) {
      if (!isClosed) onError(error as Error);
    }
    asked.delete(server);
  }

  return {
    create(endpoint: Endpoint, listeners: BatchWorkerListeners): BatchWorker {
      const worker = new BatchWorker({ ...parts, ...listeners, endpoint, backend });
      workers.set(endpointPrefix(endpoint), worker);
      return worker;
    },
    /**
     * Hears of work from now on. Looks at all queues, now and regularly, for batches of lost processes, and for work
     * that no message told of.
     */
    start(): void {
      const subscriber = subscribeToWork(parts, workers, look);
      const stopLooking = every(lock.stalledIntervalMs, async () => {
        subscriber.check();
        look();
      });
      close = () => {
        subscriber.close();
        void stopLooking();
      };
    },
    /** Ends that; the workers are closed each by themselves. */
    close(): void {
      isClosed = true;
      close();
    },
  };
}

const extendGuarded = defineScript('extend-locks', GO_ON_WHEN_FULL + extendLocks.content);

/**
 * Lets a connection's workers take batches, keep their locks and take over those of lost processes while Redis is
 * full: without that nothing would be delivered, and so nothing would ever become free. BullMQ defines a script only
 * if the connection does not know it by its name yet.
 */
function keepWorkingWhenFull(redis: Connection): void {
  for (const { name, content, keys } of [moveToActive, moveStalledJobsToWait]) {
    redis.defineCommand(`${name}:${version}`, { numberOfKeys: keys, lua: GO_ON_WHEN_FULL + content });
  }
  // It has one key: without the guard it would take locks for lost whose hash slot is being moved.
  const command = ([stalled = '', ...args]: readonly string[]) => extendGuarded(redis, [stalled], args);
  Object.assign(redis, { [`${extendLocks.name}:${version}`]: command });
}

/**
 * Hears of work for these workers, over one connection of its own; it is opened and subscribed anew each time that it
 * is lost.
 *
 * @param onSubscribed called each time: what was published before was not heard
 */
function subscribeToWork(
  { redis, onError }: BatchWorkersParts,
  workers: ReadonlyMap<string, BatchWorker>,
  onSubscribed: () => void,
) {
  const subscriber = duplicate(redis, {
    autoResubscribe: false,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    socketTimeout: SILENT_MS,
    connectionName: 'waybill-worker-subscriber',
  });
  let isRefused = false;
  function subscribe(): void {
    isRefused = false;
    subscriber.subscribe(WORK_CHANNEL).then(onSubscribed, (error: Error) => {
      // If the connection was lost, the next one is subscribed.
      isRefused = subscriber.status === 'ready';
      if (isRefused) onError(error);
    });
  }
  subscriber.on('error', onError);
  subscriber.on('ready', subscribe);
  subscriber.on('message', (_channel, message) => {
    const [first, queue = '', verdict = ''] = message.split(' ');
    const worker = workers.get(queue);
    if (first === 'pace') worker?.hearVerdict(JSON.parse(verdict));
    else worker?.hear(Number(first));
  });
  return {
    /** Makes sure that Redis still has the subscriber, and asks again if Redis refused it. */
    check(): void {
      if (isRefused) subscribe();
      // Without an answer it connects anew.
      else subscriber.ping().catch(() => {});
    },
    close: () => disconnectForGood(subscriber),
  };
}

/**
 * Finds the queues with something to do: a job that waits, if the queue is not paused; a retry that is due, which
 * the next take moves among the waiting jobs, also if the queue is paused; or batches held by a process, if no look
 * for lost processes was made of late.
 *
 * KEYS  the wait list of the first queue: those of other clients have other hash slots, and are on the same server
 * ARGV  now, the prefix of each queue
 * Returns n × {position, 1: a job waits or is due, 1: batches are held}.
 */
const FIND_IDLE_WORK = `
local found = {}
local due = (ARGV[1] + 1) * 0x1000 - 1
for i = 1, #ARGV - 1 do
  local prefix = ARGV[i + 1]
  local waits = redis.call('EXISTS', prefix .. 'wait', prefix .. 'prioritized') > 0
  if waits then waits = redis.call('HEXISTS', prefix .. 'meta', 'paused') == 0 end
  if not waits then waits = #redis.call('ZRANGEBYSCORE', prefix .. 'delayed', 0, due, 'LIMIT', 0, 1) > 0 end
  local held = redis.call('EXISTS', prefix .. 'active', prefix .. 'stalled') > 0
  if held then held = redis.call('EXISTS', prefix .. 'stalled-check') == 0 end
  if waits or held then found[#found + 1] = {i, waits and 1 or 0, held and 1 or 0} end
end
return found
`;

const findScript = defineUnguardedScript('find-idle-work', FIND_IDLE_WORK);

/** Looks at these queues in one step, and tells their workers what there is to do. */
async function lookAt(
  server: Redis,
  now: number,
  workers: ReadonlyMap<string, BatchWorker>,
  queues: readonly string[],
): Promise<void> {
  const found = await findScript(server, [`${queues[0]}wait`], [now, ...queues]);
  for (const [position, waits, held] of found as [number, number, number][]) {
    const worker = workers.get(queues[position - 1] ?? '');
    if (waits === 1) worker?.hear(0);
    if (held === 1) void worker?.lookForLost();
  }
}
