/** One line of a metric: a value under its labels. */
export interface MetricValue {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  /** Where it is not the metric's own: `_bucket`, `_sum` and `_count` of a histogram. */
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
