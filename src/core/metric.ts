/** One line of a metric: a value under its labels. */
export interface MetricValue {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  /** If it is not the metric's own: `_bucket`, `_sum` and `_count` of a histogram. */
  readonly metricName?: string;
}

/** A metric with all its values, in the form in which prom-client adds up those of several processes. */
export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly aggregator: 'sum';
  readonly values: readonly MetricValue[];
}

/** Builds a metric whose values are what several processes have counted together. */
export function metric(
  type: Metric['type'],
  name: string,
  help: string,
  values: readonly MetricValue[],
): Metric {
  return { name, help, type, aggregator: 'sum', values };
}

/** Values counted by the bucket that they fall into: a plain array, since every event pays for it. */
export class Histogram {
  /** The upper bounds of the buckets, ascending; one bucket more takes what lies above them all. */
  readonly bounds: readonly number[];
  /** How many values each bucket holds, that of the values above all bounds last. */
  readonly counts: number[];
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  /** Counts a value. @returns the number of its bucket */
  observe(value: number): number {
    let bucket = 0;
    // Few values lie far up: counting on from the lowest is quicker than halving.
    while (bucket < this.bounds.length && value > (this.bounds[bucket] as number)) bucket += 1;
    this.counts[bucket] = (this.counts[bucket] as number) + 1;
    this.sum += value;
    return bucket;
  }
}
