import type { ResolvedEndpoint } from '../config/config-schema.ts';
import { CallOff } from '../core/call-off.ts';
import type { ClientMeter } from '../core/delivery-meter.ts';
import { type Batch, heldSince, nextAttempt, type StoredEvent } from '../core/event.ts';
import { withExpiry, withFailure } from '../core/history.ts';
import { CRASHED, decide, decideAfterLosses, isExpired } from '../core/outcome.ts';
import type { FinishedEvent } from '../core/settlement.ts';
import type { BatchSource, TakenBatch } from '../queue/take.ts';
import type { QueuedBatch } from '../queue/take-batch.ts';
import { BatchLedger, type LedgerParts } from './batch-ledger.ts';
import { logAttempt, logBatch, logDead } from './delivery-log.ts';
import type { Gate } from './gate.ts';
import { handleByUnit } from './handle-by-unit.ts';
import type { Hold } from './hold.ts';
import { type Attempted, countWithheld, type Made, type MakeAttempt } from './make-attempt.ts';
import type { Pace } from './pace.ts';
import type { Ticket, Waiter } from './waiting-events.ts';

/** A batch that is open for this long writes down what it has, and again each time as long passes. */
const CHECKPOINT_MS = 500;
/** How long a suspected event waits for another one to be over: once to twice that. */
const SUSPECT_WAIT_MS = 1_000;

/** What a batch runs with: the same for all batches of an endpoint in a process. */
export interface BatchParts extends LedgerParts {
  readonly endpoint: ResolvedEndpoint;
  readonly attempt: MakeAttempt;
  readonly gate: Gate;
  readonly hold: Hold;
  readonly pace: Pace;
  readonly meter: ClientMeter;
  /** Batches of this process, one at most, whose one event may be what ends processes. */
  readonly suspects: Set<object>;
  readonly source: BatchSource;
  random(): number;
}

/**
 * Delivers the events of one batch, those of one unit one after another, and settles what became of them. Retries leave
 * their batch, so that all events of one are alike.
 */
export class BatchRun implements Waiter {
  /** Resolves when the batch was let go, with the next one if that was taken in the same step; never rejects. */
  readonly done: Promise<QueuedBatch | undefined>;
  readonly #job: TakenBatch;
  readonly #batch: Batch;
  readonly #parts: BatchParts;
  readonly #ledger: BatchLedger;
  /** A process that stood still past its lock sends nothing, though it has not heard yet that the lock is lost. */
  readonly #callOff = new CallOff(() => this.#job.isLocked());
  readonly isRetry: boolean;
  readonly heldSince: number;
  /** One for the batch, so that retries of neighbours stay together. */
  readonly #jitter: number;
  /** The events whose attempt could not be made, by a fault of Waybill's own, and why. */
  readonly #faulty = new Map<StoredEvent, Error>();

