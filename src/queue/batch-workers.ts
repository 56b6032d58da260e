import { createRedisBackend } from 'bullmq';
import { every } from '../core/time.ts';
import { findIdleWork } from './find-idle-work.ts';
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
