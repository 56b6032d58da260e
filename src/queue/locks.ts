import type { LockTiming } from './names.ts';

/** A lock is renewed when a sixth to a third of it is over. */
const RENEWALS_PER_LOCK = 6;

/** What renewing locks takes. */
export interface LocksParts {
  readonly lock: LockTiming;
  /** Lets these locks last anew. @returns the ids of those that are gone */
  extend(jobIds: string[], tokens: string[]): Promise<string[]>;
  onLost(jobId: string): void;
  onError(error: Error): void;
}

/** Renews the locks of the batches of one client that this process holds; while it holds none, it does nothing. */
export class Locks {
  readonly #parts: LocksParts;
  readonly #held = new Map<string, string>();
  #renewals: NodeJS.Timeout | undefined;
  #started = false;

  constructor(parts: LocksParts) {
    this.#parts = parts;
  }

  /** From now on locks are renewed. */
  start(): void {
    this.#started = true;
    this.#renewInAWhile();
  }

  hold(jobId: string, token: string): void {
    this.#held.set(jobId, token);
    if (this.#renewals === undefined) this.#renewInAWhile();
  }

  /** Forgets a batch that was settled or lost, unless the batch was taken anew since. */
  letGo(jobId: string, token: string): void {
    if (this.#held.get(jobId) === token) this.#held.delete(jobId);
  }

  stop(): void {
    this.#started = false;
    clearTimeout(this.#renewals);
  }

  #renewInAWhile(): void {
    this.#renewals = undefined;
    if (!this.#started || this.#held.size === 0) return;
    const held = new Map(this.#held);
    const renewEveryMs = this.#parts.lock.durationMs / RENEWALS_PER_LOCK;
    this.#renewals = setTimeout(() => void this.#renew(held), renewEveryMs).unref();
  }

  /**
   * Renews the locks of the batches that were held the last time, too. BullMQ's own keeper goes by the wall time
   * at which each was renewed last: where the clock is set back by an hour it renews none for as long, and all
   * that are open are lost.
   */
  async #renew(heldBefore: ReadonlyMap<string, string>): Promise<void> {
    const due = new Map([...this.#held].filter(([jobId, token]) => heldBefore.get(jobId) === token));
    try {
      const unlocked = due.size > 0 ? await this.#parts.extend([...due.keys()], [...due.values()]) : [];
      // A batch whose settlement was answered just before is let go first.
      if (unlocked.length > 0) await new Promise((resolve) => setImmediate(resolve));
      this.#reportLost(due, unlocked);
    } catch (error) {
      this.#parts.onError(error as Error);
    }
    this.#renewInAWhile();
  }

  /** A batch that was let go, or taken anew, while the answer was on its way has lost nothing. */
  #reportLost(due: ReadonlyMap<string, string>, unlocked: readonly string[]): void {
    const lost = unlocked.filter((jobId) => this.#held.get(jobId) === due.get(jobId));
    for (const jobId of lost) this.#parts.onLost(jobId);
    for (const jobId of lost) this.#parts.onError(new Error(`could not renew lock for job ${jobId}`));
  }
}
