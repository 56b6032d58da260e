import { Job, type JobJson, type RedisQueueBackend, Worker } from 'bullmq';
import type { Verdict } from '../core/pace.ts';
import { decodeData } from './admit.ts';
import { isConnected } from './connections.ts';
import { Locks } from './locks.ts';
import { deliveriesPrefix, type Endpoint, endpointPrefix, type LockTiming } from './names.ts';
import { NextWork } from './next-work.ts';
import { WORK_CHANNEL } from './scripts/wake.ts';
import { type Connection, lossesOf } from './servers.ts';
import {
  findTaken,
  type NewLock,
  type QueuedBatch,
  type Takes,
  takePaced,
  type Waits,
} from './take-batch.ts';
import { untilWritable } from './until-writable.ts';

/** How often a `take` that was interrupted looks whether the Redis is gone from which it waits for an answer. */
const GONE_LOOK_MS = 1_000;

/** A batch that this process has taken, with the lock by which it is held. */
export interface TakenBatch extends QueuedBatch {
  /** Whether its lock cannot have run out. */
  isLocked(): boolean;
  /** Moves a job that is no batch to BullMQ's failed set, where it is kept and `check` names it. */
  fail(reason: string): Promise<void>;
}

/** Whom a batch worker tells of what happens beside its jobs. */
export interface BatchWorkerListeners {
  onLockLost(jobId: string): void;
  onStalled(jobId: string): void;
  /** A verdict on the endpoint that some process made. */
  onVerdict(verdict: Verdict): void;
  /** What waits, if a paced take found nothing that it may take. */
  onWaits(waits: Waits): void;
}

/** What the batch workers of a process are made from. */
export interface BatchWorkersParts {
  readonly redis: Connection;
  readonly lock: LockTiming;
  onError(error: Error): void;
  /** ms since the epoch */
  now(): number;
}

/** What a batch worker is made from. */
export interface BatchWorkerParts extends BatchWorkersParts, BatchWorkerListeners {
  readonly endpoint: Endpoint;
  /** That of BullMQ, on the connection that all of them share. */
  readonly backend: RedisQueueBackend;
}

/**
 * Takes the batches of one endpoint, one by one as they are asked for, and renews their locks until they are let go. It
 * has no loop of its own and settles nothing: only the caller knows how much work it has room for. It is BullMQ's
 * worker without its processor and without its wait, which takes a connection for each queue.
 */
export class BatchWorker {
  readonly #parts: BatchWorkerParts;
  readonly #worker: Worker<unknown, unknown, string, RedisQueueBackend>;
  /** The beginning of the queue's keys. */
  readonly #prefix: string;
  readonly #locks: Locks;
  readonly #next: NextWork;
  #tokens = 0;
  #giveUp = (): void => {};
  #goneLook: NodeJS.Timeout | undefined;
  #isLookingForLost = false;
  /** Taken by an answer that was lost, and found again. */
  readonly #found: TakenBatch[] = [];
  #isClosed = false;

