import type { Batch, StoredEvent } from '../core/event.ts';
import type { TakenJob } from '../queue/batch-worker.ts';
import type { NewLock, QueuedBatch } from '../queue/settle.ts';
import { ComingBack } from './coming-back.ts';
import { logLane } from './delivery-log.ts';
import { LOOK_MS } from './lane.ts';
import { type BatchParts, BatchRun, type Succession } from './run-batch.ts';

/** Where a client's batches come from. */
export interface BatchSource {
  start(): Promise<void>;
  /** The next batch, or undefined where there was none for a while. */
  take(): Promise<TakenJob | undefined>;
  /** A lock with which a batch can be taken by other means, which `adopt` then makes one of this source. */
  newLock(): NewLock;
  adopt(batch: QueuedBatch): TakenJob;
  letGo(job: TakenJob): void;
  /** Whether an operator has paused the client. */
  isClientPaused(): Promise<boolean>;
  /** Makes a waiting `take` return. */
  interrupt(): Promise<void>;
}

/** A client's delivery in this process. */
export interface ClientDelivery {
  start(): Promise<void>;
  /** The lock of a batch is gone: its requests are called off, nothing of it is settled. */
  lose(jobId: string): void;
  /**
   * Opens nothing more, finishes the requests under way within `graceMs`, then calls off the rest; what was not
   * delivered is put back without costing an attempt. Resolves when all batches are let go.
   */
  stop(graceMs: number): Promise<void>;
}

/** What a client's delivery is made from. */
export interface ClientDeliveryParts extends BatchParts {
  readonly source: BatchSource;
}

/** The wait after an error of the source, so that an outage does not spin. */
const ERROR_WAIT_MS = 1_000;

/**
 * Batches that may be open beyond those that have room in the line: they wait to be settled. Where Redis is full
 * it may give batches away while it cannot take any back that have grown.
 */
const MOST_SETTLING = 100;

/** Takes batch after batch while there is room in the line, and runs them side by side. */
export function createClientDelivery(parts: ClientDeliveryParts): ClientDelivery {
  const { client, source, line, putOffs, log } = parts;
  const open = new Map<string, BatchRun>();
  const comingBack = new ComingBack({
    earlierRun: (jobId) => open.get(jobId),
    begin,
    drop(job, error) {
      if (error !== undefined) log.error({ client: client.name, batch: job.id, err: error }, 'batch failed');
      source.letGo(job);
    },
  });
  let stopping = false;
  let watch: NodeJS.Timeout | undefined;
  let looping: Promise<void> = Promise.resolve();
  let endWait: (() => void) | undefined;
  let onClosed: (() => void) | undefined;

  const succession: Succession = {
    ask: (count) => (line.fits(count) ? source.newLock() : undefined),
    open: (next) => openBatch(source.adopt(next)),
  };

  async function openBatch(job: TakenJob): Promise<void> {
    if (!isBatch(job.data)) {
      log.error({ client: client.name, batch: job.id }, 'job is no batch');
      try {
        await job.fail('the data of this job is no batch of events');
      } finally {
        source.letGo(job);
      }
      return;
    }
    // What was taken was not paused: only then is it handed out.
    line.resume();
    if (open.has(job.id) || comingBack.has(job.id)) comingBack.add(job);
    else begin(job);
  }

  function begin(job: TakenJob): void {
    startWatching();
    if (putOffs.size > 0) putOffs.forget(job.id);
    const run = new BatchRun(job, parts, succession);
    open.set(job.id, run);
    void run.done.then(() => {
      if (open.get(job.id) === run) open.delete(job.id);
      if (open.size === 0 && putOffs.size === 0) stopWatching();
      source.letGo(job);
      onClosed?.();
    });
  }

  function startWatching(): void {
    if (watch !== undefined) return;
    lookAtLanes();
    watch = setInterval(look, LOOK_MS);
  }

  function look(): void {
    lookAtLanes();
    if (putOffs.size > 0) putOffs.forgetPast(parts.now());
    if (open.size > 0) lookForPause();
    else if (putOffs.size === 0) stopWatching();
  }

  function lookAtLanes(): void {
    for (const lane of line.look()) {
      logLane(log, client, lane);
      if (!lane.isAiling) void putOffs.bringForward();
    }
  }

  /** A paused client's requests under way go on; what was not sent yet is put back. */
  function lookForPause(): void {
    source.isClientPaused().then(
      (paused) => {
        if (paused) line.pause();
      },
      () => {}, // the next look tells
    );
  }

  function stopWatching(): void {
    clearInterval(watch);
    watch = undefined;
  }

  /** Waits until few enough batches are open. */
  async function fewOpen(): Promise<void> {
    while (!stopping && open.size >= client.concurrency + MOST_SETTLING) {
      await new Promise<void>((resolve) => {
        onClosed = resolve;
      });
      onClosed = undefined;
    }
  }

  async function errorWait(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ERROR_WAIT_MS);
      endWait = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    endWait = undefined;
  }

  async function loop(): Promise<void> {
    while (!stopping) {
      await line.room();
      await fewOpen();
      if (stopping) return;
      try {
        const job = await source.take();
        if (job !== undefined) await openBatch(job);
      } catch (error) {
        if (stopping) return;
        log.warn({ client: client.name, err: error }, 'queue could not be read');
        await errorWait();
      }
    }
  }

  return {
    async start() {
      await source.start();
      looping = loop();
    },
    lose(jobId) {
      open.get(jobId)?.lose();
      comingBack.lose(jobId);
    },
    async stop(graceMs) {
      stopping = true;
      line.close();
      endWait?.();
      onClosed?.();
      // From now on, not once the loop has ended: that may wait for a Redis that does not answer.
      const grace = setTimeout(() => {
        for (const run of open.values()) run.abort();
      }, graceMs);
      await source.interrupt();
      await looping;
      // One that ends may have taken the next before the line was closed; that is put back unsent.
      while (open.size > 0 || comingBack.size > 0) {
        await Promise.all([...[...open.values()].map((run) => run.done), comingBack.settled()]);
      }
      clearTimeout(grace);
      stopWatching();
      // Whoever goes on with them need not wait for what this process knew of their endpoint.
      if (putOffs.size > 0) await putOffs.bringForward();
    },
  };
}

function isBatch(data: unknown): data is Batch {
  const events = (data as Partial<Batch> | null)?.events;
  return Array.isArray(events) && events.every(isStoredEvent);
}

/** What the run of a batch relies on; a job that lacks it would fail each time that it is taken. */
function isStoredEvent(value: unknown): value is StoredEvent {
  if (typeof value !== 'object' || value === null) return false;
  const { id, type, unit, body, history } = value as Record<string, unknown>;
  const texts = [id, type, unit, body].every((text) => typeof text === 'string');
  return texts && (history === undefined || Array.isArray(history));
}
