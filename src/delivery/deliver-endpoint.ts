import { setTimeout as sleep } from 'node:timers/promises';
import type { Batch, StoredEvent } from '../core/event.ts';
import type { TakenBatch } from '../queue/take.ts';
import { BatchLedger } from './batch-ledger.ts';
import { type BatchParts, BatchRun } from './run-batch.ts';

/** The wait after an error of the source, so that an outage does not spin. */
const ERROR_WAIT_MS = 1_000;
/** How often an endpoint with open batches is asked for a pause. */
const PAUSE_POLL_MS = 500;
/** How long a batch waits that lost its lock and came back while its earlier run here was not over. */
const EARLIER_RUN_WAIT_MS = 1_000;
/** Open batches that only wait to be settled, at most: a full Redis cannot take back a batch that has grown. */
const MOST_SETTLING = 100;

/** Takes the batches of one endpoint while there is room for them at its gate, and runs them side by side. */
export class EndpointDelivery {
  readonly #parts: BatchParts;
  readonly #open = new Map<string, BatchRun>();
  /** Batches that are put back or failed. */
  readonly #leaving = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #pausePoll: NodeJS.Timeout | undefined;
  #taking: Promise<void> = Promise.resolve();
  #onClosed = (): void => {};

  constructor(parts: BatchParts) {
    this.#parts = parts;
  }

  async start(): Promise<void> {
    await this.#parts.source.start();
    await this.#parts.pace.start();
    this.#taking = this.#takeBatches();
  }

  /** The lock of a batch is lost: its requests are called off, nothing of it is settled. */
  lose(jobId: string): void {
    this.#open.get(jobId)?.lose();
  }

  /**
   * Opens nothing more, finishes the requests under way within `graceMs`, then calls off the rest; what was not
   * delivered is put back without costing an attempt. Resolves when all batches are let go.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stop.abort();
    this.#parts.gate.close();
    this.#parts.pace.stop();
    this.#onClosed();
    // From now on, not once the loop has ended: that may wait for a Redis that does not answer.
    const grace = setTimeout(() => {
      for (const run of this.#open.values()) run.abort();
    }, graceMs);
    this.#parts.source.interrupt();
    await this.#taking;
    // A run that ends may have taken the next batch before the gate was closed; that is put back unsent.
    while (this.#open.size + this.#leaving.size > 0) {
      await Promise.all([...[...this.#open.values()].map((run) => run.done), ...this.#leaving]);
    }
    clearTimeout(grace);
  }

  async #takeBatches(): Promise<void> {
    const { gate, endpoint, log, source } = this.#parts;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await gate.room();
      await this.#fewOpen();
      if (signal.aborted) return;
      try {
        const job = await source.take(gate.takes(() => source.hear(0)));
        if (job !== undefined) this.#openBatch(job);
      } catch (error) {
        if (signal.aborted) return;
        const { client, type } = endpoint;
        log.warn({ client, type, err: error }, 'queue could not be read');
        await sleep(ERROR_WAIT_MS, undefined, { signal }).catch(() => {});
      }
    }
  }

  #openBatch(job: TakenBatch): void {
    const { gate, log, endpoint } = this.#parts;
    if (!isBatch(job.data, endpoint.type)) {
      log.error({ client: endpoint.client, type: endpoint.type, batch: job.id }, 'job is no batch');
      // A full Redis does not take it: nothing else is to wait for that.
      this.#leave(job, job.fail('the data of this job is no batch of events of its endpoint'));
      return;
    }
    // What was taken was not paused: only then is it handed out.
    gate.resume();
    const earlier = this.#open.get(job.id);
    if (earlier === undefined) this.#begin(job);
    else {
      earlier.lose();
      this.#putBack(job, job.data);
    }
  }

  #begin(job: TakenBatch): void {
    this.#startPausePoll();
    const run = new BatchRun(job, this.#parts);
    this.#open.set(job.id, run);
    void run.done.then((next) => {
      this.#open.delete(job.id);
      this.#parts.source.letGo(job);
      if (next !== undefined) this.#openBatch(this.#parts.source.adopt(next));
      if (this.#open.size === 0) {
        clearInterval(this.#pausePoll);
        this.#pausePoll = undefined;
      }
      this.#onClosed();
    });
  }

  /** Puts a batch back for a moment: an earlier run of it has still to end here. */
  #putBack(job: TakenBatch, { events }: Batch): void {
    const ledger = new BatchLedger(job, events, this.#parts, () => {});
    this.#leave(job, ledger.postpone(this.#parts.now() + EARLIER_RUN_WAIT_MS));
  }

  /** Lets a batch go once it was moved, or could not be. */
  #leave(job: TakenBatch, moved: Promise<void>): void {
    const leaving = moved
      .catch(() => {})
      .then(() => {
        this.#parts.source.letGo(job);
        this.#leaving.delete(leaving);
      });
    this.#leaving.add(leaving);
  }

  /** Requests under way of a paused endpoint go on; what was not sent yet is put back. */
  #startPausePoll(): void {
    let isUnanswered = false;
    this.#pausePoll ??= setInterval(async () => {
      if (isUnanswered) return;
      isUnanswered = true;
      // If Redis does not answer, the next poll tells.
      if (await this.#parts.source.isEndpointPaused().catch(() => false)) this.#parts.gate.pause();
      isUnanswered = false;
    }, PAUSE_POLL_MS);
  }

  /** Waits until few enough batches are open. */
  async #fewOpen(): Promise<void> {
    while (
      !this.#stop.signal.aborted &&
      this.#open.size >= this.#parts.endpoint.concurrency + MOST_SETTLING
    ) {
      await new Promise<void>((resolve) => {
        this.#onClosed = resolve;
      });
    }
  }
}

function isBatch(data: unknown, type: string): data is Batch {
  const events = (data as Partial<Batch> | null)?.events;
  return Array.isArray(events) && events.every((event) => isStoredEvent(event) && event.type === type);
}

/** What the run of a batch relies on; a job that lacks it would fail each time that it is taken. */
function isStoredEvent(value: unknown): value is StoredEvent {
  const { id, type, unit, body, history } = (value ?? {}) as Record<string, unknown>;
  const texts = [id, type, unit, body].every((text) => typeof text === 'string');
  return texts && (history === undefined || Array.isArray(history));
}
