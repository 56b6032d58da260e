import { nextAttempt, type StoredEvent } from '../core/event.ts';
import type { FinishedEvent } from '../core/settlement.ts';

/** What became of events whose batch could not be settled, until it is. */
export interface Unsettled {
  remember(jobId: string, results: readonly FinishedEvent[]): void;
  /** The events of a batch that were finished before, as long as nobody else went on with them since. */
  recall(jobId: string, events: readonly StoredEvent[]): { event: StoredEvent; result: FinishedEvent }[];
  forget(jobId: string): void;
}

/** Batches remembered at the most; the oldest is forgotten first. */
const MOST_BATCHES = 1_000;

/** Which attempt a result belongs to: what was delivered has no entry of its own in the history. */
function attemptOf({ event, outcome }: FinishedEvent): number {
  return outcome.kind === 'delivered' ? nextAttempt(event) : nextAttempt(event) - 1;
}

/** Remembers results in memory, so that a batch that comes back to this process is not sent again. */
export function createUnsettled(): Unsettled {
  const batches = new Map<string, Map<string, FinishedEvent>>();

  return {
    remember(jobId, results) {
      if (results.length === 0) return;
      const known = batches.get(jobId) ?? new Map<string, FinishedEvent>();
      for (const result of results) known.set(result.event.id, result);
      batches.delete(jobId);
      batches.set(jobId, known);
      const oldest = batches.keys().next();
      if (batches.size > MOST_BATCHES && !oldest.done) batches.delete(oldest.value);
    },
    recall(jobId, events) {
      const known = batches.get(jobId);
      if (known === undefined) return [];
      return events.flatMap((event) => {
        const result = known.get(event.id);
        const same =
          result !== undefined &&
          (result.event.life ?? 0) === (event.life ?? 0) &&
          attemptOf(result) === nextAttempt(event);
        return same ? [{ event, result }] : [];
      });
    },
    forget(jobId) {
      batches.delete(jobId);
    },
  };
}
