import { CallOff } from '../core/call-off.ts';
import type { ResolvedClient } from '../core/config-schema.ts';
import { decide } from '../core/decide.ts';
import { type Batch, nextAttempt, type StoredEvent, type Suspected } from '../core/event.ts';
import { withFailure } from '../core/history.ts';
import type { FinishedEvent } from '../core/settlement.ts';
import { judgeSuspicion, type Suspicion } from '../core/suspicion.ts';
import type { TakenJob } from '../queue/batch-worker.ts';
import type { NewLock, QueuedBatch, SettleAction } from '../queue/delivery-queue.ts';
import { BatchLedger, type LedgerParts } from './batch-ledger.ts';
import { chainsByUnit } from './chains-by-unit.ts';
import { logAttempt, logBatch, logDead } from './delivery-log.ts';
import type { Line } from './line.ts';
import type { Attempted, MakeAttempt } from './make-attempt.ts';
import type { Solitude } from './solitude.ts';

/** A batch that is open for this long writes down what it has, and again each time as long passes. */
const CHECKPOINT_MS = 500;
/** How long an event waits whose type has no endpoint in the configuration any more. */
const NO_ENDPOINT_WAIT_MS = 60_000;

/** What a batch runs with: the same for all batches of a client in a process. */
export interface BatchParts extends LedgerParts {
  readonly client: ResolvedClient;
  readonly attempt: MakeAttempt;
  readonly line: Line;
  readonly solitude: Solitude;
  random(): number;
}

/** How a batch that is done brings in the next one, without a further round trip to Redis. */
export interface Succession {
  /** A lock for the next batch, where there is room for it in the place of one of so many events. */
  ask(count: number): NewLock | undefined;
  /** Opens what was taken with it. */
  open(next: QueuedBatch): Promise<void>;
}

/** Delivers the events of one batch, those of one unit one after another, and settles what became of them. */
export class BatchRun {
  /** Resolves when the batch was let go, whatever became of it; never rejects. */
  readonly done: Promise<void>;
  readonly #job: TakenJob;
  readonly #batch: Batch;
  readonly #parts: BatchParts;
  readonly #succession: Succession;
  readonly #ledger: BatchLedger;
  readonly #callOff = new CallOff();
  /** One for the batch, so that retries of neighbours stay together. */
  readonly #jitter: number;
  /** What is written of its one event, which is to be sent while no other is. */
  #alone: (Suspicion & { kind: 'alone' }) | undefined;
  #isNamed = false;
  #writingLate: Promise<void> | undefined;
  #fault: Error | undefined;

