import type { Redis } from 'ioredis';
import { BatchWorker, type BatchWorkerListeners } from './batch-worker.ts';
import { findIdleWork } from './find-idle-work.ts';
import { type Endpoint, endpointPrefix, type LockTiming } from './names.ts';
import { sharedBackend } from './shared-backend.ts';
import { createSharedWaits } from './shared-waits.ts';

/** What the batch workers of a process are made from. */
export interface BatchWorkersParts {
  readonly redis: Redis;
  readonly lock: LockTiming;
  onError(error: Error): void;
  /** ms since the epoch */
  now(): number;
}

/**
 * The batch workers of all endpoints in a process. What an idle endpoint needs is done for all of them together, so
 * that a thousand of them cost hardly more than one.
 */
export interface BatchWorkers {
  create(endpoint: Endpoint, listeners: BatchWorkerListeners): BatchWorker;
  /** Looks at all queues, now and regularly, for batches of lost processes, and for work that waits unnoticed. */
  start(): void;
  /** Ends the looks, and all waits; the workers are closed each by themselves. */
  close(): void;
}

/** As many queues are looked at in one step: Redis takes about 4 µs for one that is idle. */
const QUEUES_A_STEP = 200;

/** Makes what the workers share. */
export function createBatchWorkers({ redis, lock, onError, now }: BatchWorkersParts): BatchWorkers {
  const waits = createSharedWaits({ redis, onError });
  const backend = sharedBackend({ redis, lock, waits, onError });
  const workers = new Map<string, BatchWorker>();
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  async function look(): Promise<void> {
    const queues = [...workers.keys()];
    for (let from = 0; from < queues.length && !closed; from += QUEUES_A_STEP) {
      const found = await findIdleWork(redis, queues.slice(from, from + QUEUES_A_STEP), now());
      for (const { queue, waits: isWaiting, held } of found) {
        if (isWaiting) waits.wake(`${queue}marker`);
        if (held) void workers.get(queue)?.lookForLost();
      }
    }
  }

  async function keepLooking(): Promise<void> {
    try {
      await look();
    } catch (error) {
      if (!closed) onError(error as Error);
    }
    if (!closed) timer = setTimeout(() => void keepLooking(), lock.stalledIntervalMs);
  }

  return {
    create(endpoint, listeners) {
      const worker = new BatchWorker({ redis, endpoint, lock, backend, onError, ...listeners });
      workers.set(endpointPrefix(endpoint), worker);
      return worker;
    },
    start: () => void keepLooking(),
    close() {
      closed = true;
      clearTimeout(timer);
      waits.close();
    },
  };
}
