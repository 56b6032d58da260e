import type { StoredEvent } from '../core/event.ts';
import type { Classification } from '../core/outcome.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import { OutcomeCounts } from './outcome-counts.ts';
import { InFlightTrace, type OpenSecond, Seconds } from './timeline.ts';

/** What became of one event that was sent, over all of its requests. */
export interface LoadAttempt {
  readonly classification: Classification;
  /** The part of the time that went on waiting for a token: it is measured apart. */
  readonly tokenMs: number;
  /** The time in the queue; absent: there is none. */
  readonly queueMs?: number;
}

/** What a recorder has to know beforehand. */
export interface RecorderOptions {
  /** On the clock of the generator. */
  readonly startedAt: number;
  readonly warmupMs: number;
  /** Of the plan, its warm-up included. */
  readonly durationMs: number;
  /** An event without an answer counts as having taken this long. */
  readonly timeoutMs: number;
}

/** A histogram must hold a timeout, and the time that an event waited to be sent. */
const HEADROOM = 2;
const STREAKS = ['timeout', 'unauthorized'] as const;

/** Records what a generator does. Only events that were intended for the time after the warm-up are judged. */
export class Recorder {
  readonly startedAt: number;
  /** Of the judged arrivals. `dropped`: called off at the end; they count neither as sent nor as offered. */
  readonly counts = { sent: 0, unsent: 0, delivered: 0, failed: 0, dropped: 0 };
  /**
   * The most events in a row that ended so, warm-up included. They do not fall when another outcome follows:
   * stop rules look at them only twice a second.
   */
  readonly streaks = { timeout: 0, unauthorized: 0 };
  readonly response: LatencyHistogram;
  readonly service: LatencyHistogram;
  readonly lag: LatencyHistogram;
  /** The time in the queue; empty if there is none. */
  readonly queue: LatencyHistogram;
  readonly outcomes = new OutcomeCounts();
  readonly trace = new InFlightTrace();
  readonly seconds: Seconds;
  inFlight = 0;
  /** The endpoint's first answer that it wants no more: 429, or 503 with `Retry-After`. */
  refusal:
    | { readonly intendedMs: number; readonly status: number; readonly retryAfter?: string | undefined }
    | undefined;
  readonly #options: RecorderOptions;
  readonly #currentStreaks = { timeout: 0, unauthorized: 0 };
  #isWarm = false;
  #loopSince = performance.eventLoopUtilization();
  #utilisation: number | undefined;

  constructor(options: RecorderOptions) {
    const { startedAt, warmupMs, timeoutMs } = options;
    const longest = HEADROOM * timeoutMs;
    this.response = new LatencyHistogram(longest);
    this.service = new LatencyHistogram(longest);
    this.lag = new LatencyHistogram(longest);
    this.queue = new LatencyHistogram(longest);
    this.seconds = new Seconds(warmupMs, longest);
    this.startedAt = startedAt;
    this.#options = options;
  }

  sent(intended: number, at: number): void {
    this.inFlight += 1;
    const row = this.seconds.at(at - this.startedAt);
    row.offered += 1;
    row.sent += 1;
    row.inFlight = this.inFlight;
    row.lagMaxMs = Math.max(row.lagMaxMs, at - intended);
    if (!this.#isJudged(intended)) return;
    this.counts.sent += 1;
    this.lag.record(at - intended);
  }

  /** `times`: of the event, in milliseconds of the generator's clock. */
  finished(
    event: StoredEvent,
    { classification, tokenMs, queueMs }: LoadAttempt,
    times: { readonly intended: number; readonly sent: number; readonly finished: number },
  ): void {
    this.inFlight -= 1;
    const atMs = times.finished - this.startedAt;
    const serviceMs = times.finished - times.sent - tokenMs - (queueMs ?? 0);
    const tookMs = times.finished - times.intended - tokenMs;
    // Without an answer an event took at least as long as an answer may take.
    const responseMs =
      endpointStatus(classification) === 0 ? Math.max(tookMs, this.#options.timeoutMs) : tookMs;
    const row = this.seconds.at(atMs);
    row.response.record(responseMs);
    row.service.record(serviceMs);
    row.inFlight = this.inFlight;
    countOutcome(row, classification);
    this.#noteFailure(classification, times.intended - this.startedAt);
    if (!this.#isJudged(times.intended)) return;
    this.counts[classification.kind] += 1;
    this.response.record(responseMs);
    this.service.record(serviceMs);
    if (queueMs !== undefined) this.queue.record(queueMs);
    this.outcomes.count(classification, event, atMs, serviceMs);
  }

  /** Called off: neither sent nor unsent. */
  dropped(intended: number): void {
    this.inFlight -= 1;
    if (!this.#isJudged(intended)) return;
    this.counts.sent -= 1;
    this.counts.dropped += 1;
  }

  /** Not sent, since too many requests were in flight. */
  unsent(intended: number): void {
    const { timeoutMs } = this.#options;
    const row = this.seconds.at(Math.max(0, intended - this.startedAt));
    row.offered += 1;
    row.unsent += 1;
    row.response.record(timeoutMs);
    if (!this.#isJudged(intended)) return;
    this.counts.unsent += 1;
    this.response.record(timeoutMs);
  }

  /** Once a turn of the generator's loop, about each millisecond. */
  turn(now: number): void {
    const atMs = now - this.startedAt;
    this.seconds.at(atMs).inFlight = this.inFlight;
    this.trace.note(atMs, this.inFlight);
    if (!this.#isWarm && atMs >= this.#options.warmupMs) {
      this.#isWarm = true;
      this.#loopSince = performance.eventLoopUtilization();
    }
    if (atMs >= this.#options.durationMs) this.endPlan();
  }

  /** Ends the watch on the event loop: the generator idles while the last answers come in. */
  endPlan(): void {
    this.#utilisation = this.utilisation();
  }

  /** How busy this process's event loop was from the end of the warm-up to the end of the plan, 0 to 1. */
  utilisation(): number {
    return this.#utilisation ?? performance.eventLoopUtilization(this.#loopSince).utilization;
  }

  #isJudged(intended: number): boolean {
    return intended >= this.startedAt + this.#options.warmupMs;
  }

  #noteFailure(classification: Classification, intendedMs: number): void {
    const isFailed = classification.kind === 'failed';
    for (const streak of STREAKS) {
      const isOne = isFailed && classification.failureClass === streak;
      this.#currentStreaks[streak] = isOne ? this.#currentStreaks[streak] + 1 : 0;
      this.streaks[streak] = Math.max(this.streaks[streak], this.#currentStreaks[streak]);
    }
    if (!isFailed) return;
    const { retryAfter } = classification;
    const status = endpointStatus(classification);
    const isDeclared = status === 429 || (status === 503 && retryAfter !== undefined);
    if (isDeclared) this.refusal ??= { intendedMs, status, retryAfter };
  }
}

function countOutcome(row: OpenSecond, classification: Classification): void {
  row[classification.kind] += 1;
  if (classification.kind === 'delivered') return;
  const status = endpointStatus(classification);
  const key = status === 0 ? classification.failureClass : String(status);
  row.failures[key] = (row.failures[key] ?? 0) + 1;
}

/** The status of the endpoint's answer; 0: there was none. One of class `proxy` is our proxy's. */
function endpointStatus(classification: Classification): number {
  const isProxy = classification.kind === 'failed' && classification.failureClass === 'proxy';
  return isProxy ? 0 : classification.status;
}
