import { type BackendFactory, createRedisBackend, type Job, type RedisQueueBackend, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { clientPrefix, DELIVERIES } from './names.ts';
import { untilWritable } from './until-writable.ts';

/** A worker whose process is lost is noticed within lock + 2 × interval: 40 s. */
const LOCK_DURATION_MS = 30_000;
const STALLED_INTERVAL_MS = 5_000;
/** How long an interrupted `take` waits for a batch that is being handed over just now. */
const HAND_OVER_MS = 1_000;

/** A batch as BullMQ handed it over, with the lock by which it is held. */
export interface TakenJob {
  readonly id: string;
  readonly token: string;
  readonly data: unknown;
  /** How often a process that held it was lost. */
  readonly stalls: number;
  /** Moves a job that is no batch to BullMQ's failed set, where it is kept and `check` names it. */
  fail(reason: string): Promise<void>;
}

/** What a batch worker needs, and whom it tells of what happens beside its jobs. */
export interface BatchWorkerOptions {
  readonly redis: Redis;
  readonly client: string;
  onLockLost(jobId: string): void;
  onStalled(jobId: string): void;
  onError(error: Error): void;
}

/** BullMQ's backend, except that it waits while Redis cannot be written, instead of failing at once. */
function patientBackend(onError: (error: Error) => void): BackendFactory<RedisQueueBackend> {
  return (name, options, extra) => {
    const backend = createRedisBackend(name, options, extra);
    const execute = backend.execCommand.bind(backend);
    backend.execCommand = (client, command, args) =>
      untilWritable(
        () => execute(client, command, args),
        () => backend.closing !== undefined,
        onError,
      );
    return backend;
  };
}

/**
 * Takes the batches of one client out of its queue, one by one as they are asked for, and keeps their locks
 * alive until they are let go. It has no loop of its own and settles nothing: BullMQ's worker without its
 * processor, since only the caller knows how much work it has room for.
 */
export class BatchWorker extends Worker<unknown, unknown, string, RedisQueueBackend> {
  #tokens = 0;
  #giveUp = (): void => {};
  #handOver: NodeJS.Timeout | undefined;
  readonly #held = new Map<string, string>();

  constructor({ redis, client, onLockLost, onStalled, onError }: BatchWorkerOptions) {
    super(
      DELIVERIES,
      null,
      {
        connection: redis,
        prefix: clientPrefix(client),
        autorun: false,
        lockDuration: LOCK_DURATION_MS,
        stalledInterval: STALLED_INTERVAL_MS,
        maxStalledCount: Number.MAX_SAFE_INTEGER,
      },
      patientBackend(onError),
    );
    this.on('error', onError);
    this.on('stalled', onStalled);
    this.on('lockRenewalFailed', (jobIds: string[]) => {
      for (const jobId of jobIds) onLockLost(jobId);
    });
  }

  /** Starts renewing locks and looking for batches whose process was lost. */
  async start(): Promise<void> {
    await this.waitUntilReady();
    this.lockManager.start();
    await this.startStalledCheckTimer();
  }

  /** The next batch; waits for one for some seconds, then undefined. @throws errors of Redis */
  async take(): Promise<TakenJob | undefined> {
    this.#tokens += 1;
    const token = `${this.id}:${this.#tokens}`;
    const job = await this.#nextJob(token);
    if (job?.id === undefined) return undefined;
    this.#held.set(job.id, token);
    this.lockManager.trackJob(job.id, token, job.processedOn ?? 0);
    return {
      id: job.id,
      token,
      data: job.data,
      stalls: job.stalledCounter,
      fail: async (reason) => {
        await job.moveToFailed(new Error(reason), token, false);
      },
    };
  }

  /** BullMQ's next job, or undefined once a take that was interrupted has waited for long enough. */
  async #nextJob(token: string): Promise<Job<unknown, unknown> | undefined> {
    try {
      // Not Promise.race, which would add to a promise that lives as long as the worker with each take.
      return await new Promise<Job<unknown, unknown> | undefined>((resolve, reject) => {
        this.#giveUp = () => resolve(undefined);
        this.getNextJob(token).then(resolve, reject);
      });
    } finally {
      clearTimeout(this.#handOver);
      this.#giveUp = () => {};
    }
  }

  /** Stops renewing the lock of a batch that was settled or lost, unless the batch was taken anew since. */
  letGo({ id, token }: TakenJob): void {
    if (this.#held.get(id) !== token) return;
    this.#held.delete(id);
    this.lockManager.untrackJob(id);
  }

  /**
   * Makes a `take` that waits for work return within a second: BullMQ would go on trying to reach a server that
   * is gone, and never return.
   */
  async interrupt(): Promise<void> {
    this.#handOver = setTimeout(() => this.#giveUp(), HAND_OVER_MS);
    await this.getBackend().disconnectBlocking(false);
  }
}
