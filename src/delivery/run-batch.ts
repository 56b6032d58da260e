import type { ResolvedClient } from '../config/config-schema.ts';
import { CallOff } from '../core/call-off.ts';
import { CRASHED } from '../core/classify.ts';
import { decide, decideAfterLosses } from '../core/decide.ts';
import type { ClientMeter } from '../core/delivery-meter.ts';
import { type Batch, nextAttempt, type StoredEvent } from '../core/event.ts';
import { withFailure } from '../core/history.ts';
import type { FinishedEvent } from '../core/settlement.ts';
import type { TakenJob } from '../queue/batch-worker.ts';
import type { NewLock, QueuedBatch, SettleAction } from '../queue/settle.ts';
import { BatchLedger, type LedgerParts } from './batch-ledger.ts';
import { chainsByUnit, inTurn } from './chains-by-unit.ts';
import { logAttempt, logBatch, logDead } from './delivery-log.ts';
import { holdBack } from './hold-back.ts';
import type { Lane } from './lane.ts';
import type { Line } from './line.ts';
import type { Attempted, MakeAttempt } from './make-attempt.ts';
import type { PutOffs } from './put-offs.ts';

/** A batch that is open for this long writes down what it has, and again each time as long passes. */
const CHECKPOINT_MS = 500;
/** How long an event waits whose type has no endpoint in the configuration any more. */
const NO_ENDPOINT_WAIT_MS = 60_000;
/** How long a suspected event waits for another one to be over: once to twice that. */
const SUSPECT_WAIT_MS = 1_000;
const NONE: ReadonlySet<StoredEvent> = new Set();

/** What a batch runs with: the same for all batches of a client in a process. */
export interface BatchParts extends LedgerParts {
  readonly client: ResolvedClient;
  readonly attempt: MakeAttempt;
  readonly line: Line;
  readonly putOffs: PutOffs;
  readonly meter: ClientMeter;
  /** Batches of this process, one at most, whose one event may be what ends processes. */
  readonly suspects: Set<object>;
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
  #fault: Error | undefined;

