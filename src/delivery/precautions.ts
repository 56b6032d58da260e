import type { ResolvedClient } from '../config/config-schema.ts';
import type { CallOffSignal } from '../core/call-off.ts';
import type { Batch, StoredEvent, Suspected } from '../core/event.ts';
import { withFailure } from '../core/history.ts';
import type { Log } from '../core/log.ts';
import { judgeSuspicion, type Suspicion } from '../core/suspicion.ts';
import type { TakenJob } from '../queue/batch-worker.ts';
import type { BatchLedger } from './batch-ledger.ts';
import { logDead } from './delivery-log.ts';
import type { Line } from './line.ts';
import type { Solitude } from './solitude.ts';

/** What precautions are taken with. */
export interface PrecautionParts {
  readonly client: ResolvedClient;
  readonly line: Line;
  readonly solitude: Solitude;
  readonly log: Log;
  /** ms since the epoch */
  now(): number;
}

/** What is done about a batch that may hold an event which ends the process that handles it. */
export class Precautions {
  readonly #suspicion: Suspicion;
  readonly #ledger: BatchLedger;
  readonly #callOff: CallOffSignal;
  readonly #parts: PrecautionParts;
  #isNamed = false;
  #writingLate: Promise<void> | undefined;

  constructor(job: TakenJob, ledger: BatchLedger, callOff: CallOffSignal, parts: PrecautionParts) {
    this.#suspicion = judgeSuspicion(job.data as Batch, job.stalls);
    this.#ledger = ledger;
    this.#callOff = callOff;
    this.#parts = parts;
  }

  /** @returns true where the batch was settled without sending anything of it */
  async settle(): Promise<boolean> {
    const suspicion = this.#suspicion;
    const { unfinished } = this.#ledger;
    const { line } = this.#parts;
    if (suspicion.kind === 'none' || suspicion.kind === 'alone') return false;
    // All of its events were recalled.
    if (unfinished.length === 0) return false;
    for (const event of unfinished) {
      line.leave(line.lanes.of(event.type));
      if (suspicion.kind === 'crash') this.#bury(event);
    }
    if (suspicion.kind === 'crash') await this.#ledger.write('complete');
    else if (suspicion.kind === 'wait') await this.#ledger.putOff(suspicion.ms, suspicion.suspected);
    else await this.#ledger.split();
    return true;
  }

  #bury(event: StoredEvent): void {
    const { now, log, client } = this.#parts;
    const crash = { kind: 'failed', failureClass: 'crash', status: 0, response: CRASHED } as const;
    const outcome = { kind: 'dead' } as const;
    const dead = withFailure(event, crash, outcome, now(), 0);
    this.#ledger.tally.count(event, crash, outcome, now());
    logDead(log, client, dead);
    this.#ledger.finish(event, { event: dead, outcome });
  }

  /** Whether something is written about the batch's event that has to stand there until it was sent. */
  get isSuspected(): boolean {
    return this.#suspicion.kind !== 'none';
  }

  /** Whether the next event cannot just be sent: it has to be alone, or another one is. */
  areNeeded(): boolean {
    return this.#suspicion.kind === 'alone' || this.#parts.solitude.wait() !== undefined;
  }

  /** Sends an event alone, where it has to be; otherwise once the one is through that is. */
  async send(event: StoredEvent, send: () => Promise<void>): Promise<void> {
    const { solitude } = this.#parts;
    const suspicion = this.#suspicion;
    if (suspicion.kind === 'alone') {
      await solitude.alone(
        () => this.#sendNamed(send, suspicion.named),
        () => this.#writeLate(event, suspicion.late),
      );
    } else {
      await solitude.wait();
      await send();
    }
  }

  /** Resolves when all that was written of the event on the way is in Redis. */
  async written(): Promise<void> {
    await this.#writingLate;
  }

  /** Names it only now: those that still wait for their turn have nothing to do with a process that is lost. */
  async #sendNamed(send: () => Promise<void>, named: Suspected): Promise<void> {
    if (this.#ledger.lost || this.#callOff.aborted) return;
    await this.#ledger.suspect(named);
    this.#isNamed = true;
    await send();
  }

  /**
   * What ends a process mostly does so at once: from now on a loss of it weighs less against the event, unless it was
   * Redis that took so long, and the event is only about to be sent.
   */
  #writeLate(event: StoredEvent, late: Suspected): void {
    if (!this.#isNamed || this.#ledger.lost || !this.#ledger.isUnfinished(event)) return;
    this.#writingLate = this.#ledger.suspect(late);
  }
}

const CRASHED = 'the process that handled this event was lost each time that it was sent alone';