  constructor(job: TakenJob, parts: BatchParts, succession: Succession) {
    this.#job = job;
    this.#succession = succession;
    this.#batch = job.data as Batch;
    this.#parts = parts;
    // Whoever has the lock now sends the same events.
    this.#ledger = new BatchLedger(job, this.#batch.events, parts, () => this.#callOff.abort());
    this.#jitter = parts.random();
    parts.line.join(this.#batch.events.length);
    this.done = this.#run().catch((error: unknown) => {
      parts.log.error({ client: parts.client.name, batch: job.id, err: error }, 'batch failed');
    });
  }

  /** Whether the lock was lost, and so nothing more was settled. */
  get lost(): boolean {
    return this.#ledger.lost;
  }

  /** Calls off the requests under way; what they were for is put back. */
  abort(): void {
    this.#callOff.abort();
  }

  /** The lock is gone: calls off the requests and settles nothing. */
  lose(): void {
    this.#ledger.lose();
    this.#callOff.abort();
  }

  async #run(): Promise<void> {
    const { line, log, client } = this.#parts;
    const ledger = this.#ledger;
    for (let recalled = ledger.recall(); recalled > 0; recalled -= 1) line.leave();
    if (await this.#takePrecautions()) return;

    const stopCheckpoints = this.#keepCheckpoints();
    const chains = chainsByUnit(ledger.unfinished);
    await Promise.all(chains.map(([first, ...others]) => this.#deliverInTurn(first, others)));
    await stopCheckpoints();
    await this.#writingLate;
    if (!ledger.lost) await this.#writeLast();
    if (this.#fault !== undefined && !ledger.lost) await this.#job.fail(this.#fault.message);
    ledger.close();
    logBatch(log, client, this.#job, this.#batch.events.length, ledger.tally);
  }

  /**
   * Sees to a batch that may hold an event which ends the process that handles it.
   *
   * @returns true where nothing is left to do with the batch
   */
  async #takePrecautions(): Promise<boolean> {
    const { line, now, log, client } = this.#parts;
    const suspicion = judgeSuspicion(this.#batch, this.#job.stalls);
    // Where all events were recalled, nothing is sent.
    if (suspicion.kind === 'none' || this.#ledger.unfinished.length === 0) return false;
    if (suspicion.kind === 'alone') {
      this.#alone = suspicion;
      return false;
    }
    for (const event of this.#ledger.unfinished) {
      line.leave();
      if (suspicion.kind === 'crash') {
        const crash = { kind: 'failed', failureClass: 'crash', status: 0, response: CRASHED } as const;
        const outcome = { kind: 'dead' } as const;
        const dead = withFailure(event, crash, outcome, now(), 0);
        this.#ledger.tally.count(event, crash, outcome, now());
        logDead(log, client, dead);
        this.#ledger.finish(event, { event: dead, outcome });
      }
    }
    if (suspicion.kind === 'crash') await this.#ledger.write('complete');
    else if (suspicion.kind === 'wait') await this.#ledger.putOff(suspicion.ms, suspicion.suspected);
    else await this.#ledger.split();
    this.#ledger.close();
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

  /** One promise an event: what every event pays is kept small here. */
  #deliverInTurn(first: StoredEvent, others: readonly StoredEvent[]): Promise<void> {
    const [second, ...rest] = others;
    const delivered = this.#deliver(first);
    return second === undefined ? delivered : delivered.then(() => this.#deliverInTurn(second, rest));
  }

  async #deliver(event: StoredEvent): Promise<void> {
    const { client, line, now, solitude } = this.#parts;
    const url = client.urls[event.type];
    if (url === undefined) {
      line.leave();
      this.#ledger.finish(event, { event, outcome: { kind: 'retry', dueAt: now() + NO_ENDPOINT_WAIT_MS } });
      return;
    }
    if (!line.tryEnter() && !(await line.enter())) return;
    try {
      const alone = this.#alone;
      if (alone !== undefined) {
        await solitude.alone(
          () => this.#sendNamed(event, url, alone.named),
          () => this.#writeLate(event, alone.late),
        );
      } else {
        const others = solitude.wait();
        if (others !== undefined) await others;
        await this.#send(event, url);
      }
    } catch (error) {
      this.#fault = error as Error;
      this.#parts.log.error(
        { client: client.name, event: event.id, err: error },
        'attempt could not be made',
      );
    } finally {
      line.exit();
    }
  }

  /** Names it only now: those that still wait for their turn have nothing to do with a process that is lost. */
  async #sendNamed(event: StoredEvent, url: string, named: Suspected): Promise<void> {
    if (this.#ledger.lost || this.#callOff.aborted) return;
    await this.#ledger.suspect(named);
    this.#isNamed = true;
    await this.#send(event, url);
  }

  /**
   * What ends a process mostly does so at once: from now on a loss of it weighs less against the event, unless it was
   * Redis that took so long, and the event is only about to be sent.
   */
  #writeLate(event: StoredEvent, late: Suspected): void {
    if (!this.#isNamed || this.#ledger.lost || !this.#ledger.isUnfinished(event)) return;
    this.#writingLate = this.#ledger.suspect(late);
  }

  /** Not an async function: each of those costs every event a promise and a turn of the microtask queue. */
  #send(event: StoredEvent, url: string): Promise<void> | undefined {
    const { attempt, solitude } = this.#parts;
    if (this.#ledger.lost) return undefined;
    solitude.begin();
    return attempt(event, url, this.#callOff).then(
      (attempted) => {
        solitude.end();
        if (attempted !== undefined) this.#ledger.finish(event, this.#judge(event, attempted));
      },
      (error: unknown) => {
        solitude.end();
        throw error;
      },
    );
  }

  #judge(event: StoredEvent, { classification, ms }: Attempted): FinishedEvent {
    const { client, log } = this.#parts;
    const now = this.#parts.now();
    const attempt = nextAttempt(event);
    const outcome = decide({ classification, attempt, policy: client.retry, now, random: this.#jitter });
    this.#ledger.tally.count(event, classification, outcome, now);
    logAttempt(log, client, event, attempt, classification, outcome, ms, now);
    if (classification.kind === 'delivered' || outcome.kind === 'delivered') return { event, outcome };
    const failed = withFailure(event, classification, outcome, now, ms);
    if (outcome.kind === 'dead') logDead(log, client, failed);
    return { event: failed, outcome };
  }

  async #writeLast(): Promise<void> {
    const action = this.#lastAction();
    const nextLock = action === 'complete' ? this.#succession.ask(this.#batch.events.length) : undefined;
    const next = await this.#ledger.write(action, nextLock);
    if (next !== undefined) await this.#succession.open(next);
  }

  #lastAction(): SettleAction {
    if (this.#ledger.unfinished.length === 0) return 'complete';
    return this.#fault === undefined ? 'put_back' : 'keep';
  }
}

const CRASHED = 'the process that handled this event was lost each time that it was sent alone';
