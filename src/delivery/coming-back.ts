import type { TakenJob } from '../queue/batch-worker.ts';

/** A run of a batch, as much of it as whoever comes after it needs. */
interface EarlierRun {
  readonly done: Promise<void>;
  lose(): void;
}

/** What becomes of a batch that comes back. */
export interface ComingBackParts {
  /** The run of this batch that is open. */
  earlierRun(jobId: string): EarlierRun | undefined;
  begin(job: TakenJob): void;
  /** It is not begun after all: its lock is gone, or something broke. */
  drop(job: TakenJob, error?: unknown): void;
}

/**
 * Batches that lost their lock while they were open here, and were taken anew: the earlier run ends first. That may
 * take as long as others hold the permits which its events wait for, and nothing else is to wait for it.
 */
export class ComingBack {
  readonly #parts: ComingBackParts;
  readonly #latest = new Map<string, { isLost: boolean; done: Promise<void> }>();

  constructor(parts: ComingBackParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#latest.size;
  }

  has(jobId: string): boolean {
    return this.#latest.has(jobId);
  }

  add(job: TakenJob): void {
    const before = this.#latest.get(job.id);
    const entry = { isLost: false, done: Promise.resolve() };
    // Whoever came before has no lock any more.
    this.lose(job.id);
    this.#latest.set(job.id, entry);
    entry.done = this.#wait(job, entry, before?.done)
      .catch((error: unknown) => this.#parts.drop(job, error))
      .finally(() => {
        if (this.#latest.get(job.id) === entry) this.#latest.delete(job.id);
      });
  }

  /** The lock of one that waits is gone. */
  lose(jobId: string): void {
    const waiting = this.#latest.get(jobId);
    if (waiting !== undefined) waiting.isLost = true;
  }

  /** Resolves when all that wait now were begun or dropped. */
  async settled(): Promise<void> {
    await Promise.all([...this.#latest.values()].map(({ done }) => done));
  }

  async #wait(job: TakenJob, entry: { readonly isLost: boolean }, before?: Promise<void>): Promise<void> {
    const { earlierRun, begin, drop } = this.#parts;
    await before;
    for (let earlier = earlierRun(job.id); earlier !== undefined; earlier = earlierRun(job.id)) {
      earlier.lose();
      await earlier.done;
    }
    if (entry.isLost) drop(job);
    else begin(job);
  }
}
