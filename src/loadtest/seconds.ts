import { createLatencyHistogram, type LatencyHistogram } from './latency-histogram.ts';

/** What happened within one second. Events stand where they were sent or let go, and again where they ended. */
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
  /** Events that ended otherwise than delivered, by class and status. */
  readonly failures: Readonly<Record<string, number>>;
}

/** In milliseconds; null: nothing ended within that second. */
export interface SecondPercentiles {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly max: number | null;
}

/** What is counted in the second that runs. */
export interface OpenSecond {
  offered: number;
  sent: number;
  unsent: number;
  delivered: number;
  failed: number;
  inFlight: number;
  lagMaxMs: number;
  readonly failures: Record<string, number>;
  readonly response: LatencyHistogram;
  readonly service: LatencyHistogram;
}

/** The rows of a run, of which the last is open. */
export interface Seconds {
  readonly rows: readonly SecondRow[];
  /** The second that this moment lies in; those before it are closed. Moments do not go back. */
  at(atMs: number): OpenSecond;
  /** Closes the last one. */
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
      lagMaxMs: toThreeDigits(lagMaxMs),
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
  const of = (p: number): number => toThreeDigits(histogram.percentileMs(p));
  return { p50: of(50), p95: of(95), p99: of(99), max: toThreeDigits(histogram.maxMs) };
}

/** Microseconds are as fine as it is measured. */
function toThreeDigits(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
