import type { StoredEvent } from '../core/event.ts';

/** Whether events reached Redis: `refused` surely not, `unknown` perhaps. */
export type CommitOutcome =
  | { readonly kind: 'committed' }
  | { readonly kind: 'refused' | 'unknown'; readonly error: Error };

/** Events that go into one job. */
export interface CommitBatch {
  readonly id: string;
  readonly events: readonly StoredEvent[];
}

/** What a group commit writes with, and its limits. */
export interface GroupCommitOptions {
  /** Writes batches, all or none; never rejects. */
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
  add(event: StoredEvent, bytes: number, done: (outcome: CommitOutcome) => void): void;
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
}

interface Write {
  readonly batches: readonly Pending[][];
  readonly outcome: Promise<CommitOutcome>;
}

const BATCHES_PER_WRITE = 20;

/** Builds the group commit of a client. There is no timer: an idle system adds no delay. */
export function createGroupCommit(options: GroupCommitOptions): GroupCommit {
  let pending: Pending[] = [];
  let next = 0;
  let pendingBytes = 0;
  let flushing: Promise<void> | undefined;
  let onRoom: (() => void)[] = [];

  const waiting = (): number => pending.length - next;
  const isFull = (): boolean => waiting() >= options.maxPending || pendingBytes >= options.maxPendingBytes;

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

  function beginWrite(): Write {
    const batches = takeWrite();
    const outcome = options.write(
      batches.map((batch) => ({ id: options.newBatchId(), events: batch.map(({ event }) => event) })),
    );
    return { batches, outcome };
  }

  function makeRoom(): void {
    if (isFull()) return;
    const waiters = onRoom;
    onRoom = [];
    for (const resolve of waiters) resolve();
  }

  async function flush(): Promise<void> {
    await Promise.resolve(); // whoever submits in the same turn travels together
    let write: Write | undefined = beginWrite();
    while (write !== undefined) {
      const { batches, outcome }: Write = write;
      const known = await outcome;
      // The next one is on its way before anybody hears of this one, so that Redis does not wait for them.
      write = waiting() > 0 ? beginWrite() : undefined;
      for (const { done } of batches.flat()) done(known);
      makeRoom();
      if (write === undefined && waiting() > 0) write = beginWrite();
    }
    flushing = undefined;
  }

  return {
    get full() {
      return isFull();
    },
    add(event, bytes, done) {
      pending.push({ event, bytes, done });
      pendingBytes += bytes;
      flushing ??= flush();
    },
    room() {
      if (!isFull()) return Promise.resolve();
      return new Promise((resolve) => {
        onRoom.push(resolve);
      });
    },
    async drain() {
      await flushing;
    },
  };
}
