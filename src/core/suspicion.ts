import type { Batch, Suspected } from './event.ts';

/** From its third lost process on, a batch is suspected of being what ends them. */
const STALLS_BEFORE_SUSPICION = 3;
/** An event that was named in so many lost processes is given up on. */
const TIMES_NAMED_BEFORE_DEAD = 3;
/**
 * So is one that was still in flight, late, in so many of them. More, since any loss of the process meets a slow
 * event: with those before the suspicion, ten losses that have nothing to do with it never suffice.
 */
const TIMES_LATE_BEFORE_DEAD = 8;
/** An event that was named before waits so long for each time, so that another one is the first to be sent. */
const WAIT_PER_TIME_MS = 1_000;

const UNNAMED: Suspected = { named: 0, late: 0 };

/**
 * How a batch is to be handled that may hold an event that ends the process which handles it:
 *
 * none    as every other
 * split   each of its events goes into a job of its own
 * wait    its one event, named before, lets others go first
 * alone   its one event is named in the job, then sent while nothing else is
 * crash   its one event was named each time when a process was lost: it is dead
 */
export type Suspicion =
  | { readonly kind: 'none' | 'split' | 'crash' }
  | { readonly kind: 'wait'; readonly ms: number; readonly suspected: Suspected }
  | {
      readonly kind: 'alone';
      /** What is written just before it is sent. */
      readonly named: Suspected;
      /** What is written once it has been in flight for so long that it is no longer alone. */
      readonly late: Suspected;
    };

/**
 * Judges a batch by how often its process was lost, and what was written about its event by then. What ends a
 * process mostly does so at once; so a loss within the first second weighs more than one of an event in flight
 * for longer.
 */
export function judgeSuspicion({ events, suspected }: Batch, stalls: number): Suspicion {
  if (suspected === undefined && stalls < STALLS_BEFORE_SUSPICION) return { kind: 'none' };
  if (events.length !== 1) return { kind: 'split' };
  const { named, late, waited } = suspected ?? UNNAMED;
  if (named >= TIMES_NAMED_BEFORE_DEAD || late >= TIMES_LATE_BEFORE_DEAD) return { kind: 'crash' };
  if (named + late > 0 && waited !== stalls) {
    return {
      kind: 'wait',
      ms: (named + late) * WAIT_PER_TIME_MS,
      suspected: { named, late, waited: stalls },
    };
  }
  return { kind: 'alone', named: { named: named + 1, late }, late: { named, late: late + 1 } };
}
