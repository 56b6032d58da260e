import type { StoredEvent } from '../core/event.ts';
import type { EventKey } from '../core/idempotency-key.ts';
import type { NewBatch, WriteOutcome } from '../queue/admit.ts';
import type { Backlog } from './backlog.ts';

/** What a group commit writes with, and its limits. */
export interface GroupCommitOptions {
  /** Writes batches, all or none but for events whose keys stand for others; never rejects. */
  write(batches: readonly NewBatch[]): Promise<WriteOutcome>;
  newBatchId(): string;
  readonly batchSize: number;
  readonly maxBatchBytes: number;
  /** Counts the events that wait; the endpoints of a client share it. */
  readonly backlog: Backlog;
}

/** An event to be written, the bytes of its body, and its idempotency key. */
export interface NewEvent {
  readonly event: StoredEvent;
  readonly bytes: number;
  readonly key: EventKey | undefined;
}

interface Waiting extends NewEvent {
  readonly done: (outcome: WriteOutcome) => void;
}

const BATCHES_PER_WRITE = 20;
/** A second write begins during the first only if it is full, so that Redis need not wait for it. */
const MAX_WRITES = 2;

/**
 * Gathers the events of one endpoint while an earlier write is under way, and writes them together. There is no
 * timer: an idle system adds no delay.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions;
  /** The events from `#next` on wait; those before are on their way. */
  #events: Waiting[] = [];
  #next = 0;
  #writes = 0;
  #isScheduled = false;
  #drainWaiters: (() => void)[] = [];

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  /** Takes an event over, also if the backlog is full; `done` is called with the outcome of its write. */
  add({ event, bytes, key }: NewEvent, done: (outcome: WriteOutcome) => void): void {
    this.#events.push({ event, bytes, key, done });
    this.#options.backlog.add(bytes);
    if (this.#isScheduled || !this.#isDue) return;
    // Events of the same turn travel together.
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#beginWrites();
    });
  }

  /** Resolves once every event was written. */
  drain(): Promise<void> {
    if (this.#isIdle) return Promise.resolve();
    return new Promise((resolve) => {
      this.#drainWaiters.push(resolve);
    });
  }

  get #waiting(): number {
    return this.#events.length - this.#next;
  }

  get #isIdle(): boolean {
    return this.#waiting === 0 && this.#writes === 0;
  }

  /** The first write takes any number of events, a further one begins only if it is full. */
  get #isDue(): boolean {
    if (this.#writes === 0) return this.#waiting > 0;
    return this.#writes < MAX_WRITES && this.#waiting >= this.#options.batchSize * BATCHES_PER_WRITE;
  }

  #beginWrites(): void {
    while (this.#isDue) void this.#write(this.#takeBatches());
  }

  async #write(batches: readonly Waiting[][]): Promise<void> {
    this.#writes += 1;
    const outcome = await this.#options.write(
      batches.map((batch) => toNewBatch(this.#options.newBatchId(), batch)),
    );
    this.#writes -= 1;
    // Begin the next write before the callbacks run, so that Redis does not wait for them.
    this.#beginWrites();
    for (const batch of batches) for (const { done } of batch) done(outcome);
    if (!this.#isIdle) return;
    for (const resolve of this.#drainWaiters) resolve();
    this.#drainWaiters = [];
  }

  #takeBatches(): Waiting[][] {
    const batches: Waiting[][] = [];
    while (this.#waiting > 0 && batches.length < BATCHES_PER_WRITE) batches.push(this.#takeBatch());
    // Copy the rest only if it is the smaller part: the cost for each event stays constant.
    if (this.#next > this.#waiting) {
      this.#events = this.#events.slice(this.#next);
      this.#next = 0;
    }
    return batches;
  }

  /** The next batch: at least one event, at most `batchSize` events and `maxBatchBytes` bytes. */
  #takeBatch(): Waiting[] {
    const { batchSize, maxBatchBytes, backlog } = this.#options;
    const batch: Waiting[] = [];
    let bytes = 0;
    for (const event of this.#events.slice(this.#next, this.#next + batchSize)) {
      if (batch.length > 0 && bytes + event.bytes > maxBatchBytes) break;
      batch.push(event);
      bytes += event.bytes;
    }
    this.#next += batch.length;
    backlog.remove(batch.length, bytes);
    return batch;
  }
}

function toNewBatch(id: string, batch: readonly Waiting[]): NewBatch {
  const events = batch.map(({ event }) => event);
  if (batch.every(({ key }) => key === undefined)) return { id, events };
  return { id, events, keys: batch.map(({ key }) => key) };
}
