import type { FailureClass } from '../core/attempt-result.ts';
import type { StoredEvent } from '../core/event.ts';
import { parseRetryAfter } from '../core/retry-after.ts';
import { type Attended, type SendEvent, startGenerator } from './generator.ts';
import { watchLoop } from './loop-watch.ts';
import type { DeclaredLimit, Observation } from './observation.ts';
import { createRecorder, type Recorder } from './recorder.ts';
import type { Schedule } from './schedule.ts';
import type { SendBudget } from './send-budget.ts';

/** What one run, or one probe of a search, is made of. */
export interface ProbeOptions {
  /** The warm-up stands at its beginning. */
  readonly schedule: Schedule;
  readonly warmupMs: number;
  readonly plannedRatePerSecond: number;
  readonly maxInFlight: number;
  readonly timeoutMs: number;
  readonly send: SendEvent;
  nextEvent(): StoredEvent;
  readonly budget: SendBudget;
  /** Nothing may be sent any more, and the plan is not over. */
  onSpent(): void;
  /** Milliseconds of a monotonic clock. */
  now(): number;
  /** Milliseconds since the epoch. */
  wallNow(): number;
}

/** A run or probe under way. */
export interface RunningProbe {
  readonly startedAt: number;
  readonly recorder: Recorder;
  /** The share of the judged time in which the generator's event loop was busy, 0 to 1. */
  utilisation(): number;
  /** Resolves when nothing is in flight any more. */
  readonly done: Promise<Observation>;
  /** Sends nothing more; what is in flight is waited for. `why`: a sentence for the report. */
  stop(why: string): void;
}

/** Starts sending; what is seen is judged from the end of the warm-up on. */
export function startProbe(options: ProbeOptions): RunningProbe {
  const { schedule, warmupMs, timeoutMs, now } = options;
  const loop = watchLoop();
  let cutShort: string | undefined;
  let isWarm = false;
  let utilisation: number | undefined;
  const startedAt = now();
  const recorder = createRecorder({ startedAt, warmupMs, timeoutMs });
  const generator = startGenerator({
    ...options,
    arrivals: schedule,
    witness: {
      ...recorder,
      turn(at, inFlight) {
        recorder.turn(at, inFlight);
        const atMs = at - startedAt;
        if (!isWarm && atMs >= warmupMs) {
          isWarm = true;
          loop.restart();
        }
        // While the last answers come in, the generator idles.
        if (atMs >= schedule.durationMs) utilisation ??= loop.utilisation();
      },
    },
  });

  return {
    startedAt,
    recorder,
    utilisation: () => utilisation ?? loop.utilisation(),
    stop(why) {
      cutShort ??= why;
      utilisation ??= loop.utilisation();
      generator.stop();
    },
    done: generator.done.then((attended) => {
      recorder.close();
      const busy = utilisation ?? loop.utilisation();
      const observation = observe(options, recorder, attended, busy);
      if (attended.stoppedAtMs === undefined || cutShort === undefined) return observation;
      return { ...observation, cutShort };
    }),
  };
}

/** What a recorder has seen, as it is judged. */
function observe(
  options: ProbeOptions,
  recorder: Recorder,
  attended: Attended,
  eventLoopUtilisation: number,
): Observation {
  const { schedule, warmupMs, plannedRatePerSecond } = options;
  const { sent, unsent, delivered } = recorder.counts;
  const endMs = attended.stoppedAtMs ?? schedule.durationMs;
  const durationMs = Math.max(0, endMs - warmupMs);
  const offered = sent + unsent + attended.missed;
  // A backlog grows from the first event on: without the warm-up, its last third would be less than 1.5 times the middle.
  const third = (n: number): number => recorder.trace.mean(((n - 1) * endMs) / 3, (n * endMs) / 3);
  const declaredLimit = declaredBy(options, recorder);
  return {
    plannedRatePerSecond,
    durationMs,
    offered,
    sent,
    unsent,
    delivered,
    ...endings(recorder),
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

function endings(recorder: Recorder): Pick<Observation, 'byStatus' | 'byFailureClass'> {
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
  { schedule, wallNow }: ProbeOptions,
  { declaredLimit }: Recorder,
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
