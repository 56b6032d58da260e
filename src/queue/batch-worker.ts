import { type BackendFactory, type Job, type RedisQueueBackend, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { isConnected } from './connections.ts';
import { LockKeeper } from './lock-keeper.ts';
import { deliveriesPrefix, type Endpoint, type LockTiming } from './names.ts';
import { isPaused } from './pause-client.ts';
import { findTaken, type QueuedBatch } from './settle.ts';
import type { NewLock } from './settle-order.ts';

/** How long a wait lasts at most where no retry is due before: the looks at all queues find what it would miss. */
const WAIT_SECONDS = 60;
/** How often an interrupted `take` that waits for a batch which is being handed over looks whether Redis is gone. */
const HAND_OVER_MS = 1_000;

/** A batch as BullMQ handed it over, with the lock by which it is held. */
export interface TakenJob {
  readonly id: string;
  readonly token: string;
  readonly data: unknown;
  /** How often a process that held it was lost since one of its events was last settled. */
  readonly stalls: number;
  /** Moves a job that is no batch to BullMQ's failed set, where it is kept and `check` names it. */
  fail(reason: string): Promise<void>;
}

/** A job's fields as Redis has them. */
type RawJob = Parameters<Worker['createJob']>[0];

/** As much of a job as is needed to fail it. */
const EMPTY_JOB = {
  name: '',
  data: 'null',
  opts: {},
  progress: 0,
  attemptsMade: 0,
  attemptsStarted: 0,
  stalledCounter: 0,
  timestamp: 0,
  failedReason: '',
  stacktrace: '[]',
  returnvalue: 'null',
} as const;

/** Whom a batch worker tells of what happens beside its jobs. */
export interface BatchWorkerListeners {
  onLockLost(jobId: string): void;
  onStalled(jobId: string): void;
}

/** What a batch worker needs. */
export interface BatchWorkerOptions extends BatchWorkerListeners {
  readonly redis: Redis;
  readonly endpoint: Endpoint;
  readonly lock: LockTiming;
  readonly backend: BackendFactory<RedisQueueBackend>;
  onError(error: Error): void;
}

/**
 * Takes the batches of one endpoint out of its queue, one by one as they are asked for, and keeps their locks
 * alive until they are let go. It has no loop of its own and settles nothing: BullMQ's worker without its
 * processor, since only the caller knows how much work it has room for. While there is no work it does nothing.
 */
export class BatchWorker extends Worker<unknown, unknown, string, RedisQueueBackend> {
  readonly #lock: LockTiming;
  readonly #redis: Redis;
  readonly #endpoint: Endpoint;
  readonly #locks: LockKeeper;
  readonly #onStalled: (jobId: string) => void;
  #tokens = 0;
  #giveUp = (): void => {};
  #handOver: NodeJS.Timeout | undefined;
  #lookingForLost = false;
  /** Taken by an answer that was lost, and found again. */
  readonly #found: TakenJob[] = [];

  constructor({ redis, endpoint, lock, backend, onLockLost, onStalled, onError }: BatchWorkerOptions) {
    const prefix = deliveriesPrefix(endpoint.client);
    const options = { connection: redis, prefix, autorun: false, drainDelay: WAIT_SECONDS };
    super(endpoint.type, null, options, backend);
    this.#lock = lock;
    this.#redis = redis;
    this.#endpoint = endpoint;
    this.#onStalled = onStalled;
    this.on('error', onError);
    const extend = (jobIds: string[], tokens: string[]) =>
      this.extendJobLocks(jobIds, tokens, lock.durationMs);
    this.#locks = new LockKeeper({ lock, extend, onLost: onLockLost, onError });
  }

  /** Starts renewing locks. */
  async start(): Promise<void> {
    await this.waitUntilReady();
    this.#locks.start();
  }

  /** Puts batches back into the queue whose process was lost: those that had no lock at two looks. */
  async lookForLost(): Promise<void> {
    // Where Redis cannot be written, a look waits for that.
    if (this.#lookingForLost || this.closing !== undefined) return;
    this.#lookingForLost = true;
    try {
      for (const jobId of await this.getBackend().moveStalledJobsToWait()) this.#onStalled(jobId);
    } catch (error) {
      if (this.closing === undefined) this.emit('error', error as Error);
    }
    this.#lookingForLost = false;
  }

  /** The next batch; waits for one for some seconds, then undefined. @throws errors of Redis */
  async take(): Promise<TakenJob | undefined> {
    const found = this.#found.pop();
    if (found !== undefined) return found;
    const job = await this.#nextJob(this.newLock());
    return job ?? this.#found.pop();
  }

  /** A lock for a batch that is taken out of the queue by other means; then comes `adopt`. */
  newLock(): NewLock {
    this.#tokens += 1;
    return { token: `${this.id}:${this.#tokens}`, durationMs: this.#lock.durationMs };
  }

  /** Whether an operator has paused the endpoint. Not BullMQ's `isPaused`, which is of this worker alone. */
  isEndpointPaused(): Promise<boolean> {
    return isPaused(this.#redis, this.#endpoint);
  }

  /** From now on keeps the lock of a batch that was taken with a lock of this worker. */
  adopt({ id, token, data, stalls }: QueuedBatch): TakenJob {
    return this.#hold({ id, token, data: parseData(data), stalls });
  }

  #hold(job: Omit<TakenJob, 'fail'>): TakenJob {
    const { id, token } = job;
    this.#locks.hold(id, token);
    return { ...job, fail: (reason) => this.#fail(id, token, reason) };
  }

  async #fail(id: string, token: string, reason: string): Promise<void> {
    const job = this.createJob({ ...EMPTY_JOB, id }, id);
    await job.moveToFailed(new Error(reason), token, false);
  }

  /** Data that is no JSON would otherwise throw within BullMQ, each time that the job is taken. */
  protected override createJob(raw: RawJob, id: string): Job<unknown, unknown, string> {
    try {
      return super.createJob(raw, id);
    } catch {
      return super.createJob({ ...raw, data: 'null' }, id);
    }
  }

  /** BullMQ's next job, or undefined once a take that was interrupted has waited for long enough. */
  async #nextJob(lock: NewLock): Promise<TakenJob | undefined> {
    try {
      // Not Promise.race, which would add to a promise that lives as long as the worker with each take.
      return await new Promise<TakenJob | undefined>((resolve, reject) => {
        this.#giveUp = () => resolve(undefined);
        this.#takeNext(lock).then(resolve, reject);
      });
    } finally {
      clearTimeout(this.#handOver);
      this.#giveUp = () => {};
    }
  }

  async #takeNext(lock: NewLock): Promise<TakenJob | undefined> {
    const connection = this.#redis.stream;
    const job = await this.getNextJob(lock.token);
    const { id, data, stalledCounter: stalls } = job ?? {};
    const taken =
      id === undefined ? undefined : this.#hold({ id, token: lock.token, data, stalls: stalls ?? 0 });
    // An answer that went with the connection has taken a batch, too, of which nobody knows.
    if (this.#redis.stream !== connection) {
      for (const batch of await findTaken(this.#redis, this.#endpoint, lock)) {
        if (batch.id !== id) this.#found.push(this.adopt(batch));
      }
    }
    return taken;
  }

  /** Stops renewing the lock of a batch that was settled or lost, unless the batch was taken anew since. */
  letGo({ id, token }: TakenJob): void {
    this.#locks.letGo(id, token);
  }

  /**
   * Makes a `take` that waits for work return. Where Redis is slow it waits for the answer under way: nobody would
   * have the batch that comes with it until its lock has run out. Where Redis is gone it returns within a second:
   * BullMQ would go on trying to reach it, and never return.
   */
  async interrupt(): Promise<void> {
    this.#giveUpOnceGone();
    await this.getBackend().disconnectBlocking(false);
  }

  #giveUpOnceGone(): void {
    this.#handOver = setTimeout(() => {
      if (isConnected(this.#redis)) this.#giveUpOnceGone();
      else this.#giveUp();
    }, HAND_OVER_MS);
  }

  override async close(force = false): Promise<void> {
    this.#locks.stop();
    clearTimeout(this.#handOver);
    await super.close(force);
  }
}

/** Undefined for what is no JSON. */
function parseData(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}
