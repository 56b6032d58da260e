import { LatencyHistogram } from './latency-histogram.ts';

type Counted = 'offered' | 'sent' | 'unsent' | 'delivered' | 'failed' | 'inFlight' | 'lagMaxMs';

/**
 * What happened within one second. Events count in the second of their sending, and in that of their end;
 * `inFlight` is of the end of the second.
 */
export interface SecondRow extends Readonly<Record<Counted, number>> {
  /** From the start, counted from 0. */
  readonly second: number;
  readonly warmup: boolean;
  readonly response: SecondPercentiles;
  readonly service: SecondPercentiles;
  /** Events that were not delivered, by status, or by class if there was none. */
  readonly failures: Readonly<Record<string, number>>;
}

/** In milliseconds; null: nothing ended within that second. */
type SecondPercentiles = Readonly<Record<'p50' | 'p95' | 'p99' | 'max', number | null>>;

/** The second that is being counted. */
export interface OpenSecond extends Record<Counted, number> {
  readonly failures: Record<string, number>;
  readonly response: LatencyHistogram;
  readonly service: LatencyHistogram;
}

/** The rows of a run, of which the last is open. */
export class Seconds {
  readonly #rows: SecondRow[] = [];
  /** The closed ones. */
  readonly rows: readonly SecondRow[] = this.#rows;
  readonly #warmupMs: number;
  #open: OpenSecond;
  #isOpen = false;

  /** The first `warmupMs` milliseconds are warm-up. */
  constructor(warmupMs: number, longestMs: number) {
    this.#warmupMs = warmupMs;
    this.#open = openSecond(0, new LatencyHistogram(longestMs), new LatencyHistogram(longestMs));
  }

  /** The second of this moment; earlier ones are closed. Moments do not go back. */
  at(atMs: number): OpenSecond {
    this.#isOpen = true;
    while ((this.#rows.length + 1) * 1_000 <= atMs) this.#closeOpen();
    return this.#open;
  }

  /** Closes the last row. */
  close(): void {
    if (this.#isOpen) this.#closeOpen();
    this.#isOpen = false;
  }

  #closeOpen(): void {
    const second = this.#rows.length;
    const { response, service, lagMaxMs, ...counts } = this.#open;
    this.#rows.push({
      second,
      warmup: second * 1_000 < this.#warmupMs,
      ...counts,
      lagMaxMs: roundToMicroseconds(lagMaxMs),
      response: percentilesOf(response),
      service: percentilesOf(service),
    });
    response.reset();
    service.reset();
    this.#open = openSecond(counts.inFlight, response, service);
  }
}

function openSecond(inFlight: number, response: LatencyHistogram, service: LatencyHistogram): OpenSecond {
  const zeros = { offered: 0, sent: 0, unsent: 0, delivered: 0, failed: 0, lagMaxMs: 0 };
  return { ...zeros, inFlight, failures: {}, response, service };
}

function percentilesOf(histogram: LatencyHistogram): SecondPercentiles {
  if (histogram.total === 0) return { p50: null, p95: null, p99: null, max: null };
  const of = (p: number): number => roundToMicroseconds(histogram.percentileMs(p));
  return { p50: of(50), p95: of(95), p99: of(99), max: roundToMicroseconds(histogram.maxMs) };
}

/** Milliseconds to three digits behind the point: durations are measured in microseconds. */
export function roundToMicroseconds(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}

const BUCKET_MS = 100;

/** How many events were in flight over time, with a resolution of a tenth of a second. */
export class InFlightTrace {
  readonly #buckets: { sum: number; count: number }[] = [];

  /** Moments do not go back. */
  note(atMs: number, inFlight: number): void {
    const at = Math.max(0, Math.floor(atMs / BUCKET_MS));
    const { sum, count } = this.#buckets[at] ?? { sum: 0, count: 0 };
    this.#buckets[at] = { sum: sum + inFlight, count: count + 1 };
  }

  /** The mean between two moments; 0: nothing was noted. */
  mean(fromMs: number, toMs: number): number {
    // Each tenth of a second weighs the same, however many turns of the loop it had; some have none.
    const noted = this.#buckets
      .slice(Math.floor(fromMs / BUCKET_MS), Math.ceil(toMs / BUCKET_MS))
      .filter(Boolean);
    return noted.reduce((total, { sum, count }) => total + sum / count / noted.length, 0);
  }
}
