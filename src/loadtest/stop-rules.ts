import { describeValue } from '../core/quote-text.ts';
import { findOverload } from './judge.ts';
import type { Stop, StopRule } from './probe.ts';
import { type Parsed, parseDurationMs, parseShare, showShare } from './quantities.ts';
import type { SecondRow } from './timeline.ts';

/** After this many failures in a row, going on is pointless, or worse. */
const IN_A_ROW = 5;

/** What ends a run. */
export function runRule(abort: AbortRule): StopRule {
  return firstOf(onUnauthorized, onDeclaredLimit('guard'), onTimeouts, onFailures(abort, 'guard'));
}

/** What ends a probe of a search. Too many failures end a whole run, but are only a miss of one probe. */
export function probeRule(abort: AbortRule, isFirst: boolean): StopRule {
  // Timeouts at a high rate are what the search looks for; at the first rate the endpoint has another problem.
  const timeouts = isFirst ? [onTimeouts] : [];
  return firstOf(onUnauthorized, ...timeouts, onLimitMeasured, onOverload, onFailures(abort, 'overload'));
}

/** Asks several rules, and takes the first reason to stop. */
function firstOf(...rules: readonly StopRule[]): StopRule {
  return (view) => {
    for (const rule of rules) {
      const stop = rule(view);
      if (stop !== undefined) return stop;
    }
    return undefined;
  };
}

/** Stops if requests run into the timeout one after another. */
export const onTimeouts = onStreak('timeout', 'had no answer within the time-out');

/** Stops if the endpoint refuses the credentials again and again: accounts get locked by this. */
export const onUnauthorized = onStreak('unauthorized', 'were answered 401');

function onStreak(streak: 'timeout' | 'unauthorized', what: string): StopRule {
  const stop: Stop = { kind: 'guard', why: `${IN_A_ROW} requests in a row ${what}` };
  return ({ recorder }) => (recorder.streaks[streak] >= IN_A_ROW ? stop : undefined);
}

/** Stops if the endpoint declares its limit. */
function onDeclaredLimit(kind: Stop['kind']): StopRule {
  return ({ recorder: { refusal } }) =>
    refusal && { kind, why: `the endpoint declared its limit with status ${refusal.status}` };
}

/** A declared limit is measured by what the endpoint lets through in this time. */
const MEASURED_MS = 3_000;

/** Stops a probe if the endpoint declares its limit, once it is known how much it lets through. */
export const onLimitMeasured: StopRule = (view) => {
  const { refusal, seconds } = view.recorder;
  const fromMs = Math.max(view.warmupMs, refusal?.intendedMs ?? 0);
  return seconds.rows.length * 1_000 - fromMs < MEASURED_MS ? undefined : onDeclaredLimit('overload')(view);
};

/** Too few events to judge a share of 3 %. */
const ENOUGH_FINISHED = 100;

/** Stops a probe if the endpoint does not keep up, from half of its time on. */
export const onOverload: StopRule = ({ recorder, warmupMs, schedule }) => {
  const { seconds, trace, counts } = recorder;
  // Only whole seconds have a row.
  const endMs = seconds.rows.length * 1_000;
  const third = endMs / 3;
  if (endMs <= warmupMs || endMs < (warmupMs + schedule.durationMs) / 2) return undefined;
  // After the last arrival no backlog can grow.
  if (endMs > schedule.durationMs) return undefined;
  const inFlight = {
    middleThird: trace.mean(third, 2 * third),
    lastThird: trace.mean(2 * third, endMs),
  };
  const finished = counts.delivered + counts.failed;
  const why = findOverload(inFlight, counts.delivered, finished, ENOUGH_FINISHED);
  return why === undefined ? undefined : { kind: 'overload', why };
};

/** Stop if more than a share (0 to 1) of the events that finished in the last `windowMs` failed. */
export interface AbortRule {
  /** As it was written, such as `failed>20% for 3s`. */
  readonly text: string;
  readonly share: number;
  readonly windowMs: number;
}

/** The rule of a load test without `--abort-on`. */
export const DEFAULT_ABORT_RULE: AbortRule = { text: 'failed>20% for 3s', share: 0.2, windowMs: 3_000 };

/** Fewer events say nothing about a share: at a low rate the window reaches further back. */
const LEAST_FINISHED = 10;

/** Reads a rule such as `failed>20% for 3s`. */
export function parseAbortRule(text: string): Parsed<AbortRule> {
  const [, percent = '', length = ''] = /^\s*failed\s*>\s*(\S+)\s+for\s+(\S+)\s*$/.exec(text) ?? [];
  const share = parseShare(percent);
  const windowMs = parseDurationMs(length);
  if (share !== undefined && windowMs !== undefined && windowMs > 0) {
    return { ok: true, value: { text: `failed>${percent} for ${length}`, share, windowMs } };
  }
  const problem = `${describeValue(text)} is no rule to stop at, such as "failed>20% for 3s"`;
  return { ok: false, problems: [problem] };
}

/** Stops if more events fail than the rule allows. */
function onFailures(rule: AbortRule, kind: Stop['kind']): StopRule {
  return ({ recorder }) => {
    const why = findFailing(rule, recorder.seconds.rows);
    return why === undefined ? undefined : { kind, why };
  };
}

/**
 * Why to stop now, as a sentence; undefined: there is no reason to. The window is the time of the rule, or
 * longer if fewer than ten events finished within it; before it is full there is no reason.
 *
 * @param rows each of a whole second, in ascending order
 */
export function findFailing(
  rule: AbortRule,
  rows: readonly Pick<SecondRow, 'delivered' | 'failed'>[],
): string | undefined {
  const windowSeconds = rule.windowMs / 1_000;
  if (rows.length < windowSeconds) return undefined;
  let [finished, failed] = [0, 0];
  for (const [age, row] of rows.toReversed().entries()) {
    if (age >= windowSeconds && finished >= LEAST_FINISHED) break;
    finished += row.delivered + row.failed;
    failed += row.failed;
  }
  if (finished < LEAST_FINISHED || failed <= rule.share * finished) return undefined;
  return `${failed} of the latest ${finished} events failed, more than ${showShare(rule.share)} (${rule.text})`;
}
