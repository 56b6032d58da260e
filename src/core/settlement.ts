import type { StoredEvent } from './event.ts';
import type { Outcome } from './outcome.ts';

/** Retries due within this time of the earliest stay together in one job; milliseconds. */
export const TOGETHER_MS = 250;

/** An event whose attempt is over: the event as it is to be stored from now on, and what follows. */
export interface FinishedEvent {
  readonly event: StoredEvent;
  readonly outcome: Outcome;
}

/** A retry that becomes a job of its own. */
export interface RetryApart {
  readonly event: StoredEvent;
  /** ms since the epoch */
  readonly dueAt: number;
}

/** What is to be written down about a batch, in one step. */
export interface Settlement {
  readonly dead: readonly StoredEvent[];
  readonly apart: readonly RetryApart[];
  /** What the batch holds afterwards. */
  readonly stay: readonly StoredEvent[];
  /** When what stays is due, ms since the epoch; undefined: it is due now, or nothing stays. */
  readonly dueAt?: number;
}

/**
 * Plans a settlement. While events of the batch are unfinished, they stay and every retry leaves as a job of
 * its own. Once all are finished, the retries due within 250 ms of the earliest stay together, due when the
 * latest of them is, so that none comes early.
 */
export function planSettlement(
  finished: readonly FinishedEvent[],
  unfinished: readonly StoredEvent[],
): Settlement {
  const dead: StoredEvent[] = [];
  const retries: RetryApart[] = [];
  for (const { event, outcome } of finished) {
    if (outcome.kind === 'dead') dead.push(event);
    else if (outcome.kind === 'retry') retries.push({ event, dueAt: outcome.dueAt });
  }
  if (unfinished.length > 0) return { dead, apart: retries, stay: unfinished };
  if (retries.length === 0) return { dead, apart: [], stay: [] };

  const earliest = Math.min(...retries.map((retry) => retry.dueAt));
  const together = retries.filter((retry) => retry.dueAt - earliest <= TOGETHER_MS);
  return {
    dead,
    apart: retries.filter((retry) => retry.dueAt - earliest > TOGETHER_MS),
    stay: together.map((retry) => retry.event),
    dueAt: Math.max(...together.map((retry) => retry.dueAt)),
  };
}
