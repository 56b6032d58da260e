import type { FailureClass } from '../core/attempt-result.ts';
import type { LatencyHistogram } from './latency-histogram.ts';

/** The durations that judging needs: a histogram, or a sorted list in a test. */
export type Distribution = Pick<LatencyHistogram, 'total' | 'countAtOrAbove' | 'percentileMs'>;

/** How well the generator itself did: if it did badly, nothing is said about the endpoint. */
export interface GeneratorHealth {
  /** Arrivals that it attended to (sent, or unsent for `maxInFlight`) ÷ arrivals that were due, 0 to 1. */
  readonly sentShare: number;
  /** The 99th percentile of sent - intended, in milliseconds. */
  readonly lagP99Ms: number;
  /** Of the generator's event loop, 0 to 1. */
  readonly eventLoopUtilisation: number;
}

/** The endpoint said how much it takes: 429, or 503 with Retry-After. */
export interface DeclaredLimit {
  readonly status: number;
  /** The planned rate at which the first such answer came, events per second. */
  readonly atRatePerSecond: number;
  /** What the first such answer asked for. */
  readonly retryAfterMs?: number | undefined;
}

/** What a run or a probe observed, without its warm-up. All of it is of arrivals within `durationMs`. */
export interface Observation {
  /** The rate of the plan, events per second: the highest if it varies. */
  readonly plannedRatePerSecond: number;
  /** For how long events were offered: as planned, or less if it was cut short. */
  readonly durationMs: number;
  /** Arrivals that were due: `sent + unsent`, and arrivals that the generator did not attend to. */
  readonly offered: number;
  /** Without events that were called off at an interruption. */
  readonly sent: number;
  /** Not sent, since too many were in flight: each is a miss. */
  readonly unsent: number;
  /** Answered by a 2xx, also after the end of `durationMs`. */
  readonly delivered: number;
  /** How many final answers had each status; events without an answer are in `byFailureClass` alone. */
  readonly byStatus: Readonly<Record<string, number>>;
  readonly byFailureClass: Readonly<Partial<Record<FailureClass, number>>>;
  /**
   * Finished - intended, of every event offered; timeouts, resets and unsent events count as the client's
   * timeout at least.
   */
  readonly response: Distribution;
  /** Finished - sent, of every event sent. */
  readonly service: Distribution;
  /** Sent - intended, of every event sent. */
  readonly lag: Distribution;
  /** Requests, each the mean over a third of the time that events were offered, the warm-up included. */
  readonly inFlight: { readonly middleThird: number; readonly lastThird: number };
  /** Absent: the endpoint declared none. */
  readonly declaredLimit?: DeclaredLimit | undefined;
  readonly generator: GeneratorHealth;
  /** Why it was ended before its time (a guard, an overload), as a sentence; absent: it ran to its end. */
  readonly cutShort?: string | undefined;
}
