import type { Distribution, Observation } from '../../src/loadtest/observation.ts';

/** A distribution of the values themselves, which a test knows. */
export function distributionOf(values: Iterable<number>): Distribution {
  const sorted = Float64Array.from(values).sort();
  return {
    total: sorted.length,
    countAtOrAbove: (ms) => sorted.length - firstAtOrAbove(sorted, ms),
    percentileMs: (percentile) => sorted[Math.max(0, Math.ceil((percentile / 100) * sorted.length) - 1)] ?? 0,
  };
}

function firstAtOrAbove(sorted: Float64Array, ms: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) >= ms) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Events of which some took so long: `times(990, 50)` is 990 of 50 ms. */
export function times(count: number, ms: number): number[] {
  return new Array<number>(count).fill(ms);
}

/** What was observed of events that took so long each: all delivered, by a generator in good health. */
export function observationOf(responses: readonly number[], changes: Partial<Observation> = {}): Observation {
  const response = distributionOf(responses);
  const { total } = response;
  return {
    plannedRatePerSecond: 100,
    durationMs: total * 10,
    offered: total,
    sent: total,
    unsent: 0,
    delivered: total,
    byStatus: { 200: total },
    byFailureClass: {},
    response,
    service: response,
    lag: distributionOf(times(total, 0.5)),
    inFlight: { middleThird: 5, lastThird: 5 },
    generator: { sentShare: 1, lagP99Ms: 0.5, eventLoopUtilisation: 0.2 },
    ...changes,
  };
}
