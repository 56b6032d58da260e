import type { StoredEvent } from '../core/event.ts';
import type { Log } from '../core/log.ts';
import { type FinishedEvent, planSettlement, type Settlement } from '../core/settlement.ts';
import type { TakenJob } from '../queue/batch-worker.ts';
import type { NewLock, QueuedBatch, SettleAction, SettleCommand, Settled } from '../queue/settle.ts';
import { Tally } from './tally.ts';
import type { Unsettled } from './unsettled.ts';

/** What a ledger writes with. */
export interface LedgerParts {
  readonly client: { readonly name: string };
  readonly unsettled: Unsettled;
  readonly log: Log;
  /** Writes a settlement down. */
  settle(command: SettleCommand): Promise<Settled>;
  /** ms since the epoch */
  now(): number;
}

/** What became of the events of an open batch, and how much of it is written down. */
export class BatchLedger {
  readonly tally: Tally = new Tally();
  readonly #job: TakenJob;
  readonly #parts: LedgerParts;
  readonly #unfinished: Set<StoredEvent>;
  #finished: FinishedEvent[] = [];
  #lost = false;
  readonly #onLockGone: () => void;

  /** @param onLockGone Redis says that the lock is gone, so that somebody else may have the batch */
  constructor(job: TakenJob, events: readonly StoredEvent[], parts: LedgerParts, onLockGone: () => void) {
    this.#onLockGone = onLockGone;
    this.#job = job;
    this.#parts = parts;
    this.#unfinished = new Set(events);
  }

  /** The lock is gone: nothing is written any more. */
  get lost(): boolean {
    return this.#lost;
  }

  /** The events that have no result yet, in their order. */
  get unfinished(): readonly StoredEvent[] {
    return [...this.#unfinished];
  }

  /** Whether a checkpoint has something to write. */
  get hasNews(): boolean {
    return !this.#lost && this.#finished.length > 0 && this.#unfinished.size > 0;
  }

  finish(event: StoredEvent, result: FinishedEvent): void {
    this.#unfinished.delete(event);
    this.#finished.push(result);
  }

  lose(): void {
    this.#lost = true;
  }

  /** Takes over what an earlier run of this job in this process could not write. @returns the events */
  recall(): readonly StoredEvent[] {
    const known = this.#parts.unsettled.recall(this.#job.id, this.unfinished);
    for (const { event, result } of known) {
      this.tally.recount(result);
      this.finish(event, result);
    }
    return known.map(({ event }) => event);
  }

  /**
   * Writes the present state down; what is finished leaves the batch.
   *
   * @returns the next batch, where one was asked for by a lock for it, and waits
   */
  async write(action: SettleAction, nextLock?: NewLock): Promise<QueuedBatch | undefined> {
    const results = this.#finished;
    this.#finished = [];
    const settlement = planSettlement(results, this.unfinished);
    const last = action === 'complete' && settlement.stay.length > 0 ? 'delay' : action;
    const lock = nextLock === undefined ? {} : { nextLock };
    const { settled, next } = await this.#settle(last, settlement, { finished: results, ...lock });
    if (!settled) this.#parts.unsettled.remember(this.#job.id, results);
    return next;
  }

  /** Keeps what was not written for the job's next run here; or forgets it, once all is written. */
  close(): void {
    const { unsettled } = this.#parts;
    if (this.#lost) unsettled.remember(this.#job.id, this.#finished);
    else unsettled.forget(this.#job.id);
  }

  /** Has the batch wait until then (ms since the epoch); no attempt was made. */
  async postpone(dueAt: number): Promise<void> {
    await this.#settle('delay', { dead: [], apart: [], stay: this.unfinished, dueAt }, {});
  }

  /** Gives every unfinished event a job of its own; writes down the rest. */
  async split(): Promise<void> {
    const dueAt = this.#parts.now();
    const finished = this.#finished;
    const { dead, apart } = planSettlement(finished, this.unfinished);
    const alone = this.unfinished.map((event) => ({ event, dueAt }));
    await this.#settle('complete', { dead, apart: [...apart, ...alone], stay: [] }, { finished });
  }

  async #settle(
    action: SettleAction,
    settlement: Settlement,
    extras: Pick<SettleCommand, 'finished' | 'nextLock'>,
  ): Promise<Settled> {
    const { client, log, now } = this.#parts;
    const facts = { client: client.name, batch: this.#job.id };
    const { id: jobId, token } = this.#job;
    try {
      const settled = await this.#parts.settle({
        jobId,
        token,
        now: now(),
        action,
        settlement,
        ...this.tally.take(),
        ...extras,
      });
      if (settled.settled) return settled;
      log.warn(facts, 'lock lost');
      this.#onLockGone();
    } catch (error) {
      log.error({ ...facts, err: error }, 'batch could not be settled');
    }
    this.lose();
    return { settled: false };
  }
}
