import { AggregatorRegistry } from 'prom-client';
import type { Metric } from '../core/metric.ts';

/** The content type of `toText` (Prometheus' text format). */
export const TEXT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Adds up what several processes tell: values with the same labels become one. */
export function addUp(all: readonly (readonly Metric[])[]): Metric[] {
  const registry = AggregatorRegistry.aggregate(all as Metric[][]);
  return registry.getMetricsAsArray().map((summed) => {
    const { name, help, type, aggregator, values } = summed as unknown as Metric;
    return { name, help, type, aggregator, values };
  });
}

/** Writes metrics as Prometheus reads them, those of several processes added up. */
export function toText(all: readonly (readonly Metric[])[]): Promise<string> {
  return AggregatorRegistry.aggregate(all as Metric[][]).metrics();
}
