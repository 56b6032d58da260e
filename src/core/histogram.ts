/** Values counted by the bucket that they fall into. */
export interface Histogram {
  /** The upper bounds of the buckets, ascending; one bucket more takes what lies above them all. */
  readonly bounds: readonly number[];
  /** How many values each bucket holds, that of the values above all bounds last. */
  readonly counts: readonly number[];
  readonly sum: number;
  /** Counts a value. */
  observe(value: number): void;
}

/** Builds an empty histogram: a plain array, since every event pays for it. */
export function createHistogram(bounds: readonly number[]): Histogram {
  const counts = new Array<number>(bounds.length + 1).fill(0);
  let sum = 0;
  return {
    bounds,
    counts,
    get sum() {
      return sum;
    },
    observe(value) {
      let bucket = 0;
      // Few values lie far up: counting on from the lowest is quicker than halving.
      while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket += 1;
      counts[bucket] = (counts[bucket] as number) + 1;
      sum += value;
    },
  };
}
