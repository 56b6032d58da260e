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

interface HeldLock {
  readonly token: string;
  /** When it was asked for, or renewed: the lock lasts from then on at the least; ms of the monotonic clock. */
  since: number;
}

/** Renews the locks of the batches of one endpoint that this process holds. */
export class Locks {
  readonly #parts: LocksParts;
  /** By job id. */
  readonly #held = new Map<string, HeldLock>();
  #heldBefore: ReadonlySet<HeldLock> = new Set();
  #stop = (): void => {};

  constructor(parts: LocksParts) {
    this.#parts = parts;
  }

  /** From now on locks are renewed. */
  start(): void {
    const stop = every(this.#parts.lock.durationMs / RENEWALS_PER_LOCK, () => this.#renew());
    this.#stop = () => void stop();
  }

  /**
   * @param askedAt when the lock was asked for; ms of the monotonic clock
   * @returns whether the lock cannot have run out, though this process may have stood still since: asked before each request
   */
  hold(jobId: string, token: string, askedAt: number): () => boolean {
    const held = { token, since: askedAt };
    this.#held.set(jobId, held);
    return () => performance.now() < held.since + this.#parts.lock.durationMs;
  }

  /** Forgets a batch that was settled or lost, unless the batch was taken anew since. */
  letGo(jobId: string, token: string): void {
    if (this.#held.get(jobId)?.token === token) this.#held.delete(jobId);
  }

  stop(): void {
    this.#stop();
  }

  /**
   * Renews the locks that were held the last time, too. BullMQ's own goes by the wall time at which each was
   * renewed last: if the clock is set back by an hour it renews none for as long, and all open batches are lost.
   */
  async #renew(): Promise<void> {
    const due = new Map([...this.#held].filter(([, held]) => this.#heldBefore.has(held)));
    const askedAt = performance.now();
    try {
      const tokens = [...due.values()].map(({ token }) => token);
      const unlocked = due.size > 0 ? await this.#parts.extend([...due.keys()], tokens) : [];
      for (const [jobId, held] of due) if (!unlocked.includes(jobId)) held.since = askedAt;
      // A batch whose settlement was answered just before is let go first.
      if (unlocked.length > 0) await new Promise((resolve) => setImmediate(resolve));
      // A batch that was let go, or taken anew, while the answer was on its way has lost nothing.
      const lost = unlocked.filter((jobId) => this.#held.get(jobId) === due.get(jobId));
      for (const jobId of lost) this.#parts.onLost(jobId);
      for (const jobId of lost) this.#parts.onError(new Error(`could not renew lock for job ${jobId}`));
    } catch (error) {
      this.#parts.onError(error as Error);
    }
    this.#heldBefore = new Set(this.#held.values());
  }
}
