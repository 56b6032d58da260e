import type { FailureClass } from '../core/attempt-result.ts';
import { parseRetryAfter } from '../core/retry-after.ts';
import type { Attended } from './generator.ts';
import type { Recorder } from './recorder.ts';
import type { Schedule } from './schedule.ts';

/** The durations that judging needs: a histogram, or a sorted list in a test. */
export interface Distribution {
  /** How many values there are. */
  readonly total: number;
  /** How many took this many milliseconds or longer. */
  countAtOrAbove(ms: number): number;
  /** The value that `percentile` per cent (0 to 100) do not exceed, in milliseconds; 0: there is none. */
  percentileMs(percentile: number): number;
}

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
  readonly retryAfterMs?: number;
}

/** Requests in flight, each the mean over a third of the time that events were offered, the warm-up included. */
export interface InFlight {
  readonly middleThird: number;
  readonly lastThird: number;
}

/** What a run or a probe observed, without its warm-up. All of it is of arrivals within `durationMs`. */
export interface Observation {
  /** The rate of the plan, events per second: the highest if it varies. */
  readonly plannedRatePerSecond: number;
  /** For how long events were offered: as planned, or less if it was cut short. */
  readonly durationMs: number;
  /** Arrivals that were due: `sent + unsent`, and those that the generator failed to attend to. */
  readonly offered: number;
  /** Without those that were called off at an interruption. */
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
  readonly inFlight: InFlight;
  /** Absent: the endpoint declared none. */
  readonly declaredLimit?: DeclaredLimit;
  readonly generator: GeneratorHealth;
  /** Why it was ended before its time (a guard, an overload), as a sentence; absent: it ran to its end. */
  readonly cutShort?: string;
}

/** What an observation is made of, beside the recorder. */
export interface ObservedRun {
  readonly schedule: Schedule;
  readonly warmupMs: number;
  readonly plannedRatePerSecond: number;
  readonly attended: Attended;
  readonly eventLoopUtilisation: number;
  /** Milliseconds since the epoch. */
  wallNow(): number;
}

/** Sums up what a recorder has seen of a run or probe that is over. */
export function observe(recorder: Recorder, run: ObservedRun): Observation {
  const { schedule, warmupMs, plannedRatePerSecond, attended, eventLoopUtilisation } = run;
  const { sent, unsent, delivered } = recorder.counts;
  const endMs = attended.stoppedAtMs ?? schedule.durationMs;
  const offered = sent + unsent + attended.missed;
  // A backlog grows from the first event on: without the warm-up, its last third would be less than 1.5 times the middle.
  const third = (n: number): number => recorder.trace.mean(((n - 1) * endMs) / 3, (n * endMs) / 3);
  const declaredLimit = declaredBy(recorder, run);
  return {
    plannedRatePerSecond,
    durationMs: Math.max(0, endMs - warmupMs),
    offered,
    sent,
    unsent,
    delivered,
    ...countOutcomes(recorder),
    response: recorder.response,
    service: recorder.service,
    lag: recorder.lag,
    inFlight: { middleThird: third(2), lastThird: third(3) },
    ...(declaredLimit === undefined ? {} : { declaredLimit }),
    generator: {
      sentShare: offered === 0 ? 1 : Math.max(0, 1 - attended.behind / offered),
      lagP99Ms: recorder.lag.percentileMs(99),
      eventLoopUtilisation,
    },
  };
}

function countOutcomes(recorder: Recorder): Pick<Observation, 'byStatus' | 'byFailureClass'> {
  const byStatus: Record<string, number> = {};
  const byFailureClass: Partial<Record<FailureClass, number>> = {};
  for (const { outcome, status, count } of recorder.outcomes()) {
    if (status !== 0) byStatus[status] = (byStatus[status] ?? 0) + count;
    if (outcome === 'delivered') continue;
    const failureClass = outcome as FailureClass;
    byFailureClass[failureClass] = (byFailureClass[failureClass] ?? 0) + count;
  }
  return { byStatus, byFailureClass };
}

function declaredBy(
  { declaredLimit }: Recorder,
  { schedule, wallNow }: ObservedRun,
): DeclaredLimit | undefined {
  if (declaredLimit === undefined) return undefined;
  const { status, intendedMs, retryAfter } = declaredLimit;
  const retryAfterMs = retryAfter === undefined ? undefined : parseRetryAfter(retryAfter, wallNow());
  return {
    status,
    atRatePerSecond: schedule.rateAt(intendedMs),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}
