import { setMaxListeners } from 'node:events';
import type { ResolvedClient } from '../core/config-schema.ts';
import { decide } from '../core/decide.ts';
import { type Batch, nextAttempt, type StoredEvent } from '../core/event.ts';
import { withFailure } from '../core/history.ts';
import type { Log } from '../core/log.ts';
import { type FinishedEvent, planSettlement } from '../core/settlement.ts';
import type { TakenJob } from '../queue/batch-worker.ts';
import type { SettleAction, SettleCommand } from '../queue/delivery-queue.ts';
import { logAttempt, logBatch, logDead } from './delivery-log.ts';
import type { Line } from './line.ts';
import type { Attempted, MakeAttempt } from './make-attempt.ts';
import { createTally } from './tally.ts';
import type { Unsettled } from './unsettled.ts';

/** A batch that is open for this long writes down what it has, and again each time as long passes. */
const CHECKPOINT_MS = 500;
/** How long an event waits whose type has no endpoint in the configuration any more. */
const NO_ENDPOINT_WAIT_MS = 60_000;

/** What a batch runs with: the same for all batches of a client in a process. */
export interface BatchParts {
  readonly client: ResolvedClient;
  readonly attempt: MakeAttempt;
  readonly line: Line;
  readonly unsettled: Unsettled;
  readonly log: Log;
  /** Writes a settlement down; false where the lock is gone. */
  settle(command: SettleCommand): Promise<boolean>;
  /** ms since the epoch */
  now(): number;
  random(): number;
}

/** A batch that is being delivered. */
export interface BatchRun {
  /** Resolves when the batch was let go, whatever became of it; never rejects. */
  readonly done: Promise<void>;
  /** Calls off the requests under way. What they had is put back, unless the lock is gone. */
  abort(): void;
  /** The lock is gone: calls off the requests and settles nothing. */
  lose(): void;
}

/** Delivers the events of a batch, those of one unit one after another, and settles what became of them. */
export function runBatch(job: TakenJob, parts: BatchParts): BatchRun {
  const { client, attempt, line, unsettled, log } = parts;
  const { events } = job.data as Batch;
  const jitter = parts.random();
  const aborter = new AbortController();
  setMaxListeners(0, aborter.signal);
  const tally = createTally();
  const unfinished = new Set(events);
  let finished: FinishedEvent[] = [];
  let lost = false;
  let fault: Error | undefined;
  let writing: Promise<void> | undefined;

  function finish(event: StoredEvent, result: FinishedEvent): void {
    unfinished.delete(event);
    finished.push(result);
  }

  function record(event: StoredEvent, { classification, ms }: Attempted): void {
    const now = parts.now();
    const number = nextAttempt(event);
    const outcome = decide({ classification, attempt: number, policy: client.retry, now, random: jitter });
    tally.count(event, classification, outcome, now);
    logAttempt(log, client, event, number, classification, outcome, ms, now);
    if (classification.kind === 'delivered' || outcome.kind === 'delivered') {
      finish(event, { event, outcome });
      return;
    }
    const failed = withFailure(event, classification, outcome, now, ms);
    if (outcome.kind === 'dead') logDead(log, client, failed);
    finish(event, { event: failed, outcome });
  }

  async function deliver(event: StoredEvent): Promise<void> {
    const url = client.urls[event.type];
    if (url === undefined) {
      line.leave();
      finish(event, { event, outcome: { kind: 'retry', dueAt: parts.now() + NO_ENDPOINT_WAIT_MS } });
      return;
    }
    if (!(await line.enter())) return;
    try {
      if (lost) return;
      const attempted = await attempt(event, url, aborter.signal);
      if (attempted !== undefined) record(event, attempted);
    } catch (error) {
      fault = error as Error;
      log.error({ client: client.name, event: event.id, err: error }, 'attempt could not be made');
    } finally {
      line.exit();
    }
  }

  async function deliverInTurn(chain: readonly StoredEvent[]): Promise<void> {
    for (const event of chain) await deliver(event);
  }

  /** Writes down what is finished; what it could not write is remembered, so that it is not sent again. */
  async function write(action: SettleAction): Promise<void> {
    const results = finished;
    finished = [];
    const settlement = planSettlement(results, [...unfinished]);
    try {
      const settled = await parts.settle({
        jobId: job.id,
        token: job.token,
        now: parts.now(),
        action: action === 'complete' && settlement.stay.length > 0 ? 'delay' : action,
        settlement,
        ...tally.take(),
      });
      if (settled) return;
      log.warn({ client: client.name, batch: job.id }, 'lock lost');
    } catch (error) {
      log.error({ client: client.name, batch: job.id, err: error }, 'batch could not be settled');
    }
    unsettled.remember(job.id, results);
    lose();
  }

  function lose(): void {
    lost = true;
    aborter.abort();
  }

  const checkpoint = setInterval(() => {
    if (writing !== undefined || lost || finished.length === 0 || unfinished.size === 0) return;
    writing = write('keep').finally(() => {
      writing = undefined;
    });
  }, CHECKPOINT_MS);

  function lastAction(): SettleAction {
    if (unfinished.size === 0) return 'complete';
    return fault === undefined ? 'put_back' : 'keep';
  }

  async function run(): Promise<void> {
    for (const { event, result } of unsettled.recall(job.id, events)) {
      line.leave();
      finish(event, result);
    }
    await Promise.all(chainsByUnit(unfinished).map(deliverInTurn));
    clearInterval(checkpoint);
    await writing;
    if (lost) unsettled.remember(job.id, finished);
    else await write(lastAction());
    if (fault !== undefined && !lost) await job.fail(fault.message);
    if (!lost) unsettled.forget(job.id);
    logBatch(log, client, job, events.length, tally);
  }

  line.join(events.length);
  return { done: run(), abort: () => aborter.abort(), lose };
}

/** Groups events by unit, in their order: each group goes one after another, the groups side by side. */
function chainsByUnit(events: Iterable<StoredEvent>): StoredEvent[][] {
  const chains = new Map<string, StoredEvent[]>();
  for (const event of events) {
    const chain = chains.get(event.unit);
    if (chain === undefined) chains.set(event.unit, [event]);
    else chain.push(event);
  }
  return [...chains.values()];
}
