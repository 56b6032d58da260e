import { type Metric, type MetricValue, metric } from '../core/metric.ts';
import type { QueueOverview } from '../queue/queue-overview.ts';

type Overviews = ReadonlyMap<string, QueueOverview>;

const ONE_REDIS = 'Of all processes on this Redis.';

/** What Redis tells of all clients, as metrics. They are the same in every service on that Redis. */
export function describeQueues(overviews: Overviews, untaken: ReadonlySet<string>): Metric[] {
  return [...describeCounters(overviews), ...describeStates(overviews, untaken)];
}

function describeCounters(overviews: Overviews): Metric[] {
  const counter = (name: string, help: string, read: (counters: Counters) => Iterable<MetricValue>): Metric =>
    metric('counter', name, `${help} ${ONE_REDIS}`, valuesOf(overviews, read));
  return [
    counter('waybill_events_accepted_total', 'Events that Redis has acknowledged.', typesUnder('accepted')),
    counter('waybill_events_delivered_total', 'Events that were delivered.', typesUnder('delivered')),
    counter(
      'waybill_events_already_received_total',
      'Inventory receipts that the client answered with 200: it had them from an earlier request.',
      (counters) => [{ labels: {}, value: counters.get('delivered:inventory_receipt:200') ?? 0 }],
    ),
    counter('waybill_dead_letters_total', 'Events that were given up on.', deadOf),
    counter('waybill_replays_total', 'Dead letters that were put back into delivery.', (counters) => [
      { labels: {}, value: counters.get('replayed') ?? 0 },
    ]),
  ];
}

function describeStates(overviews: Overviews, untaken: ReadonlySet<string>): Metric[] {
  const gauge = (name: string, help: string, read: (overview: QueueOverview, client: string) => number) =>
    metric(
      'gauge',
      name,
      `${help} ${ONE_REDIS}`,
      [...overviews].map(([client, overview]) => ({ labels: { client }, value: read(overview, client) })),
    );
  return [
    gauge(
      'waybill_waiting_events',
      'Events that are neither delivered nor dead: waiting, in flight or to be retried.',
      ({ counters }) => waitingIn(counters),
    ),
    gauge(
      'waybill_oldest_waiting_event_age_seconds',
      'For how long the first event has waited that could be sent; 0 while the client is paused.',
      ({ oldestMs, paused }) => (paused ? 0 : oldestMs / 1_000),
    ),
    gauge(
      'waybill_dead_letters',
      'Dead letters that stand in the queue of dead letters.',
      ({ dead }) => dead,
    ),
    metric(
      'gauge',
      'waybill_incidents_open',
      `1 for each endpoint whose events are given up on. ${ONE_REDIS}`,
      [...overviews].flatMap(([client, { incidents }]) =>
        incidents.map((type) => ({ labels: { client, type }, value: 1 })),
      ),
    ),
    gauge('waybill_client_paused', '1 if an operator has paused the client.', ({ paused }) => Number(paused)),
    gauge('waybill_untaken', '1 if events wait and no worker takes them.', (_, client) =>
      Number(untaken.has(client)),
    ),
  ];
}

type Counters = QueueOverview['counters'];

/** Each of these is written in the same step as what it counts. */
function waitingIn(counters: Counters): number {
  let delivered = 0;
  for (const [field, count] of counters) if (field.startsWith('delivered:')) delivered += count;
  const counted = (field: string): number => counters.get(field) ?? 0;
  return Math.max(0, counted('accepted') + counted('replayed') - delivered - counted('dead'));
}

function valuesOf(overviews: Overviews, read: (counters: Counters) => Iterable<MetricValue>): MetricValue[] {
  return [...overviews].flatMap(([client, { counters }]) =>
    [...read(counters)].map(({ labels, value }) => ({ labels: { client, ...labels }, value })),
  );
}

/** The sums by type of the counters `<kind>:<type>` and `<kind>:<type>:…`. */
function typesUnder(kind: string) {
  return (counters: Counters): MetricValue[] => {
    const byType = new Map<string, number>();
    for (const [field, count] of counters) {
      const [first, type] = field.split(':');
      if (first === kind && type !== undefined) byType.set(type, (byType.get(type) ?? 0) + count);
    }
    return [...byType].map(([type, value]) => ({ labels: { type }, value }));
  };
}

function* deadOf(counters: Counters): Generator<MetricValue> {
  for (const [field, value] of counters) {
    const [kind, type = '', failureClass] = field.split(':');
    if (kind === 'dead' && failureClass !== undefined) yield { labels: { type, class: failureClass }, value };
  }
}
