import { every } from '../core/time.ts';
import type { LockTiming } from './names.ts';

/** A lock is renewed when a sixth to a third of it is over. */
const RENEWALS_PER_LOCK = 6;

/** What renewing locks takes. */
export interface LocksParts {
  readonly lock: LockTiming;
  /** Renews these locks. @returns the ids of the jobs whose locks have expired */
  extend(jobIds: string[], tokens: string[]): Promise<string[]>;
  onLost(jobId: string): void;
  onError(error: Error): void;
}

/** Renews the locks of the batches of one endpoint that this process holds. */
export class Locks {
  readonly #parts: LocksParts;
  /** The tokens of the locks by job id. */
  readonly #held = new Map<string, string>();
  #heldBefore: ReadonlyMap<string, string> = new Map();
  #stop = (): void => {};

  constructor(parts: LocksParts) {
    this.#parts = parts;
  }

  /** From now on locks are renewed. */
  start(): void {
    const stop = every(this.#parts.lock.durationMs / RENEWALS_PER_LOCK, () => this.#renew());
    this.#stop = () => void stop();
  }

  hold(jobId: string, token: string): void {
    this.#held.set(jobId, token);
  }

  /** Forgets a batch that was settled or lost, unless the batch was taken anew since. */
  letGo(jobId: string, token: string): void {
    if (this.#held.get(jobId) === token) this.#held.delete(jobId);
  }

  stop(): void {
    this.#stop();
  }

  /**
   * Renews the locks that were held the last time, too. BullMQ's own goes by the wall time at which each was
   * renewed last: if the clock is set back by an hour it renews none for as long, and all open batches are lost.
   */
  async #renew(): Promise<void> {
    const due = new Map([...this.#held].filter(([jobId, token]) => this.#heldBefore.get(jobId) === token));
    try {
      const unlocked = due.size > 0 ? await this.#parts.extend([...due.keys()], [...due.values()]) : [];
      // A batch whose settlement was answered just before is let go first.
      if (unlocked.length > 0) await new Promise((resolve) => setImmediate(resolve));
      // A batch that was let go, or taken anew, while the answer was on its way has lost nothing.
      const lost = unlocked.filter((jobId) => this.#held.get(jobId) === due.get(jobId));
      for (const jobId of lost) this.#parts.onLost(jobId);
      for (const jobId of lost) this.#parts.onError(new Error(`could not renew lock for job ${jobId}`));
    } catch (error) {
      this.#parts.onError(error as Error);
    }
    this.#heldBefore = new Map(this.#held);
  }
}
