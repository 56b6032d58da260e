import type { StoredEvent } from '../core/event.ts';
import type { EventKey, KeyHolder } from '../core/idempotency-key.ts';

/** Whether events reached Redis: `refused` surely not, `unknown` perhaps. */
export type CommitOutcome =
  | {
      readonly kind: 'committed';
      /** Events by their id that were left out, since their keys stand for these; absent: none. */
      readonly holders?: ReadonlyMap<string, KeyHolder>;
    }
  | { readonly kind: 'refused' | 'unknown'; readonly error: Error };

/** Events that go into one job. */
export interface CommitBatch {
  readonly id: string;
  readonly events: readonly StoredEvent[];
  /** The key of each event, where any of them has one. */
  readonly keys?: readonly (EventKey | undefined)[];
}

/** What a group commit writes with, and its limits. */
export interface GroupCommitOptions {
  /** Writes batches, all or none but for events whose keys stand for others; never rejects. */
  write(batches: readonly CommitBatch[]): Promise<CommitOutcome>;
  newBatchId(): string;
  readonly batchSize: number;
  readonly maxBatchBytes: number;
  /** Events that may wait to be written, and their bytes. */
  readonly maxPending: number;
  readonly maxPendingBytes: number;
}

/** Gathers a client's events while an earlier write is under way, and writes them together. */
export interface GroupCommit {
  /** Takes an event over; `done` is called once it is known what became of it. */
  add(event: StoredEvent, bytes: number, done: (outcome: CommitOutcome) => void, key?: EventKey): void;
  readonly full: boolean;
  /** Resolves when it is not full. */
  room(): Promise<void>;
  /** Resolves when nothing waits to be written. */
  drain(): Promise<void>;
}

interface Pending {
  readonly event: StoredEvent;
  readonly bytes: number;
  readonly done: (outcome: CommitOutcome) => void;
  readonly key: EventKey | undefined;
}

const BATCHES_PER_WRITE = 20;
/** Writes under way at the most: a second one only if it is full, so that Redis need not wait for the next. */
const MOST_WRITES = 2;

/** Builds the group commit of a client. There is no timer: an idle system adds no delay. */
export function createGroupCommit(options: GroupCommitOptions): GroupCommit {
  let pending: Pending[] = [];
  let next = 0;
  let pendingBytes = 0;
  /** How many of those that wait have a key: where none has, none is looked for. */
  let keyed = 0;
  let underWay = 0;
  let scheduled = false;
  let onRoom: (() => void)[] = [];
  let onDrained: (() => void)[] = [];

  const waiting = (): number => pending.length - next;
  const isFull = (): boolean => waiting() >= options.maxPending || pendingBytes >= options.maxPendingBytes;
  const isIdle = (): boolean => waiting() === 0 && underWay === 0;

  /** The next batch: up to so many events, up to so many bytes, at least one event. */
  function takeBatch(): Pending[] {
    const first = next;
    let bytes = 0;
    while (next < pending.length && next - first < options.batchSize) {
      bytes += pending[next]?.bytes ?? 0;
      if (bytes > options.maxBatchBytes && next > first) break;
      pendingBytes -= pending[next]?.bytes ?? 0;
      next += 1;
    }
    return pending.slice(first, next);
  }

  function takeWrite(): Pending[][] {
    const batches: Pending[][] = [];
    while (waiting() > 0 && batches.length < BATCHES_PER_WRITE) batches.push(takeBatch());
    if (waiting() === 0) {
      pending = [];
      next = 0;
    } else if (next > options.maxPending) {
      pending = pending.slice(next);
      next = 0;
    }
    return batches;
  }

  function toCommitBatch(batch: readonly Pending[]): CommitBatch {
    const id = options.newBatchId();
    const events = batch.map(({ event }) => event);
    if (keyed === 0) return { id, events };
    const keys = batch.map(({ key }) => key);
    const count = keys.filter((key) => key !== undefined).length;
    keyed -= count;
    return count === 0 ? { id, events } : { id, events, keys };
  }

  /** Whether a write is to begin: the first with whatever waits, a further one only when it is full. */
  function isDue(): boolean {
    if (underWay === 0) return waiting() > 0;
    return underWay < MOST_WRITES && waiting() >= options.batchSize * BATCHES_PER_WRITE;
  }

  function beginWrites(): void {
    scheduled = false;
    while (isDue()) void write(takeWrite());
    if (!isFull()) onRoom = resolveAll(onRoom);
  }

  async function write(batches: readonly Pending[][]): Promise<void> {
    underWay += 1;
    const outcome = await options.write(batches.map(toCommitBatch));
    underWay -= 1;
    // The next one is on its way before anybody hears of this one, so that Redis does not wait for them.
    beginWrites();
    for (const { done } of batches.flat()) done(outcome);
    if (isIdle()) onDrained = resolveAll(onDrained);
  }

  return {
    get full() {
      return isFull();
    },
    add(event, bytes, done, key) {
      pending.push({ event, bytes, done, key });
      pendingBytes += bytes;
      if (key !== undefined) keyed += 1;
      if (scheduled || !isDue()) return;
      // Whoever submits in the same turn travels together.
      scheduled = true;
      queueMicrotask(beginWrites);
    },
    room() {
      if (!isFull()) return Promise.resolve();
      return new Promise((resolve) => {
        onRoom.push(resolve);
      });
    },
    drain() {
      if (isIdle()) return Promise.resolve();
      return new Promise((resolve) => {
        onDrained.push(resolve);
      });
    },
  };
}

function resolveAll(waiters: readonly (() => void)[]): [] {
  for (const resolve of waiters) resolve();
  return [];
}
