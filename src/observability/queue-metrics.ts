import type { EndpointPace } from '../core/endpoint-pace.ts';
import type { EventType } from '../core/event-type.ts';
import { EVENT_TYPES } from '../core/event-types.ts';
import { type Metric, type MetricValue, metric } from '../core/metric.ts';
import type { PaceState } from '../core/pace.ts';
import { REPEAT_CAUSES } from '../core/repeats.ts';
import type { ClientView, EndpointView } from '../queue/client-view.ts';
import { WITHHELD_FOR } from '../queue/withheld-mark.ts';

type Views = ReadonlyMap<string, ClientView>;

const PACE_STATES: readonly PaceState[] = ['open', 'slowed', 'down', 'recovering'];

/** The event types that have a status for it. */
const ALREADY_RECEIVED = EVENT_TYPES.flatMap(({ name, alreadyReceivedStatus: status }: EventType) =>
  status === undefined ? [] : { name, status },
);

const ONE_REDIS = 'Of all processes on this Redis.';

/** What Redis tells of all clients, as metrics. They are the same in every service on that Redis. */
export function describeQueues(views: Views, untaken: ReadonlySet<string>): Metric[] {
  return [...describeCounters(views), ...describeStates(views, untaken), ...describePaces(views)];
}

function describeCounters(views: Views): Metric[] {
  const counter = (name: string, help: string, read: (view: ClientView) => Iterable<MetricValue>): Metric =>
    metric('counter', name, `${help} ${ONE_REDIS}`, valuesOf(views, read));
  const byType = (read: (endpoint: EndpointView) => number) => (view: ClientView) =>
    Object.entries(view.endpoints).map(([type, endpoint]) => ({ labels: { type }, value: read(endpoint) }));
  return [
    counter(
      'waybill_events_accepted_total',
      'Events that Redis has acknowledged.',
      byType(({ accepted }) => accepted),
    ),
    counter(
      'waybill_events_delivered_total',
      'Events that were delivered.',
      byType(({ delivered }) => delivered),
    ),
    counter(
      'waybill_events_already_received_total',
      'Events that the client answered as one it had from an earlier request (an inventory receipt: 200).',
      ({ deliveredByType }) =>
        ALREADY_RECEIVED.map(({ name: type, status }) => ({
          labels: { type },
          value: deliveredByType[type]?.[status] ?? 0,
        })),
    ),
    counter('waybill_dead_letters_total', 'Events that were given up on.', deadOf),
    counter(
      'waybill_repeats_total',
      'How often, at most, an event was sent again that may have reached the endpoint: its batch was taken over from a process that was lost or lost its lock (taken_over), a kept connection was closed before an answer (resent), or a stop or reload called off the request (called_off).',
      ({ endpoints }) =>
        Object.entries(endpoints).flatMap(([type, { repeats }]) =>
          REPEAT_CAUSES.map((cause) => ({ labels: { type, cause }, value: repeats[cause] ?? 0 })),
        ),
    ),
    counter('waybill_replays_total', 'Dead letters that were put back into delivery.', ({ replayed }) => [
      { labels: {}, value: replayed },
    ]),
  ];
}

function describeStates(views: Views, untaken: ReadonlySet<string>): Metric[] {
  const gauge = (name: string, help: string, read: (view: ClientView, client: string) => number) =>
    metric(
      'gauge',
      name,
      `${help} ${ONE_REDIS}`,
      [...views].map(([client, view]) => ({ labels: { client }, value: read(view, client) })),
    );
  return [
    gauge(
      'waybill_waiting_events',
      'Events that are neither delivered nor dead: waiting, in flight or to be retried.',
      ({ waiting, inFlight, retrying }) => waiting + inFlight + retrying,
    ),
    gauge(
      'waybill_oldest_waiting_event_age_seconds',
      'For how long the first event has waited that could be sent: its endpoint is open and has what it needs; 0 while the client is paused.',
      ({ oldestMs, pausedAt }) => (pausedAt === undefined ? oldestMs / 1_000 : 0),
    ),
    gauge(
      'waybill_dead_letters',
      'Dead letters that stand in the queue of dead letters.',
      ({ dead }) => dead,
    ),
    metric(
      'gauge',
      'waybill_withheld',
      `1 for what the events of the endpoint wait for without an attempt, 0 for the others. ${ONE_REDIS}`,
      valuesOf(views, ({ endpoints }) =>
        Object.entries(endpoints).flatMap(([type, { withheld }]) =>
          WITHHELD_FOR.map((what) => ({
            labels: { type, for: what },
            value: Number(withheld?.for === what),
          })),
        ),
      ),
    ),
    metric(
      'gauge',
      'waybill_incidents_open',
      `1 for each endpoint with an open incident. ${ONE_REDIS}`,
      [...views].flatMap(([client, { incidents }]) =>
        incidents.map((type) => ({ labels: { client, type }, value: 1 })),
      ),
    ),
    gauge('waybill_client_paused', '1 if an operator has paused the client.', ({ pausedAt }) =>
      Number(pausedAt !== undefined),
    ),
    gauge('waybill_untaken', '1 if events wait and no worker takes them.', (_, client) =>
      Number(untaken.has(client)),
    ),
  ];
}

/** A series for each state of each endpoint, so that one that ends is told as 0. */
function describePaces(views: Views): Metric[] {
  const gauge = (name: string, help: string, read: (pace: EndpointPace) => Iterable<MetricValue>): Metric => {
    const values = valuesOf(views, ({ endpoints }) =>
      Object.entries(endpoints).flatMap(([type, { pace }]) =>
        [...read(pace)].map(({ labels, value }) => ({ labels: { type, ...labels }, value })),
      ),
    );
    return metric('gauge', name, `${help} ${ONE_REDIS}`, values);
  };
  return [
    gauge('waybill_pace_state', '1 for the state that the endpoint is in, 0 for the others.', (pace) =>
      PACE_STATES.map((state) => ({ labels: { state }, value: Number(pace.state === state) })),
    ),
    gauge(
      'waybill_pace_rate_per_second',
      'At most so many requests go to the endpoint, over all processes; 0 if no rate holds: it is open, down or held.',
      ({ ratePerSecond }) => [{ labels: {}, value: ratePerSecond ?? 0 }],
    ),
    gauge('waybill_paced_events', 'Events that wait for the pace of the endpoint.', ({ paced }) => [
      { labels: {}, value: paced },
    ]),
  ];
}

function valuesOf(views: Views, read: (view: ClientView) => Iterable<MetricValue>): MetricValue[] {
  return [...views].flatMap(([client, view]) =>
    [...read(view)].map(({ labels, value }) => ({ labels: { client, ...labels }, value })),
  );
}

function* deadOf({ endpoints }: ClientView): Generator<MetricValue> {
  for (const [type, { diedByClass }] of Object.entries(endpoints)) {
    for (const [failureClass, value] of Object.entries(diedByClass)) {
      yield { labels: { type, class: failureClass }, value };
    }
  }
}
