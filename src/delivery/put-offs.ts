/** A batch that was put off, and until when (ms since the epoch). */
export interface PutOff {
  readonly id: string;
  readonly dueAt: number;
}

/** The batches of ailing endpoints that were put off, so that the queue flows on to those behind them. */
export interface PutOffs {
  readonly size: number;
  /** When a batch that is put off now is to be looked at again; `now` and the answer in ms since the epoch. */
  dueAt(now: number): number;
  /** A batch was put off. */
  note(putOff: PutOff): void;
  /** It has come back. */
  forget(id: string): void;
  /** Forgets those that were due a while ago, ms since the epoch: another process has them, or had them. */
  forgetPast(now: number): void;
  /** Takes all back into the queue: what they made room for is over. Never rejects. */
  bringForward(): Promise<void>;
}

/** What put-offs are made with. */
export interface PutOffsParts {
  /** Makes those of these batches that still wait for their time wait for their turn instead. */
  bringForward(batches: readonly PutOff[]): Promise<void>;
  onError(error: Error): void;
}

const LEAST_MS = 3_000;
/** Between batches that come back: however many there are, looking at them again costs a few per cent of a core. */
const SPACING_MS = 5;
/** None waits for longer than this, whatever became of the process that put it off. */
const MOST_MS = 600_000;
/** Batches remembered at the most; any other one comes back when it is due. */
const MOST_REMEMBERED = 100_000;
const CHUNK = 100;

/** Remembers put-offs in memory. */
export function createPutOffs({ bringForward, onError }: PutOffsParts): PutOffs {
  const known = new Map<string, number>();
  let latest = 0;
  let before = 0;

  return {
    get size() {
      return known.size;
    },
    dueAt(now) {
      // The clock was set back: times that were given by it before are too far ahead to be gone by.
      if (now < before) latest = 0;
      before = now;
      latest = Math.min(Math.max(now + LEAST_MS, latest + SPACING_MS), now + MOST_MS);
      return latest;
    },
    note({ id, dueAt }) {
      if (known.size < MOST_REMEMBERED) known.set(id, dueAt);
    },
    forget(id) {
      known.delete(id);
    },
    forgetPast(now) {
      // They stand in the order of their times, but for a few whose settlements overtook each other.
      for (const [id, dueAt] of known) {
        if (dueAt > now - LEAST_MS) return;
        known.delete(id);
      }
    },
    async bringForward() {
      latest = 0;
      const all = [...known].map(([id, dueAt]): PutOff => ({ id, dueAt }));
      known.clear();
      try {
        for (let i = 0; i < all.length; i += CHUNK) await bringForward(all.slice(i, i + CHUNK));
      } catch (error) {
        onError(error as Error);
      }
    },
  };
}