  constructor(job: TakenBatch, parts: BatchParts) {
    this.#job = job;
    this.#batch = job.data as Batch;
    this.#parts = parts;
    // If the lock is lost, another process sends the same events.
    this.#ledger = new BatchLedger(job, this.#batch.events, parts, () => this.lose());
    this.#jitter = parts.random();
    const [first] = this.#batch.events;
    this.isRetry = first !== undefined && nextAttempt(first) > 1;
    this.heldSince = first === undefined ? 0 : heldSince(first);
    parts.gate.add(this.#batch.events.length, this.isRetry);
    parts.meter.opened(this.#batch.events.length);
    this.done = this.#run()
      .catch((error: unknown) => {
        parts.log.error({ client: parts.endpoint.client, batch: job.id, err: error }, 'batch failed');
        return undefined;
      })
      .finally(() => {
        parts.suspects.delete(this);
        this.#ledger.close();
      });
  }

  isWanted(): boolean {
    return !this.#ledger.lost;
  }

  /** Calls off the requests under way; their events are put back. */
  abort(): void {
    this.#callOff.abort();
  }

  /** The lock is lost: calls off the requests and settles nothing. */
  lose(): void {
    this.#ledger.lost = true;
    this.#callOff.abort();
    this.#parts.gate.dismiss();
  }

  async #run(): Promise<QueuedBatch | undefined> {
    const { gate, log, endpoint } = this.#parts;
    const ledger = this.#ledger;
    gate.skip(ledger.recall(), this.isRetry);
    if (await this.#settleAfterLosses()) return undefined;

    const stopCheckpoints = this.#keepCheckpoints();
    await handleByUnit(ledger.unfinished, (event, onOver) => this.#deliver(event, onOver));
    await stopCheckpoints();
    const next = ledger.lost ? undefined : await this.#writeLast();
    logBatch(log, endpoint, this.#job, this.#batch.events.length, ledger.tally);
    return next;
  }

  /** @returns true if too many processes were lost with the batch, so that nothing of it is sent now */
  async #settleAfterLosses(): Promise<boolean> {
    const { gate, suspects, now } = this.#parts;
    const { unfinished } = this.#ledger;
    if (unfinished.length === 0) return false;
    const fate = decideAfterLosses(unfinished.length, this.#job.stalls, suspects.size > 0);
    if (fate === 'send_suspected') suspects.add(this);
    if (fate === 'send' || fate === 'send_suspected') return false;
    gate.skip(unfinished.length, this.isRetry);
    if (fate === 'split') await this.#ledger.split();
    else if (fate === 'wait') await this.#ledger.postpone(now() + SUSPECT_WAIT_MS * (1 + this.#jitter));
    else {
      for (const event of unfinished)
        this.#ledger.finish(event, this.#judge(event, { classification: CRASHED, ms: 0 }, now()));
      await this.#ledger.write('complete');
    }
    return true;
  }

  /** Writes down what is finished, every 500 ms, so that a slow event holds back no other. */
  #keepCheckpoints(): () => Promise<void> {
    let writing: Promise<void> | undefined;
    const timer = setInterval(() => {
      if (writing !== undefined || !this.#ledger.hasNews) return;
      writing = this.#ledger.write('keep').then(() => {
        writing = undefined;
      });
    }, CHECKPOINT_MS);
    return async () => {
      clearInterval(timer);
      await writing;
    };
  }

  /** Sends an event once the gate lets it pass, if it is not too old by then. Calls back once, whatever comes of it. */
  #deliver(event: StoredEvent, onOver: () => void): void {
    const { gate } = this.#parts;
    // Also before its turn: with a rate, events that are too old would use up the turns of the others.
    if (this.#expire(event)) {
      gate.skip(1, this.isRetry);
      queueMicrotask(onOver);
      return;
    }
    gate.acquire(this, (ticket) => {
      if (ticket === undefined) return onOver();
      const onSent = (): void => {
        gate.release(ticket);
        onOver();
      };
      // Not at once: the calls of many in a row, each within the other, would fill the stack.
      if (this.#expire(event)) queueMicrotask(onSent);
      else this.#send(event, ticket, onSent);
    });
  }

  /** Gives up on an event that is too old to be sent. @returns false: it is not */
  #expire(event: StoredEvent): boolean {
    const { endpoint, log } = this.#parts;
    const { maxAgeHours } = endpoint;
    if (maxAgeHours === undefined || this.#ledger.lost) return false;
    const now = this.#parts.now();
    if (!isExpired(event, maxAgeHours, now)) return false;
    const expired = withExpiry(event, maxAgeHours, now, endpoint.url);
    this.#ledger.tally.countExpired();
    logDead(log, endpoint, expired);
    this.#ledger.finish(event, { event: expired, outcome: { kind: 'dead' } });
    return true;
  }

  #send(event: StoredEvent, ticket: Ticket, onSent: () => void): void {
    const { attempt, meter, endpoint } = this.#parts;
    meter.begin();
    attempt(event, endpoint.url, this.#callOff).then(
      (attempted) => {
        meter.end();
        this.#finish(event, attempted, ticket);
        onSent();
      },
      (error: unknown) => {
        meter.end();
        this.#noteFault(event, error);
        onSent();
      },
    );
  }

  #finish(event: StoredEvent, made: Made, ticket: Ticket): void {
    if (made.repeats !== undefined) this.#ledger.tally.countRepeats(made.repeats);
    const { hold, pace } = this.#parts;
    const now = this.#parts.now();
    try {
      if ('classification' in made) {
        hold.made(now);
        pace.note(nextAttempt(event) === 1, made.classification, made.ms, ticket);
        this.#ledger.finish(event, this.#judge(event, made, now));
      } else if ('withheld' in made && !hold.begin(event, made, now)) {
        this.#ledger.finish(event, this.#judge(event, countWithheld(made), now));
      }
    } catch (error) {
      this.#noteFault(event, error);
    }
  }

  #noteFault(event: StoredEvent, error: unknown): void {
    const { endpoint, log } = this.#parts;
    this.#faulty.set(event, error as Error);
    log.error({ client: endpoint.client, event: event.id, err: error }, 'attempt could not be made');
  }

  /** What follows from an attempt: every rule about that is in core/outcome. */
  #judge(event: StoredEvent, { classification, ms }: Attempted, now: number): FinishedEvent {
    const { endpoint, log, meter, pace } = this.#parts;
    const attempt = nextAttempt(event);
    const outcome = decide({ classification, attempt, policy: endpoint.retry, now, random: this.#jitter });
    this.#ledger.tally.count(event, classification, outcome, ms, now);
    meter.attempted(event, classification, outcome, ms, now);
    logAttempt(log, endpoint, event, classification, outcome, ms, now, pace.exchange.sample);
    if (classification.kind === 'delivered' || outcome.kind === 'delivered') return { event, outcome };
    const failed = withFailure(event, classification, outcome, now, ms, endpoint.url);
    if (outcome.kind === 'dead') logDead(log, endpoint, failed);
    return { event: failed, outcome };
  }

  /** Settles the batch for the last time, and takes the next one in the same step if there is room for it. */
  async #writeLast(): Promise<QueuedBatch | undefined> {
    const { gate, source, pace } = this.#parts;
    const [fault] = this.#faulty.values();
    if (fault !== undefined) {
      await this.#ledger.split(new Set(this.#faulty.keys()));
      if (!this.#ledger.lost) await this.#job.fail(fault.message);
      return undefined;
    }
    if (this.#ledger.unfinished.length > 0) {
      // A retry is not to wait behind what was not sent yet.
      return this.#ledger.putBack(this.isRetry && !pace.isOpen ? pace.putBackUntil : undefined);
    }
    const takesNext = gate.fits(this.#batch.events.length);
    return this.#ledger.write('complete', takesNext ? source.newLock() : undefined);
  }
}
