import { createLatencyHistogram, type LatencyHistogram } from './latency-histogram.ts';

/** What happened within one second. Events count in the second of their sending, and in that of their end. */
export interface SecondRow {
  /** From the start, counted from 0. */
  readonly second: number;
  readonly warmup: boolean;
  readonly offered: number;
  readonly sent: number;
  readonly unsent: number;
  readonly delivered: number;
  readonly failed: number;
  /** At the end of the second. */
  readonly inFlight: number;
  readonly response: SecondPercentiles;
  readonly service: SecondPercentiles;
  readonly lagMaxMs: number;
  /** Events that were not delivered, by status, or by class if there was none. */
  readonly failures: Readonly<Record<string, number>>;
}

/** In milliseconds; null: nothing ended within that second. */
export interface SecondPercentiles {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly max: number | null;
}

type Counted = 'offered' | 'sent' | 'unsent' | 'delivered' | 'failed' | 'inFlight' | 'lagMaxMs';

/** The second that is being counted. */
export interface OpenSecond extends Record<Counted, number> {
  readonly failures: Record<string, number>;
  readonly response: LatencyHistogram;
  readonly service: LatencyHistogram;
}

/** The rows of a run; the last one is open. */
export interface Seconds {
  readonly rows: readonly SecondRow[];
  /** The second of this moment; earlier ones are closed. Moments do not go back. */
  at(atMs: number): OpenSecond;
  /** Closes the last row. */
  close(): void;
}

/** Makes the rows of a run whose first `warmupMs` milliseconds are warm-up. */
export function createSeconds(warmupMs: number, longestMs: number): Seconds {
  const rows: SecondRow[] = [];
  const histograms = {
    response: createLatencyHistogram(longestMs),
    service: createLatencyHistogram(longestMs),
  };
  let number = 0;
  let open = begin(0);
  let isOpen = false;

  function begin(inFlight: number): OpenSecond {
    histograms.response.reset();
    histograms.service.reset();
    const zeros = { offered: 0, sent: 0, unsent: 0, delivered: 0, failed: 0, lagMaxMs: 0 };
    return { ...zeros, inFlight, failures: {}, ...histograms };
  }

  function close(): void {
    const { response, service, lagMaxMs, ...counts } = open;
    rows.push({
      second: number,
      warmup: number * 1_000 < warmupMs,
      ...counts,
      lagMaxMs: roundToMicroseconds(lagMaxMs),
      response: percentilesOf(response),
      service: percentilesOf(service),
    });
    number += 1;
    open = begin(open.inFlight);
  }

  return {
    rows,
    at(atMs) {
      isOpen = true;
      while ((number + 1) * 1_000 <= atMs) close();
      return open;
    },
    close() {
      if (isOpen) close();
      isOpen = false;
    },
  };
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
  readonly #sums: number[] = [];
  readonly #counts: number[] = [];

  /** Moments do not go back. */
  note(atMs: number, inFlight: number): void {
    const bucket = Math.max(0, Math.floor(atMs / BUCKET_MS));
    this.#sums[bucket] = (this.#sums[bucket] ?? 0) + inFlight;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
  }

  /** The mean between two moments; 0: nothing was noted. */
  mean(fromMs: number, toMs: number): number {
    let [sum, buckets] = [0, 0];
    const last = Math.ceil(toMs / BUCKET_MS);
    for (let bucket = Math.floor(fromMs / BUCKET_MS); bucket < last; bucket += 1) {
      const noted = this.#counts[bucket] ?? 0;
      // Each tenth of a second weighs the same, however many turns of the loop it had.
      if (noted === 0) continue;
      sum += (this.#sums[bucket] ?? 0) / noted;
      buckets += 1;
    }
    return buckets === 0 ? 0 : sum / buckets;
  }
}
