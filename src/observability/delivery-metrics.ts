import { FAILURE_CLASSES, type FailureClass } from '../core/attempt-result.ts';
import type { ClientMeter, DeliveryMeter, TypeCounts } from '../core/delivery-meter.ts';
import { type Histogram, type Metric, type MetricValue, metric } from '../core/metric.ts';

const MS_PER_SECOND = 1_000;

/** What a worker process has counted, as metrics. */
export function describeDeliveries(meter: DeliveryMeter): Metric[] {
  const clients = [...meter.clients];
  return [
    metric(
      'counter',
      'waybill_delivery_attempts_total',
      'Attempts to deliver an event, by what they led to; class tells why an attempt failed.',
      clients.flatMap(([client, counts]) => [...attemptsOf(client, counts)]),
    ),
    metric(
      'counter',
      'waybill_token_renewals_total',
      'Tokens asked for: renewed by the service, shared by another process, failed, or refused by an endpoint when new; clients with the same credentials are told under the first one.',
      clients.flatMap(([client, { tokens = [] }]) =>
        [...tokens].map(([outcome, value]) => ({ labels: { client, outcome }, value })),
      ),
    ),
    metric(
      'gauge',
      'waybill_requests_in_flight',
      'Attempts under way.',
      clients.map(([client, { inFlight }]) => ({ labels: { client }, value: inFlight })),
    ),
    histogramMetric(
      'waybill_delivery_duration_seconds',
      'Duration of one attempt, from its request to the answer.',
      meter.durations,
      MS_PER_SECOND,
    ),
    histogramMetric(
      'waybill_queue_latency_seconds',
      'Time from the acceptance of an event to the start of its first attempt.',
      meter.latencies,
      MS_PER_SECOND,
    ),
    histogramMetric('waybill_batch_events', 'Events in a batch that was opened.', meter.batches, 1),
  ];
}

function* attemptsOf(client: string, { types }: ClientMeter): Generator<MetricValue> {
  for (const [type, counts] of types) {
    const labels = { client, type, outcome: 'delivered', status_class: '2xx', class: 'delivered' };
    yield { labels, value: counts.delivered };
    yield* failuresOf({ client, type, outcome: 'retry' }, counts.retry);
    yield* failuresOf({ client, type, outcome: 'dead' }, counts.dead);
  }
}

function* failuresOf(labels: MetricValue['labels'], counts: TypeCounts['retry']): Generator<MetricValue> {
  for (const failureClass of FAILURE_CLASSES) {
    const value = counts.get(failureClass) ?? 0;
    if (value === 0) continue;
    const statusClass = STATUS_CLASSES[failureClass] ?? 'none';
    yield { labels: { ...labels, status_class: statusClass, class: failureClass }, value };
  }
}

/** Of failures that had a status. */
const STATUS_CLASSES: Partial<Record<FailureClass, string>> = {
  redirect: '3xx',
  unauthorized: '4xx',
  client_error: '4xx',
  server_error: '5xx',
};

/** @param unit how many of the histogram's own units make one of the metric's */
function histogramMetric(name: string, help: string, histogram: Histogram, unit: number): Metric {
  const { bounds, counts, sum } = histogram;
  let below = 0;
  const buckets = counts.map((count, i): MetricValue => {
    below += count;
    const bound = bounds[i];
    return {
      metricName: `${name}_bucket`,
      labels: { le: bound === undefined ? '+Inf' : bound / unit },
      value: below,
    };
  });
  return metric('histogram', name, help, [
    ...buckets,
    { metricName: `${name}_sum`, labels: {}, value: sum / unit },
    { metricName: `${name}_count`, labels: {}, value: below },
  ]);
}
