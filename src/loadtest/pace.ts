/**
 * The time that a generator sends by: the real one, except that after a stall it runs at twice the real speed
 * at most until it has caught up, so that what fell due meanwhile goes out at twice the rate and not at once.
 */
export interface Pace {
  /** Takes note of the time; what is due by the returned one is to be sent. Milliseconds. */
  advance(nowMs: number): number;
}

/** A turn of the loop that takes longer than this is a stall. */
const STALL_MS = 10;
const CATCH_UP = 2;

/** Makes the time of a generator that starts now. */
export function createPace(startMs: number): Pace {
  let last = startMs;
  let due = startMs;
  return {
    advance(nowMs) {
      const turn = Math.min(Math.max(0, nowMs - last), STALL_MS);
      last = nowMs;
      due = Math.min(nowMs, due + CATCH_UP * turn);
      return due;
    },
  };
}
