import { nextAttempt, type StoredEvent } from '../core/event.ts';
import type { Log } from '../core/log.ts';
import { type FinishedEvent, planSettlement, type Settlement } from '../core/settlement.ts';
import type { Endpoint } from '../queue/names.ts';
import type { SettleAction, SettleCommand, Settled } from '../queue/settle.ts';
import type { TakenBatch } from '../queue/take.ts';
import type { NewLock, QueuedBatch } from '../queue/take-batch.ts';
import { Tally } from './tally.ts';

/** What a ledger writes with. */
export interface LedgerParts {
  readonly endpoint: Endpoint;
  readonly unsettled: Unsettled;
  readonly log: Log;
  /** Writes a settlement down. */
  settle(command: SettleCommand): Promise<Settled>;
  /** ms since the epoch */
  now(): number;
}

/** What became of the events of an open batch, and how much of it is written down. */
export class BatchLedger {
  readonly tally: Tally;
  /** The lock is lost: nothing is written any more. */
  lost = false;
  readonly #job: TakenBatch;
  readonly #parts: LedgerParts;
  readonly #unfinished: Set<StoredEvent>;
  #finished: FinishedEvent[] = [];
  /** Events that a lost process may have sent, counted once for each such process; 0 once that is written down. */
  #takenOver = 0;
  readonly #onLockLost: () => void;

  /** @param onLockLost called if Redis says that the lock is lost: another process may have the batch */
  constructor(job: TakenBatch, events: readonly StoredEvent[], parts: LedgerParts, onLockLost: () => void) {
    this.#onLockLost = onLockLost;
    this.#job = job;
    this.#parts = parts;
    this.#unfinished = new Set(events);
    this.tally = new Tally(parts.endpoint.type);
  }

  /** The events that have no result yet, in their order. */
  get unfinished(): readonly StoredEvent[] {
    return [...this.#unfinished];
  }

  /** Whether a checkpoint has something to write. */
  get hasNews(): boolean {
    return !this.lost && this.#finished.length > 0 && this.#unfinished.size > 0;
  }

  finish(event: StoredEvent, result: FinishedEvent): void {
    this.#unfinished.delete(event);
    this.#finished.push(result);
  }

  /** Takes over what an earlier run of this job in this process could not write. @returns how many events that is */
  recall(): number {
    const { id, stalls } = this.#job;
    const known = this.#parts.unsettled.recall(id, this.unfinished);
    for (const { event, result } of known) {
      this.tally.recount(result);
      this.finish(event, result);
    }
    // What is recalled is not sent again for the loss that was this process's own.
    this.#takenOver = stalls * this.#unfinished.size + Math.max(0, stalls - 1) * known.length;
    return known.length;
  }

  /**
   * Writes the present state down; what is finished leaves the batch.
   *
   * @returns the next batch, if one was asked for by a lock for it, and waits
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
    if (this.lost) unsettled.remember(this.#job.id, this.#finished);
    else unsettled.forget(this.#job.id);
  }

  /** Has what is unfinished wait until then (ms since the epoch); no attempt was made. Writes down the rest. */
  async postpone(dueAt: number): Promise<void> {
    const finished = this.#finished;
    const plan = planSettlement(finished, this.unfinished);
    await this.#settle('delay', { ...plan, dueAt }, { finished });
  }

  /** Puts back what is unfinished: to those that wait, or until then (ms since the epoch). Writes down the rest. */
  async putBack(dueAt: number | undefined): Promise<undefined> {
    if (dueAt === undefined) await this.write('put_back');
    else await this.postpone(dueAt);
  }

  /** Gives each unfinished event a job of its own, except staying ones. Writes down the rest. */
  async split(staying: ReadonlySet<StoredEvent> = new Set()): Promise<void> {
    const dueAt = this.#parts.now();
    const finished = this.#finished;
    const { dead, apart, stay } = planSettlement(finished, this.unfinished);
    const alone = this.unfinished.filter((event) => !staying.has(event)).map((event) => ({ event, dueAt }));
    const action = staying.size > 0 ? 'keep' : 'complete';
    const kept = stay.filter((event) => staying.has(event));
    await this.#settle(action, { dead, apart: [...apart, ...alone], stay: kept }, { finished });
  }

  async #settle(
    action: SettleAction,
    settlement: Settlement,
    extras: Pick<SettleCommand, 'finished' | 'nextLock'>,
  ): Promise<Settled> {
    const { endpoint, log, now } = this.#parts;
    const { id: jobId, token } = this.#job;
    const facts = { client: endpoint.client, type: endpoint.type, batch: jobId };
    // Once: in the step in which Redis forgets the losses. As long as it does not, the next run counts them.
    if (this.#takenOver > 0 && (extras.finished?.length || settlement.apart.length > 0)) {
      this.tally.countRepeats(['taken_over'], this.#takenOver);
      this.#takenOver = 0;
    }
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
      this.#onLockLost();
    } catch (error) {
      log.error({ ...facts, err: error }, 'batch could not be settled');
    }
    this.lost = true;
    return { settled: false };
  }
}

/** Batches remembered at the most; the oldest is forgotten first. */
const MOST_BATCHES = 200;

/**
 * What became of events whose batch could not be settled, in memory until it is: a batch that comes back to this
 * process is not sent again.
 */
export class Unsettled {
  readonly #batches = new Map<string, Map<string, FinishedEvent>>();

  remember(jobId: string, results: readonly FinishedEvent[]): void {
    if (results.length === 0) return;
    const known = this.#batches.get(jobId) ?? new Map<string, FinishedEvent>();
    for (const result of results) known.set(result.event.id, result);
    this.#batches.delete(jobId);
    this.#batches.set(jobId, known);
    const oldest = this.#batches.keys().next();
    if (this.#batches.size > MOST_BATCHES && !oldest.done) this.#batches.delete(oldest.value);
  }

  /** The events of a batch that were finished before, unless another process went on with them since. */
  recall(jobId: string, events: readonly StoredEvent[]) {
    const known = this.#batches.get(jobId);
    if (known === undefined) return [];
    return events.flatMap((event) => {
      const result = known.get(event.id);
      return result !== undefined && isOfNextAttempt(result, event) ? [{ event, result }] : [];
    });
  }

  forget(jobId: string): void {
    this.#batches.delete(jobId);
  }
}

/**
 * Whether a result is that of the attempt that comes next. An event that was delivered, or expired, has no entry of
 * that attempt in its history.
 */
function isOfNextAttempt({ event: then, outcome }: FinishedEvent, event: StoredEvent): boolean {
  const hasEntry = outcome.kind !== 'delivered' && then.expiredAt === undefined;
  const attempt = nextAttempt(then) - Number(hasEntry);
  return (then.life ?? 0) === (event.life ?? 0) && attempt === nextAttempt(event);
}
