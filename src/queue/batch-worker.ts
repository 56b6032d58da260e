import { type Job, type RedisQueueBackend, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { defineScript } from './define-script.ts';
import { findTaken, type NewLock, type QueuedBatch } from './delivery-queue.ts';
import { clientPrefix, DELIVERIES, LOCK_TIMING, type LockTiming, queuePrefix } from './names.ts';
import { patientBackend } from './patient-backend.ts';
import { isPaused } from './pause-client.ts';

/** A lock is renewed when a sixth to a third of it is over. */
const RENEWALS_PER_LOCK = 6;
/** How long an interrupted `take` waits for a batch that is being handed over just now. */
const HAND_OVER_MS = 1_000;

/** KEYS job, lock. ARGV token, the number of its stalls. Whoever lost the lock changes nothing. */
const forgiveScript = defineScript(
  'forgive',
  "if redis.call('GET', KEYS[2]) == ARGV[1] then return redis.call('HSET', KEYS[1], 'stc', ARGV[2]) end return 0",
);

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

/** What a batch worker needs, and whom it tells of what happens beside its jobs. */
export interface BatchWorkerOptions {
  readonly redis: Redis;
  readonly client: string;
  /** Default: `LOCK_TIMING`. */
  readonly lock?: LockTiming;
  onLockLost(jobId: string): void;
  onStalled(jobId: string): void;
  onError(error: Error): void;
}

/**
 * Takes the batches of one client out of its queue, one by one as they are asked for, and keeps their locks
 * alive until they are let go. It has no loop of its own and settles nothing: BullMQ's worker without its
 * processor, since only the caller knows how much work it has room for.
 */
export class BatchWorker extends Worker<unknown, unknown, string, RedisQueueBackend> {
  readonly #lock: LockTiming;
  readonly #redis: Redis;
  readonly #client: string;
  #tokens = 0;
  #giveUp = (): void => {};
  #handOver: NodeJS.Timeout | undefined;
  #renewals: NodeJS.Timeout | undefined;
  readonly #held = new Map<string, string>();
  /** Taken by an answer that was lost, and found again. */
  readonly #found: TakenJob[] = [];

  constructor({ redis, client, lock = LOCK_TIMING, onLockLost, onStalled, onError }: BatchWorkerOptions) {
    super(
      DELIVERIES,
      null,
      {
        connection: redis,
        prefix: clientPrefix(client),
        autorun: false,
        lockDuration: lock.durationMs,
        stalledInterval: lock.stalledIntervalMs,
        maxStalledCount: Number.MAX_SAFE_INTEGER,
      },
      patientBackend(onError),
    );
    this.#lock = lock;
    this.#redis = redis;
    this.#client = client;
    this.on('error', onError);
    this.on('stalled', onStalled);
    this.on('lockRenewalFailed', (jobIds: string[]) => {
      for (const jobId of jobIds) onLockLost(jobId);
    });
  }

  /** Starts renewing locks and looking for batches whose process was lost. */
  async start(): Promise<void> {
    await this.waitUntilReady();
    this.#renewInAWhile();
    await this.startStalledCheckTimer();
  }

  /**
   * Renews the locks of the batches that were held the last time, too. BullMQ's own keeper goes by the wall time
   * at which each was renewed last: where the clock is set back by an hour it renews none for as long, and all
   * that are open are lost.
   */
  async #renewLocks(heldBefore: ReadonlyMap<string, string>): Promise<void> {
    const due = new Map([...this.#held].filter(([jobId, token]) => heldBefore.get(jobId) === token));
    try {
      const unlocked = due.size > 0 ? await this.#extendLocks(due) : [];
      // A batch whose settlement was answered just before is let go first.
      if (unlocked.length > 0) await new Promise((resolve) => setImmediate(resolve));
      this.#reportLost(due, unlocked);
    } catch (error) {
      this.emit('error', error as Error);
    }
    this.#renewInAWhile();
  }

  #extendLocks(due: ReadonlyMap<string, string>): Promise<string[]> {
    return this.extendJobLocks([...due.keys()], [...due.values()], this.#lock.durationMs);
  }

  /** A batch that was let go, or taken anew, while the answer was on its way has lost nothing. */
  #reportLost(due: ReadonlyMap<string, string>, unlocked: readonly string[]): void {
    const lost = unlocked.filter((jobId) => this.#held.get(jobId) === due.get(jobId));
    if (lost.length > 0) this.emit('lockRenewalFailed', lost);
    for (const jobId of lost) this.emit('error', new Error(`could not renew lock for job ${jobId}`));
  }

  #renewInAWhile(): void {
    if (this.closing !== undefined) return;
    const held = new Map(this.#held);
    const renewEveryMs = this.#lock.durationMs / RENEWALS_PER_LOCK;
    clearTimeout(this.#renewals);
    this.#renewals = setTimeout(() => void this.#renewLocks(held), renewEveryMs).unref();
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

  /** Whether an operator has paused the client. Not BullMQ's `isPaused`, which is of this worker alone. */
  isClientPaused(): Promise<boolean> {
    return isPaused(this.#redis, this.#client);
  }

  /** Takes back a stall that was none: the process that held the batch is the one that has it again. */
  async forgive({ id, token }: TakenJob, stalls: number): Promise<void> {
    const job = `${queuePrefix(this.#client, DELIVERIES)}${id}`;
    await forgiveScript(this.#redis, [job, `${job}:lock`], [token, stalls]);
  }

  /** From now on keeps the lock of a batch that was taken with a lock of this worker. */
  adopt({ id, token, data, stalls }: QueuedBatch): TakenJob {
    return this.#hold({ id, token, data: parseData(data), stalls });
  }

  #hold(job: Omit<TakenJob, 'fail'>): TakenJob {
    const { id, token } = job;
    this.#held.set(id, token);
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
      for (const batch of await findTaken(this.#redis, this.#client, lock)) {
        if (batch.id !== id) this.#found.push(this.adopt(batch));
      }
    }
    return taken;
  }

  /** Stops renewing the lock of a batch that was settled or lost, unless the batch was taken anew since. */
  letGo({ id, token }: TakenJob): void {
    if (this.#held.get(id) !== token) return;
    this.#held.delete(id);
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

/** Undefined for what is no JSON. */
function parseData(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}
