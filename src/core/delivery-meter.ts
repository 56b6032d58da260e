import { FAILURE_CLASSES, type FailureClass } from './attempt-result.ts';
import type { StoredEvent } from './event.ts';
import { acceptedAt } from './event-id.ts';
import { createHistogram, type Histogram } from './metric.ts';
import type { Classification, Outcome } from './outcome.ts';

/** What became of asking for a token; `refused`: an endpoint answered 401 to one that was just renewed. */
export type TokenOutcome = 'renewed' | 'shared' | 'failed' | 'refused';

/** Every outcome of asking for a token: those that never came about are told as 0. */
export const TOKEN_OUTCOMES: readonly TokenOutcome[] = ['renewed', 'shared', 'failed', 'refused'];

/** The attempts with events of one type. */
export interface TypeCounts {
  delivered: number;
  /** By `FAILURE_CLASSES`, in its order. */
  readonly retry: number[];
  readonly dead: number[];
}

/** What a process counts of a client's deliveries. It is in the way of every event: it only adds. */
export interface ClientMeter {
  readonly types: ReadonlyMap<string, TypeCounts>;
  readonly inFlight: number;
  /** Absent: the client's requests carry no token that is renewed. */
  readonly tokens: ReadonlyMap<TokenOutcome, number> | undefined;
  /** An attempt begins; then comes `end`. */
  begin(): void;
  end(): void;
  /** @param ms how long it took. @param now when it ended, ms since the epoch */
  attempted(
    event: StoredEvent,
    classification: Classification,
    outcome: Outcome,
    ms: number,
    now: number,
  ): void;
  /** A batch of this number of events was opened. */
  opened(events: number): void;
  /** From now on the client's tokens are told of. */
  expectTokens(): void;
  asked(outcome: TokenOutcome): void;
}

/** What a process counts of all its deliveries. Durations in milliseconds. */
export interface DeliveryMeter {
  readonly clients: ReadonlyMap<string, ClientMeter>;
  /** One attempt in which a request was sent, up to its answer or failure. */
  readonly durations: Histogram;
  /** From an event's acceptance to the start of its first attempt. */
  readonly latencies: Histogram;
  /** Events in a batch that was opened. */
  readonly batches: Histogram;
  /** The meter of a client, a new one if there was none. */
  client(name: string): ClientMeter;
}

const DURATION_MS = [
  1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000,
];
const LATENCY_MS = [
  1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 1_800_000,
  7_200_000,
];
const BATCH_EVENTS = [1, 2, 5, 10, 20, 50, 100, 200, 500];

/** Where each failure class stands in the counts. */
const CLASS_INDEX: Readonly<Record<string, number>> = Object.fromEntries(
  FAILURE_CLASSES.map((failureClass, index) => [failureClass, index]),
);
/** No request was sent in attempts that failed like this. */
const UNSENT: ReadonlySet<FailureClass> = new Set(['token', 'address', 'crash']);

/** Builds a meter that has counted nothing. */
export function createDeliveryMeter(): DeliveryMeter {
  const clients = new Map<string, ClientMeter>();
  const durations = createHistogram(DURATION_MS);
  const latencies = createHistogram(LATENCY_MS);
  const batches = createHistogram(BATCH_EVENTS);
  return {
    clients,
    durations,
    latencies,
    batches,
    client(name) {
      const known = clients.get(name) ?? createClientMeter(durations, latencies, batches);
      clients.set(name, known);
      return known;
    },
  };
}

function createClientMeter(durations: Histogram, latencies: Histogram, batches: Histogram): ClientMeter {
  const types = new Map<string, TypeCounts>();
  let inFlight = 0;
  let tokens: Map<TokenOutcome, number> | undefined;

  function countsOf(type: string): TypeCounts {
    const known = types.get(type) ?? { delivered: 0, retry: noneYet(), dead: noneYet() };
    types.set(type, known);
    return known;
  }

  return {
    types,
    get inFlight() {
      return inFlight;
    },
    get tokens() {
      return tokens;
    },
    begin() {
      inFlight += 1;
    },
    end() {
      inFlight -= 1;
    },
    attempted(event, classification, outcome, ms, now) {
      const counts = types.get(event.type) ?? countsOf(event.type);
      if (isFirst(event)) latencies.observe(Math.max(0, now - ms - acceptedAt(event.id)));
      if (classification.kind === 'delivered') {
        counts.delivered += 1;
        durations.observe(ms);
        return;
      }
      const { failureClass } = classification;
      add(outcome.kind === 'dead' ? counts.dead : counts.retry, failureClass);
      if (!UNSENT.has(failureClass)) durations.observe(ms);
    },
    opened(events) {
      batches.observe(events);
    },
    expectTokens() {
      tokens ??= new Map(TOKEN_OUTCOMES.map((outcome) => [outcome, 0]));
    },
    asked(outcome) {
      tokens?.set(outcome, (tokens.get(outcome) ?? 0) + 1);
    },
  };
}

function noneYet(): number[] {
  return new Array<number>(FAILURE_CLASSES.length).fill(0);
}

function add(counts: number[], failureClass: FailureClass): void {
  const index = CLASS_INDEX[failureClass] as number;
  counts[index] = (counts[index] as number) + 1;
}

function isFirst({ history, life }: StoredEvent): boolean {
  return history === undefined && life === undefined;
}