  constructor(job: TakenJob, parts: BatchParts, succession: Succession) {
    this.#job = job;
    this.#succession = succession;
    this.#batch = job.data as Batch;
    this.#parts = parts;
    // Whoever has the lock now sends the same events.
    this.#ledger = new BatchLedger(job, this.#batch.events, parts, () => this.#callOff.abort());
    this.#jitter = parts.random();
    const { line } = parts;
    for (const { type } of this.#batch.events) line.join(line.lanes.of(type));
    parts.meter.opened(this.#batch.events.length);
    this.done = this.#run()
      .catch((error: unknown) => {
        parts.log.error({ client: parts.client.name, batch: job.id, err: error }, 'batch failed');
      })
      .finally(() => {
        parts.suspects.delete(this);
        this.#ledger.close();
      });
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
    for (const { type } of ledger.recall()) line.leave(line.lanes.of(type));
    if (await this.#settleAfterLosses()) return;

    const held = line.lanes.areAiling ? holdBack(ledger.unfinished, line) : NONE;
    const sent = held.size === 0 ? ledger.unfinished : ledger.unfinished.filter((event) => !held.has(event));
    const stopCheckpoints = this.#keepCheckpoints();
    await inTurn(chainsByUnit(sent), (event, onOver) => this.#deliver(event, onOver));
    await stopCheckpoints();
    if (!ledger.lost) await (this.#isOnly(held) ? this.#putOff(held) : this.#writeLast());
    if (this.#fault !== undefined && !ledger.lost) await this.#job.fail(this.#fault.message);
    if (sent.length > 0 || held.size === 0) {
      logBatch(log, client, this.#job, this.#batch.events.length, ledger.tally);
    }
  }

  /** @returns true if too many processes were lost with the batch, so that nothing of it is sent now */
  async #settleAfterLosses(): Promise<boolean> {
    const { line, suspects, now } = this.#parts;
    const { unfinished } = this.#ledger;
    if (unfinished.length === 0) return false;
    const fate = decideAfterLosses(unfinished.length, this.#job.stalls, suspects.size > 0);
    if (fate === 'send_suspected') suspects.add(this);
    if (fate === 'send' || fate === 'send_suspected') return false;
    for (const { type } of unfinished) line.leave(line.lanes.of(type));
    if (fate === 'split') await this.#ledger.split();
    else if (fate === 'wait') await this.#ledger.postpone(now() + SUSPECT_WAIT_MS * (1 + this.#jitter));
    else {
      for (const event of unfinished)
        this.#ledger.finish(event, this.#judge(event, { classification: CRASHED, ms: 0 }));
      await this.#ledger.write('complete');
    }
    return true;
  }

  /** Whether nothing but what was held back is left to be dealt with. */
  #isOnly(held: ReadonlySet<StoredEvent>): boolean {
    return held.size > 0 && this.#ledger.unfinished.length === held.size;
  }

  /** Puts off what was held back: no attempt was made, and none is counted. */
  async #putOff(held: ReadonlySet<StoredEvent>): Promise<void> {
    const { putOffs, line, now } = this.#parts;
    const dueAt = putOffs.dueAt(now());
    for (const event of held) this.#ledger.finish(event, { event, outcome: { kind: 'retry', dueAt } });
    await this.#writeLast();
    // Where retries stay in the batch as well, it is due when they are.
    if (this.#ledger.lost || this.#ledger.tally.retried > 0) return;
    putOffs.note({ id: this.#job.id, dueAt });
    if (!line.lanes.areAiling) await putOffs.bringForward();
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

  #deliver(event: StoredEvent, onOver: () => void): void {
    const { line, now } = this.#parts;
    const lane = line.lanes.of(event.type);
    if (lane.url === undefined) {
      line.leave(lane);
      this.#ledger.finish(event, { event, outcome: { kind: 'retry', dueAt: now() + NO_ENDPOINT_WAIT_MS } });
      onOver();
      return;
    }
    line.enter(lane, (granted) => {
      if (!granted) {
        onOver();
        return;
      }
      const onSent = (): void => {
        line.exit(lane);
        onOver();
      };
      this.#send(event, lane, onSent);
    });
  }

  /** Calls back once, whatever comes of it. */
  #send(event: StoredEvent, lane: Lane, onOver: () => void): void {
    const { attempt, meter } = this.#parts;
    if (this.#ledger.lost) {
      onOver();
      return;
    }
    meter.begin();
    attempt(event, lane.url as string, this.#callOff).then(
      (attempted) => {
        meter.end();
        this.#finish(event, lane, attempted);
        onOver();
      },
      (error: unknown) => {
        meter.end();
        this.#noteFault(event, error);
        onOver();
      },
    );
  }

  #finish(event: StoredEvent, lane: Lane, attempted: Attempted | undefined): void {
    if (attempted === undefined) return;
    lane.ended(attempted.classification.kind === 'delivered', attempted.ms);
    try {
      this.#ledger.finish(event, this.#judge(event, attempted));
    } catch (error) {
      this.#noteFault(event, error);
    }
  }

  #noteFault(event: StoredEvent, error: unknown): void {
    const { client, log } = this.#parts;
    this.#fault = error as Error;
    log.error({ client: client.name, event: event.id, err: error }, 'attempt could not be made');
  }

  #judge(event: StoredEvent, { classification, ms }: Attempted): FinishedEvent {
    const { client, log, meter } = this.#parts;
    const now = this.#parts.now();
    const attempt = nextAttempt(event);
    const outcome = decide({ classification, attempt, policy: client.retry, now, random: this.#jitter });
    this.#ledger.tally.count(event, classification, outcome, now);
    this.#ledger.tally.time(ms);
    meter.attempted(event, classification, outcome, ms, now);
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
