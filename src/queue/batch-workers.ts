import type { Redis } from 'ioredis';
import { BatchWorker, type BatchWorkerListeners } from './batch-worker.ts';
import { findIdleWork } from './find-idle-work.ts';
import { DELIVERIES, type LockTiming, queuePrefix } from './names.ts';
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
 * The batch workers of all clients in a process. What an idle client needs is done for all of them together, so that a
 * thousand of them cost hardly more than one.
 */
export interface BatchWorkers {
  create(client: string, listeners: BatchWorkerListeners): BatchWorker;
  /** Looks at all queues, now and regularly, for batches of lost processes, and for work that waits unnoticed. */
  start(): void;
  /** Ends the looks, and all waits; the workers are closed each by themselves. */
  close(): void;
}

/** As many clients are looked at in one step: Redis takes about 4 µs for one that is idle. */
const CLIENTS_A_STEP = 200;

/** Makes what the workers share. */
export function createBatchWorkers({ redis, lock, onError, now }: BatchWorkersParts): BatchWorkers {
  const waits = createSharedWaits({ redis, onError });
  const backend = sharedBackend({ redis, lock, waits, onError });
  const workers = new Map<string, BatchWorker>();
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  async function look(): Promise<void> {
    const clients = [...workers.keys()];
    for (let from = 0; from < clients.length && !closed; from += CLIENTS_A_STEP) {
      const found = await findIdleWork(redis, clients.slice(from, from + CLIENTS_A_STEP), now());
      for (const { client, waits: isWaiting, held } of found) {
        if (isWaiting) waits.wake(`${queuePrefix(client, DELIVERIES)}marker`);
        if (held) void workers.get(client)?.lookForLost();
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
    create(client, listeners) {
      const worker = new BatchWorker({ redis, client, lock, backend, onError, ...listeners });
      workers.set(client, worker);
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
