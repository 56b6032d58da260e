import type { Classification } from '../core/classify.ts';
import type { Witness } from './generator.ts';
import { createInFlightTrace, type InFlightTrace } from './in-flight-trace.ts';
import { createLatencyHistogram, type LatencyHistogram } from './latency-histogram.ts';
import { createOutcomes, exampleOf, type OutcomeCount } from './outcomes.ts';
import { createSeconds, type OpenSecond, type SecondRow, type Seconds } from './seconds.ts';

/** What is counted of the arrivals that are judged. */
export interface Counts {
  sent: number;
  unsent: number;
  delivered: number;
  failed: number;
  /** Sent and then called off at the end: they count neither as sent nor as offered. */
  dropped: number;
}

/**
 * The most events in a row that ended so, for guards: all of them, warm-up too. They do not fall again where another
 * end follows: a guard looks now and then only.
 */
export interface Streaks {
  timeouts: number;
  unauthorized: number;
}

/** The endpoint said that it wants no more: 429, or 503 with `Retry-After`. */
export interface FirstRefusal {
  /** When the event was to be sent, in milliseconds from the start. */
  readonly intendedMs: number;
  readonly status: number;
  readonly retryAfter: string | undefined;
}

/** Writes down what a generator sees. Only what was meant for the time after the warm-up is judged. */
export interface Recorder extends Witness {
  readonly counts: Readonly<Counts>;
  readonly streaks: Readonly<Streaks>;
  readonly inFlight: number;
  readonly declaredLimit: FirstRefusal | undefined;
  readonly response: LatencyHistogram;
  readonly service: LatencyHistogram;
  readonly lag: LatencyHistogram;
  /** The time in the queue; empty where there is none. */
  readonly queue: LatencyHistogram;
  readonly trace: InFlightTrace;
  readonly rows: readonly SecondRow[];
  outcomes(): OutcomeCount[];
  /** Closes the last row. */
  close(): void;
}

/** What a recorder has to know beforehand. */
export interface RecorderOptions {
  /** On the clock of the generator. */
  readonly startedAt: number;
  readonly warmupMs: number;
  /** What does not end counts as having taken so long. */
  readonly timeoutMs: number;
}

/** What a histogram must be able to hold: a time-out, and the time that an event waited to be sent. */
const HEADROOM = 2;

/** Makes a recorder of a run or probe. */
export function createRecorder({ startedAt, warmupMs, timeoutMs }: RecorderOptions): Recorder {
  const longest = HEADROOM * timeoutMs;
  const response = createLatencyHistogram(longest);
  const service = createLatencyHistogram(longest);
  const lag = createLatencyHistogram(longest);
  const queue = createLatencyHistogram(longest);
  const trace = createInFlightTrace();
  const outcomes = createOutcomes();
  const seconds: Seconds = createSeconds(warmupMs, longest);
  const counts: Counts = { sent: 0, unsent: 0, delivered: 0, failed: 0, dropped: 0 };
  const streaks: Streaks = { timeouts: 0, unauthorized: 0 };
  const latest: Streaks = { timeouts: 0, unauthorized: 0 };
  const judgedFrom = startedAt + warmupMs;
  let inFlight = 0;
  let declaredLimit: FirstRefusal | undefined;

  function noteLimit(classification: Classification, intendedMs: number): void {
    if (!declaresLimit(classification)) return;
    const { status, retryAfter } = classification;
    declaredLimit ??= { intendedMs, status, retryAfter };
  }

  return {
    counts,
    streaks,
    response,
    service,
    lag,
    queue,
    trace,
    rows: seconds.rows,
    outcomes: outcomes.list,
    close: seconds.close,
    get inFlight() {
      return inFlight;
    },
    get declaredLimit() {
      return declaredLimit;
    },
    sent(_event, intended, at) {
      inFlight += 1;
      const row = seconds.at(at - startedAt);
      row.offered += 1;
      row.sent += 1;
      row.inFlight = inFlight;
      row.lagMaxMs = Math.max(row.lagMaxMs, at - intended);
      if (intended < judgedFrom) return;
      counts.sent += 1;
      lag.record(at - intended);
    },
    finished(event, { classification, tokenMs, queueMs }, times) {
      inFlight -= 1;
      const atMs = times.finished - startedAt;
      const serviceMs = times.finished - times.sent - tokenMs - (queueMs ?? 0);
      const responseMs = answered(classification, times.finished - times.intended - tokenMs, timeoutMs);
      countIn(seconds.at(atMs), classification, { responseMs, serviceMs, inFlight });
      note(latest, streaks, classification);
      noteLimit(classification, times.intended - startedAt);
      if (times.intended < judgedFrom) return;
      countEnd(counts, classification);
      response.record(responseMs);
      service.record(serviceMs);
      if (queueMs !== undefined) queue.record(queueMs);
      outcomes.count(classification, () => exampleOf(event, atMs, serviceMs));
    },
    dropped(intended) {
      inFlight -= 1;
      if (intended < judgedFrom) return;
      counts.sent -= 1;
      counts.dropped += 1;
    },
    unsent(intended) {
      const row = seconds.at(Math.max(0, intended - startedAt));
      row.offered += 1;
      row.unsent += 1;
      row.response.record(timeoutMs);
      if (intended < judgedFrom) return;
      counts.unsent += 1;
      response.record(timeoutMs);
    },
    turn(now, flying) {
      const atMs = now - startedAt;
      seconds.at(atMs).inFlight = flying;
      trace.note(atMs, flying);
    },
  };
}

type Failed = Extract<Classification, { kind: 'failed' }>;

function declaresLimit(classification: Classification): classification is Failed {
  if (classification.kind === 'delivered') return false;
  const { status, retryAfter } = classification;
  return status === 429 || (status === 503 && retryAfter !== undefined);
}

/** What got no answer took at least as long as an answer may take: its caller waited for nothing. */
function answered({ status }: Classification, ms: number, timeoutMs: number): number {
  return status === 0 ? Math.max(ms, timeoutMs) : ms;
}

function countIn(
  row: OpenSecond,
  classification: Classification,
  ended: { readonly responseMs: number; readonly serviceMs: number; readonly inFlight: number },
): void {
  row.response.record(ended.responseMs);
  row.service.record(ended.serviceMs);
  row.inFlight = ended.inFlight;
  if (classification.kind === 'delivered') {
    row.delivered += 1;
    return;
  }
  row.failed += 1;
  const { status, failureClass } = classification;
  const key = status === 0 ? failureClass : String(status);
  row.failures[key] = (row.failures[key] ?? 0) + 1;
}

function countEnd(counts: Counts, classification: Classification): void {
  if (classification.kind === 'delivered') counts.delivered += 1;
  else counts.failed += 1;
}

function note(latest: Streaks, longest: Streaks, classification: Classification): void {
  const failure = classification.kind === 'failed' ? classification.failureClass : undefined;
  latest.timeouts = failure === 'timeout' ? latest.timeouts + 1 : 0;
  latest.unauthorized = failure === 'unauthorized' ? latest.unauthorized + 1 : 0;
  longest.timeouts = Math.max(longest.timeouts, latest.timeouts);
  longest.unauthorized = Math.max(longest.unauthorized, latest.unauthorized);
}
