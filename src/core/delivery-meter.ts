import type { FailureClass } from './attempt-result.ts';
import type { StoredEvent } from './event.ts';
import { acceptedAt } from './event-id.ts';
import { Histogram } from './metric.ts';
import type { Classification, Outcome } from './outcome.ts';

/** Every outcome of asking for a token: those that never came about are told as 0. */
export const TOKEN_OUTCOMES = ['renewed', 'shared', 'failed', 'refused'] as const;

/** What became of asking for a token; `refused`: an endpoint answered 401 to one that was just renewed. */
export type TokenOutcome = (typeof TOKEN_OUTCOMES)[number];

/** The attempts with events of one type. */
export interface TypeCounts {
  delivered: number;
  readonly retry: Map<FailureClass, number>;
  readonly dead: Map<FailureClass, number>;
  /** Attempts by their duration, as the buckets of DURATION_MS, since they were taken last; undefined: there was none. */
  durations: number[] | undefined;
}

/** Attempts of an endpoint by their duration, as the buckets of DURATION_MS. */
export type EndpointDurations = readonly [client: string, type: string, counts: readonly number[]];

/** Upper bounds of the buckets of durations, in milliseconds. */
export const DURATION_MS: readonly number[] = [
  1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000,
];
const LATENCY_MS = [
  1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 1_800_000,
  7_200_000,
];
const BATCH_EVENTS = [1, 2, 5, 10, 20, 50, 100, 200, 500];

/** No request was sent in attempts that failed like this. */
const UNSENT: ReadonlySet<FailureClass> = new Set(['token', 'address', 'proxy', 'local', 'crash']);

/** What a process counts of all its deliveries. Durations in milliseconds. */
export class DeliveryMeter {
  readonly clients = new Map<string, ClientMeter>();
  /** One attempt in which a request was sent, up to its answer or failure. */
  readonly durations = new Histogram(DURATION_MS);
  /** From an event's acceptance to the start of its first attempt. */
  readonly latencies = new Histogram(LATENCY_MS);
  /** Events in a batch that was opened. */
  readonly batches = new Histogram(BATCH_EVENTS);

  /** The meter of a client, a new one if there was none. */
  client(name: string): ClientMeter {
    const known = this.clients.get(name) ?? new ClientMeter(this);
    this.clients.set(name, known);
    return known;
  }

  /** How long attempts took since this was asked last, by endpoint; endpoints without any are left out. */
  takeDurations(): EndpointDurations[] {
    return [...this.clients].flatMap(([client, { types }]) =>
      [...types].flatMap(([type, counts]): EndpointDurations[] => {
        const { durations } = counts;
        counts.durations = undefined;
        return durations === undefined ? [] : [[client, type, durations]];
      }),
    );
  }
}

/** What a process counts of a client's deliveries. It is in the way of every event: it only adds. */
export class ClientMeter {
  readonly types = new Map<string, TypeCounts>();
  inFlight = 0;
  /** Absent: the client's requests carry no token that is renewed. */
  tokens: Map<TokenOutcome, number> | undefined;
  readonly #all: DeliveryMeter;

  constructor(all: DeliveryMeter) {
    this.#all = all;
  }

  /** An attempt begins; then comes `end`. */
  begin(): void {
    this.inFlight += 1;
  }

  end(): void {
    this.inFlight -= 1;
  }

  /** @param ms how long it took @param now when it ended, ms since the epoch */
  attempted(
    event: StoredEvent,
    classification: Classification,
    outcome: Outcome,
    ms: number,
    now: number,
  ): void {
    const { durations, latencies } = this.#all;
    const counts = this.types.get(event.type) ?? this.#addType(event.type);
    if (isFirst(event)) latencies.observe(Math.max(0, now - ms - acceptedAt(event.id)));
    if (classification.kind === 'delivered') {
      counts.delivered += 1;
      countDuration(counts, durations.observe(ms));
      return;
    }
    const { failureClass } = classification;
    addTo(outcome.kind === 'dead' ? counts.dead : counts.retry, failureClass);
    if (!UNSENT.has(failureClass)) countDuration(counts, durations.observe(ms));
  }

  /** A batch of this number of events was opened. */
  opened(events: number): void {
    this.#all.batches.observe(events);
  }

  /** From now on the client's tokens are told of. */
  expectTokens(): void {
    this.tokens ??= new Map(TOKEN_OUTCOMES.map((outcome) => [outcome, 0]));
  }

  asked(outcome: TokenOutcome): void {
    if (this.tokens !== undefined) addTo(this.tokens, outcome);
  }

  #addType(type: string): TypeCounts {
    const counts: TypeCounts = { delivered: 0, retry: new Map(), dead: new Map(), durations: undefined };
    this.types.set(type, counts);
    return counts;
  }
}

function countDuration(counts: TypeCounts, bucket: number): void {
  counts.durations ??= new Array<number>(DURATION_MS.length + 1).fill(0);
  counts.durations[bucket] = (counts.durations[bucket] as number) + 1;
}

function addTo<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function isFirst({ history, life }: StoredEvent): boolean {
  return history === undefined && life === undefined;
}
