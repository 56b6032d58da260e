import { FAILURE_CLASSES, type FailureClass } from '../core/attempt-result.ts';
import {
  type ClientMeter,
  type DeliveryMeter,
  TOKEN_OUTCOMES,
  type TypeCounts,
} from '../core/delivery-meter.ts';
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
      clients.flatMap(([client, counts]) => [...tokensOf(client, counts)]),
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
  for (const [index, failureClass] of FAILURE_CLASSES.entries()) {
    const value = counts[index] ?? 0;
    if (value === 0) continue;
    yield { labels: { ...labels, status_class: statusClassOf(failureClass), class: failureClass }, value };
  }
}

function statusClassOf(failureClass: FailureClass): string {
  switch (failureClass) {
    case 'unauthorized':
    case 'client_error':
      return '4xx';
    case 'server_error':
      return '5xx';
    case 'redirect':
      return '3xx';
    default:
      return 'none';
  }
}

function* tokensOf(client: string, { tokens }: ClientMeter): Generator<MetricValue> {
  if (tokens === undefined) return;
  for (const outcome of TOKEN_OUTCOMES) {
    yield { labels: { client, outcome }, value: tokens.get(outcome) ?? 0 };
  }
}

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
