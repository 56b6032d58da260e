import type { Stop, StopRule } from './drive.ts';
import type { FinishedRow } from './guards.ts';
import { findOverloadEarly } from './overload.ts';
import type { Recorder } from './recorder.ts';

/** So many in a row, and going on is pointless, or worse. */
const IN_A_ROW = 5;

/** The first reason of several. */
export function firstOf(...rules: readonly StopRule[]): StopRule {
  return (view) => {
    for (const rule of rules) {
      const stop = rule(view);
      if (stop !== undefined) return stop;
    }
    return undefined;
  };
}

/** Stops where requests run into the time-out one after another. */
export const onTimeouts: StopRule = ({ probe }) =>
  probe.recorder.streaks.timeouts >= IN_A_ROW
    ? guard(`${IN_A_ROW} requests in a row had no answer within the time-out`)
    : undefined;

/** Stops where the endpoint takes no credentials any more: accounts get locked by this. */
export const onUnauthorized: StopRule = ({ probe }) =>
  probe.recorder.streaks.unauthorized >= IN_A_ROW
    ? guard(`${IN_A_ROW} requests in a row were answered 401`)
    : undefined;

/** Stops where the endpoint says that it takes no more. */
export function onDeclaredLimit(kind: Stop['kind']): StopRule {
  return ({ probe }) => {
    const declared = probe.recorder.declaredLimit;
    if (declared === undefined) return undefined;
    return { kind, why: `the endpoint declared its limit with status ${declared.status}` };
  };
}

/** A limit is told by what the endpoint lets through: so long is looked at that. */
const MEASURED_MS = 3_000;

/** Stops a probe where the endpoint says that it takes no more, once it is known how much it does take. */
export const onLimitMeasured: StopRule = (view) => {
  const { recorder } = view.probe;
  const fromMs = Math.max(view.warmupMs, recorder.declaredLimit?.intendedMs ?? 0);
  return recorder.rows.length * 1_000 - fromMs < MEASURED_MS ? undefined : onDeclaredLimit('overload')(view);
};

/** Stops a probe where the endpoint does not keep up, from half of its time on. */
export const onOverload: StopRule = ({ probe, warmupMs, schedule }) => {
  const { rows, trace, counts } = probe.recorder;
  // Rows that are closed are whole seconds.
  const endMs = rows.length * 1_000;
  const third = endMs / 3;
  if (endMs <= warmupMs || endMs < (warmupMs + schedule.durationMs) / 2) return undefined;
  // The drain after the last arrival is none of it.
  if (endMs > schedule.durationMs) return undefined;
  const overload = findOverloadEarly({
    finished: counts.delivered + counts.failed,
    delivered: counts.delivered,
    inFlight: {
      middleThird: trace.mean(third, 2 * third),
      lastThird: trace.mean(2 * third, endMs),
    },
  });
  return overload === undefined ? undefined : { kind: 'overload', why: overload };
};

/** What finished in each second that is over, for a rule on failures. */
export function finishedRows({ rows }: Pick<Recorder, 'rows'>): FinishedRow[] {
  return rows.map(({ second, delivered, failed }) => ({
    atMs: (second + 1) * 1_000,
    finished: delivered + failed,
    failed,
  }));
}

function guard(why: string): Stop {
  return { kind: 'guard', why };
}
