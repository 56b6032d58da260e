import type { Batch } from './event.ts';

/** From its third lost process on, a batch is suspected of being what ends them. */
const STALLS_BEFORE_SUSPICION = 3;
/** An event that was named in so many lost processes is given up on. */
const TIMES_NAMED_BEFORE_DEAD = 3;

/**
 * How a batch is to be handled that may hold an event that ends the process which handles it:
 *
 * none    as every other
 * split   each of its events goes into a job of its own
 * alone   its one event is named in the job, then sent while nothing else is
 * crash   its one event was named each time when a process was lost: it is dead
 */
export type Suspicion =
  | { readonly kind: 'none' | 'split' | 'crash' }
  | { readonly kind: 'alone'; readonly times: number };

/** Judges a batch by how often its process was lost, and how often it was named as it happened. */
export function judgeSuspicion({ events, suspected }: Batch, stalls: number): Suspicion {
  if (suspected === undefined && stalls < STALLS_BEFORE_SUSPICION) return { kind: 'none' };
  if (events.length !== 1) return { kind: 'split' };
  const named = suspected ?? 0;
  if (named >= TIMES_NAMED_BEFORE_DEAD) return { kind: 'crash' };
  return { kind: 'alone', times: named + 1 };
}
