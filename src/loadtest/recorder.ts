import type { StoredEvent } from '../core/event.ts';
import type { Classification } from '../core/outcome.ts';
import type { GeneratorObserver, LoadAttempt, Times } from './generator.ts';
import { createLatencyHistogram, type LatencyHistogram } from './latency-histogram.ts';
import { type OutcomeCount, OutcomeCounts } from './outcome-counts.ts';
import { createSeconds, InFlightTrace, type OpenSecond, type SecondRow, type Seconds } from './timeline.ts';

/** The endpoint said that it wants no more: 429, or 503 with `Retry-After`. */
export interface FirstRefusal {
  /** When the event was to be sent, in milliseconds from the start. */
  readonly intendedMs: number;
  readonly status: number;
  readonly retryAfter: string | undefined;
}

/** What a recorder has to know beforehand. */
export interface RecorderOptions {
  /** On the clock of the generator. */
  readonly startedAt: number;
  readonly warmupMs: number;
  /** An event without an answer counts as having taken this long. */
  readonly timeoutMs: number;
}

type Counts = Readonly<Record<'sent' | 'unsent' | 'delivered' | 'failed' | 'dropped', number>>;
type Streaks = Readonly<Record<'timeouts' | 'unauthorized', number>>;
type Failed = Extract<Classification, { kind: 'failed' }>;

/** A histogram must hold a timeout, and the time that an event waited to be sent. */
const HEADROOM = 2;

/** Records what a generator does. Only events that were intended for the time after the warm-up are judged. */
export class Recorder implements GeneratorObserver {
  readonly #counts = { sent: 0, unsent: 0, delivered: 0, failed: 0, dropped: 0 };
  readonly #streaks = { timeouts: 0, unauthorized: 0 };
  /** Of the judged arrivals. `dropped`: called off at the end; they count neither as sent nor as offered. */
  readonly counts: Counts = this.#counts;
  /**
   * The most events in a row that ended so, warm-up included. They do not fall when another outcome follows:
   * stop rules look at them only twice a second.
   */
  readonly streaks: Streaks = this.#streaks;
  readonly response: LatencyHistogram;
  readonly service: LatencyHistogram;
  readonly lag: LatencyHistogram;
  /** The time in the queue; empty if there is none. */
  readonly queue: LatencyHistogram;
  readonly trace = new InFlightTrace();
  readonly rows: readonly SecondRow[];
  readonly #currentStreaks = { timeouts: 0, unauthorized: 0 };
  readonly #outcomes = new OutcomeCounts();
  readonly #seconds: Seconds;
  readonly #startedAt: number;
  readonly #timeoutMs: number;
  readonly #judgedFrom: number;
  #inFlight = 0;
  #declaredLimit: FirstRefusal | undefined;

  constructor({ startedAt, warmupMs, timeoutMs }: RecorderOptions) {
    const longest = HEADROOM * timeoutMs;
    this.response = createLatencyHistogram(longest);
    this.service = createLatencyHistogram(longest);
    this.lag = createLatencyHistogram(longest);
    this.queue = createLatencyHistogram(longest);
    this.#seconds = createSeconds(warmupMs, longest);
    this.rows = this.#seconds.rows;
    this.#startedAt = startedAt;
    this.#timeoutMs = timeoutMs;
    this.#judgedFrom = startedAt + warmupMs;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get declaredLimit(): FirstRefusal | undefined {
    return this.#declaredLimit;
  }

  /** The most frequent outcome first. */
  outcomes(): OutcomeCount[] {
    return this.#outcomes.list();
  }

  /** Closes the last row. */
  close(): void {
    this.#seconds.close();
  }

  sent(_event: StoredEvent, intended: number, at: number): void {
    this.#inFlight += 1;
    const row = this.#seconds.at(at - this.#startedAt);
    row.offered += 1;
    row.sent += 1;
    row.inFlight = this.#inFlight;
    row.lagMaxMs = Math.max(row.lagMaxMs, at - intended);
    if (intended < this.#judgedFrom) return;
    this.#counts.sent += 1;
    this.lag.record(at - intended);
  }

  finished(event: StoredEvent, { classification, tokenMs, queueMs }: LoadAttempt, times: Times): void {
    this.#inFlight -= 1;
    const atMs = times.finished - this.#startedAt;
    const serviceMs = times.finished - times.sent - tokenMs - (queueMs ?? 0);
    const tookMs = times.finished - times.intended - tokenMs;
    // Without an answer an event took at least as long as an answer may take.
    const responseMs = classification.status === 0 ? Math.max(tookMs, this.#timeoutMs) : tookMs;
    countInSecond(this.#seconds.at(atMs), classification, {
      responseMs,
      serviceMs,
      inFlight: this.#inFlight,
    });
    this.#noteStreaks(classification);
    if (declaresLimit(classification)) {
      const { status, retryAfter } = classification;
      this.#declaredLimit ??= { intendedMs: times.intended - this.#startedAt, status, retryAfter };
    }
    if (times.intended < this.#judgedFrom) return;
    this.#counts[classification.kind === 'delivered' ? 'delivered' : 'failed'] += 1;
    this.response.record(responseMs);
    this.service.record(serviceMs);
    if (queueMs !== undefined) this.queue.record(queueMs);
    this.#outcomes.count(classification, event, atMs, serviceMs);
  }

  dropped(intended: number): void {
    this.#inFlight -= 1;
    if (intended < this.#judgedFrom) return;
    this.#counts.sent -= 1;
    this.#counts.dropped += 1;
  }

  unsent(intended: number): void {
    const row = this.#seconds.at(Math.max(0, intended - this.#startedAt));
    row.offered += 1;
    row.unsent += 1;
    row.response.record(this.#timeoutMs);
    if (intended < this.#judgedFrom) return;
    this.#counts.unsent += 1;
    this.response.record(this.#timeoutMs);
  }

  turn(now: number, inFlight: number): void {
    const atMs = now - this.#startedAt;
    this.#seconds.at(atMs).inFlight = inFlight;
    this.trace.note(atMs, inFlight);
  }

  #noteStreaks(classification: Classification): void {
    const failure = classification.kind === 'failed' ? classification.failureClass : undefined;
    const [current, longest] = [this.#currentStreaks, this.#streaks];
    current.timeouts = failure === 'timeout' ? current.timeouts + 1 : 0;
    current.unauthorized = failure === 'unauthorized' ? current.unauthorized + 1 : 0;
    longest.timeouts = Math.max(longest.timeouts, current.timeouts);
    longest.unauthorized = Math.max(longest.unauthorized, current.unauthorized);
  }
}

function declaresLimit(classification: Classification): classification is Failed {
  if (classification.kind === 'delivered') return false;
  const { status, retryAfter } = classification;
  return status === 429 || (status === 503 && retryAfter !== undefined);
}

function countInSecond(
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
