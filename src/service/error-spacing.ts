const FIRST_GAP_MS = 1_000;
const LONGEST_GAP_MS = 30_000;
/** Errors are of one outage as long as they come within this time of each other. */
const QUIET_MS = 10_000;

/**
 * Errors of connections come in storms. The first of an outage is passed on at once, then one after 1 s, 2 s,
 * 4 s … and at last every 30 s, each with the number of those before it that were not passed on.
 */
export function createErrorSpacing(
  report: (error: Error, unreported: number) => void,
  monotonicNow: () => number = () => performance.now(),
) {
  let gapMs = FIRST_GAP_MS;
  let nextAt = Number.NEGATIVE_INFINITY;
  let latestAt = Number.NEGATIVE_INFINITY;
  let unreported = 0;

  /** The outage is over. @returns whether an error of it was passed on */
  function over(): boolean {
    const was = latestAt > Number.NEGATIVE_INFINITY;
    gapMs = FIRST_GAP_MS;
    nextAt = latestAt = Number.NEGATIVE_INFINITY;
    unreported = 0;
    return was;
  }

  return {
    over,
    add(error: Error): void {
      const now = monotonicNow();
      if (now - latestAt > QUIET_MS) over();
      latestAt = now;
      if (now < nextAt) {
        unreported += 1;
        return;
      }
      report(error, unreported);
      unreported = 0;
      nextAt = now + gapMs;
      gapMs = Math.min(gapMs * 2, LONGEST_GAP_MS);
    },
  };
}
