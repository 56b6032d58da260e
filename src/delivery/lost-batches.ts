import type { Batch } from '../core/event.ts';
import type { TakenJob } from '../queue/batch-worker.ts';

/** The batches whose lock this process has lost, as they were when it opened them. */
export interface LostBatches {
  remember(job: TakenJob): void;
  /**
   * A batch as it is to be judged: where it comes back to the process that lost its lock, by an outage of Redis or
   * because it was frozen, that process is not lost, and neither its stall nor what it had written counts.
   */
  comeBack(job: TakenJob, batch: Batch): TakenJob;
}

/** Batches remembered at the most; the oldest is forgotten first. */
const MOST_BATCHES = 1_000;

/** Remembers lost batches in memory. */
export function createLostBatches(): LostBatches {
  const lost = new Map<string, TakenJob>();

  return {
    remember(job) {
      lost.delete(job.id);
      lost.set(job.id, job);
      const oldest = lost.keys().next();
      if (lost.size > MOST_BATCHES && !oldest.done) lost.delete(oldest.value);
    },
    comeBack(job, batch) {
      const before = lost.get(job.id);
      lost.delete(job.id);
      if (before === undefined || job.stalls <= before.stalls) return job;
      // Another process had it in between, and that one was lost: what it has written stands.
      if (job.stalls > before.stalls + 1) return { ...job, stalls: job.stalls - 1 };
      const { suspected: _, ...plain } = batch;
      const { suspected } = before.data as Batch;
      return {
        ...job,
        stalls: before.stalls,
        data: suspected === undefined ? plain : { ...plain, suspected },
      };
    },
  };
}
