/** Holds a rate over any number of steps. */
export type ReplayRate = ReturnType<typeof holdRate>;

const SECOND_MS = 1_000;
const STEPS_A_SECOND = 4;
/** What may be caught up with after a pause of Redis': more would be the very burst that the rate is to prevent. */
const MOST_BEHIND_MS = 250;

/**
 * Starts to hold a rate: after n events the next goes no sooner than n / rate seconds after the first, and what a
 * pause has cost is caught up with for a quarter of a second at most.
 *
 * @param monotonicNow in milliseconds
 */
export function holdRate(perSecond: number, monotonicNow: () => number) {
  let dueAt = monotonicNow();
  return {
    /** How many may go in one step: no step is more than a quarter of a second's worth. */
    stepSize: Math.max(1, Math.floor(perSecond / STEPS_A_SECOND)),
    /** How long to wait before the next step, in milliseconds. */
    waitMs: () => Math.max(0, dueAt - monotonicNow()),
    /** This number went. */
    went(count: number): void {
      dueAt = Math.max(dueAt, monotonicNow() - MOST_BEHIND_MS) + (count * SECOND_MS) / perSecond;
    },
  };
}