  constructor(parts: BatchWorkerParts) {
    const { redis, endpoint, lock, backend, now, onLockLost, onError } = parts;
    this.#parts = parts;
    this.#prefix = endpointPrefix(endpoint);
    this.#next = new NextWork(now);
    const { type: name, client } = endpoint;
    const prefix = deliveriesPrefix(client);
    this.#worker = new Worker(
      name,
      null,
      { connection: redis, prefix, autorun: false },
      () => backend.forQueue(name, prefix) as RedisQueueBackend,
    );
    this.#worker.on('error', onError);
    this.#locks = new Locks({
      lock,
      extend: (ids, tokens) =>
        this.#untilWritable((queue) => queue.extendLocks(ids, tokens, lock.durationMs)),
      onLost: onLockLost,
      onError,
    });
  }

  /** Starts renewing locks. */
  async start(): Promise<void> {
    await this.#worker.waitUntilReady();
    this.#locks.start();
  }

  /**
   * The next batch. If there is none, waits until there may be one, or `interrupt`, and returns undefined: then the
   * caller asks again if it still has room.
   *
   * @param takes what may be taken of an endpoint that is not `open`; undefined: it is
   */
  async take(takes?: Takes): Promise<TakenBatch | undefined> {
    const found = this.#found.pop();
    if (found !== undefined) return found;
    this.#next.reset();
    // Not Promise.race, which would add to a promise that lives as long as the worker with each take.
    const taken = await new Promise<TakenBatch | undefined>((resolve, reject) => {
      this.#giveUp = () => resolve(undefined);
      this.#takeNow(this.newLock(), takes).then(resolve, reject);
    });
    if (taken === undefined) await this.#next.wait();
    return taken;
  }

  async #takeNow(lock: NewLock, takes: Takes | undefined): Promise<TakenBatch | undefined> {
    const { redis } = this.#parts;
    const losses = lossesOf(redis);
    const batch = await (takes === undefined ? this.#takeOpen(lock) : this.#takePaced(lock, takes));
    // An answer lost with its connection has taken a batch, too, which no process knows of.
    if (lossesOf(redis) !== losses) {
      const batches = await this.#untilWritable(() => findTaken(redis, this.#parts.endpoint, lock));
      for (const found of batches) if (found.id !== batch?.id) this.#found.push(this.adopt(found));
    }
    return batch === undefined ? this.#found.pop() : this.adopt(batch);
  }

  async #takeOpen({ token, askedAt }: NewLock): Promise<QueuedBatch | undefined> {
    const answer = await this.#untilWritable((queue) => queue.moveToActive(token));
    const [job, id, , dueAt] = answer as [job: JobJson | null, id: string, rateLimit: number, dueAt: number];
    if (dueAt > 0) this.#next.hear(dueAt);
    return job ? { id, token, askedAt, data: decodeData(job.data), stalls: job.stalledCounter } : undefined;
  }

  async #takePaced(lock: NewLock, takes: Takes): Promise<QueuedBatch | undefined> {
    const { redis, endpoint, now, onWaits } = this.#parts;
    const taken = await this.#untilWritable(() => takePaced(redis, endpoint, takes, lock, now()));
    if ('token' in taken) return taken;
    if (takes.retries && taken.retryAt > 0) this.#next.hear(taken.retryAt);
    onWaits(taken);
    return undefined;
  }

  /** Work is due in the queue at this time: ms since the epoch, 0: at once. */
  hear(dueAt: number): void {
    this.#next.hear(dueAt);
  }

  /** A verdict on the endpoint was published. */
  hearVerdict(verdict: Verdict): void {
    this.#parts.onVerdict(verdict);
  }

  /** A lock for a batch that is taken out of the queue by other means; then comes `adopt`. */
  newLock(): NewLock {
    this.#tokens += 1;
    const { durationMs } = this.#parts.lock;
    return { token: `${this.#worker.id}:${this.#tokens}`, durationMs, askedAt: performance.now() };
  }

  /** From now on renews the lock of a batch that was taken with a lock of this worker. */
  adopt(batch: QueuedBatch): TakenBatch {
    const isLocked = this.#locks.hold(batch.id, batch.token, batch.askedAt);
    return { ...batch, isLocked, fail: (reason) => this.#fail(batch, reason) };
  }

  /** Stops renewing the lock of a batch that was settled or lost, unless the batch was taken anew since. */
  letGo({ id, token }: TakenBatch): void {
    this.#locks.letGo(id, token);
  }

  async #fail({ id, token }: QueuedBatch, reason: string): Promise<void> {
    const job = new Job(this.#worker, '', null, {}, id);
    await this.#untilWritable(() => job.moveToFailed(new Error(reason), token));
  }

  /** Puts batches of lost processes back into the queue: batches that had no lock at two looks. */
  async lookForLost(): Promise<void> {
    // A look that Redis cannot write waits until it can.
    if (this.#isLookingForLost || this.#isClosed) return;
    this.#isLookingForLost = true;
    const { redis, onStalled, onError } = this.#parts;
    try {
      const stalled = await this.#untilWritable((queue) => queue.moveStalledJobsToWait());
      for (const jobId of stalled) onStalled(jobId);
      if (stalled.length > 0) await redis.publish(WORK_CHANNEL, `0 ${this.#prefix}`);
    } catch (error) {
      if (!this.#isClosed) onError(error as Error);
    }
    this.#isLookingForLost = false;
  }

  /** Whether an operator has paused the endpoint. */
  async isEndpointPaused(): Promise<boolean> {
    return (await this.#parts.redis.hexists(`${this.#prefix}meta`, 'paused')) === 1;
  }

  /**
   * Makes a `take` that waits for work return, and each one after it. If Redis is slow, `take` waits for the answer
   * under way: its batch would be in no process until its lock expires. If Redis is gone, it returns within a second.
   */
  interrupt(): void {
    this.#next.close();
    this.#goneLook = setInterval(() => {
      if (!isConnected(this.#parts.redis)) this.#giveUp();
    }, GONE_LOOK_MS);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#next.close();
    this.#locks.stop();
    clearInterval(this.#goneLook);
    await this.#worker.close(true);
  }

  #untilWritable<Result>(operation: (queue: RedisQueueBackend) => Promise<Result>): Promise<Result> {
    return untilWritable(
      () => operation(this.#worker.getBackend()),
      () => this.#isClosed,
      this.#parts.onError,
    );
  }
}

/** Where an endpoint's batches come from. */
export type BatchSource = Pick<
  BatchWorker,
  'start' | 'take' | 'hear' | 'newLock' | 'adopt' | 'letGo' | 'isEndpointPaused' | 'interrupt'
>;
