import type { Registry } from 'prom-client';
import type { Metric } from '../core/metric.ts';

/** How often the event loop is asked for its lag. */
const LOOP_PRECISION_MS = 20;

let registry: Promise<Registry> | undefined;

/** This process's processor, memory and event loop; nothing is measured before the first call. */
export async function collectProcessMetrics(): Promise<Metric[]> {
  registry ??= startMeasuring();
  const metrics = (await (await registry).getMetricsAsJSON()) as unknown as Metric[];
  // By their names the library's older gauges of handles would be counters.
  return metrics.filter(({ name, type }) => type === 'counter' || !name.endsWith('_total'));
}

/** A worker whose metrics nobody asks for never loads the library. */
async function startMeasuring(): Promise<Registry> {
  const { collectDefaultMetrics, Registry } = await import('prom-client');
  const register = new Registry();
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: LOOP_PRECISION_MS });
  return register;
}

const OF_PROCESS = /^(?:process|nodejs)_/;

/** Whether a metric is one process's own, and not to be added to another's. */
export function isOfProcess({ name }: Metric): boolean {
  return OF_PROCESS.test(name);
}

/** Puts the name of the process on what is its own. */
export function nameProcess(metrics: readonly Metric[], process: string): Metric[] {
  return metrics.map((one) => {
    if (!isOfProcess(one)) return one;
    const values = one.values.map((value) => ({ ...value, labels: { ...value.labels, process } }));
    // Their label tells them apart: nothing is averaged or left out.
    return { ...one, aggregator: 'sum', values };
  });
}
