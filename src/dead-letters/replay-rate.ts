/** Holds a rate over any number of steps. */
export type ReplayRate = ReturnType<typeof holdRate>;

const SECOND_MS = 1_000;
const STEPS_A_SECOND = 4;
/** How much of a pause of Redis is made up for; more would be a burst. */
const MOST_BEHIND_MS = 250;

/**
 * Starts to hold a rate: after n events the next goes no sooner than n / rate seconds after the first.
 *
 * @param monotonicNow in milliseconds
 */
export function holdRate(perSecond: number, monotonicNow: () => number) {
  let dueAt = monotonicNow();
  return {
    /** How many may go in one step: a quarter of a second's worth. */
    stepSize: Math.max(1, Math.floor(perSecond / STEPS_A_SECOND)),
    /** How long to wait before the next step, in milliseconds. */
    waitMs: () => Math.max(0, dueAt - monotonicNow()),
    /** This number went. */
    went(count: number): void {
      dueAt = Math.max(dueAt, monotonicNow() - MOST_BEHIND_MS) + (count * SECOND_MS) / perSecond;
    },
  };
}
