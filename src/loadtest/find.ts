import {
  driveProbe,
  type Effects,
  type Probed,
  type ProbePlan,
  preflight,
  type Stop,
  type StopRule,
} from './drive.ts';
import { advanceSearch, beginSearch, reconsider, SETTLE_EVENTS } from './find-limit.ts';
import type { ObjectiveJudgement } from './judge.ts';
import { type LoadOutcome, type MadeProbe, preflightFailure, RESULT_EXIT } from './outcome.ts';
import type { ReportResult } from './report.ts';
import type { ProbeStep, SearchOptions, SearchState, Spent, Verdict } from './search.ts';
import { firstOf, onLimitMeasured, onOverload, onTimeouts, onUnauthorized } from './stop-rules.ts';
import { atLeastVerdict } from './verdicts.ts';

/** A search for the highest rate that meets the objectives. */
export interface FindPlan {
  readonly search: SearchOptions;
  readonly timeoutMs: number;
  /** Undefined: rate × time-out. */
  readonly maxInFlight: number | undefined;
  /** Ends a probe whose failures are too many. */
  readonly abort: StopRule;
  /** Told of each probe when it is judged. */
  onProbe(made: MadeProbe): void;
}

/** Between probes an endpoint is left in peace until it is as fast as at first, or so long. */
const SETTLE_MS = 30_000;
const SETTLED = 1.2;
/** What a median of few requests may differ by without a reason. */
const SETTLED_SLACK_MS = 2;
/** A look at whether it has settled is no load. */
const SETTLE_RATE = 20;

/** Makes the probes that the search asks for, one after another, until it has a verdict or is stopped. */
export async function findLimit(plan: FindPlan, effects: Effects): Promise<LoadOutcome> {
  const startedAt = effects.now();
  const spent = (): Spent => ({ ms: effects.now() - startedAt, requests: effects.budget.spent });
  const made: MadeProbe[] = [];
  let state = beginSearch(plan.search);
  let baselineMs: number | undefined;
  while (state.step.kind === 'probe') {
    const { step } = state;
    const probed = await makeProbe(plan, step, effects, state.passed === undefined);
    const known = probed.observation.response.total > 0;
    if (step.purpose !== 'preflight' && known) baselineMs ??= probed.observation.response.percentileMs(50);
    const next = advanceSearch(state, probed.observation, spent());
    made.push(judged(step.purpose, probed, next));
    plan.onProbe(made.at(-1) as MadeProbe);
    const ended = endedBy(probed.stopped, state, effects);
    if (ended !== undefined) return { probes: made, result: ended };
    state = next;
    if (baselineMs === undefined || state.step.kind === 'verdict') continue;
    const stopped = endedBy(await settle(plan, baselineMs, effects), state, effects);
    if (stopped !== undefined) return { probes: made, result: stopped };
    state = reconsider(state, spent());
  }
  return { probes: made, result: toResult(state.step.verdict, made) };
}

function judged(purpose: ProbeStep['purpose'], probed: Probed, { probes }: SearchState): MadeProbe {
  const record = probes.at(-1);
  const objectives: readonly ObjectiveJudgement[] = record?.judgement?.objectives ?? [];
  const verdict = record?.verdict ?? 'undecided';
  if (purpose === 'preflight' && verdict !== 'met') {
    return { purpose, probed, objectives, ...preflightFailure(probed) };
  }
  const { stopped } = probed;
  if (stopped?.kind === 'interrupted' || stopped?.kind === 'guard') {
    return { purpose, probed, objectives: [], verdict: 'undecided', reasons: [stopped.why] };
  }
  return { purpose, probed, objectives, verdict, reasons: verdict === 'met' ? [] : [record?.reason ?? ''] };
}

function makeProbe(plan: FindPlan, step: ProbeStep, effects: Effects, isFirst: boolean): Promise<Probed> {
  if (step.purpose === 'preflight') return preflight(ways(plan), effects);
  const { ratePerSecond: rate, durationMs } = step;
  const probe: ProbePlan = {
    ...ways(plan),
    label: step.purpose,
    stages: [{ durationMs, fromRate: rate, toRate: rate }],
    maxInFlight: plan.maxInFlight ?? defaultMaxInFlight(rate, plan.timeoutMs),
  };
  // A time-out at a high rate is what is looked for; at the first one the endpoint has a trouble of its own.
  const timeouts: StopRule = isFirst ? onTimeouts : () => undefined;
  const rule = firstOf(onUnauthorized, timeouts, onLimitMeasured, onOverload, asOverload(plan.abort));
  return driveProbe(probe, effects, rule);
}

/** How whatever is sent is sent. */
function ways({ search, timeoutMs }: FindPlan) {
  const { arrivals, seed, warmupMs } = search;
  return { arrivals, seed, warmupMs, timeoutMs };
}

/** What would stop a run is only a miss of a probe. */
function asOverload(rule: StopRule): StopRule {
  return (view) => {
    const stop = rule(view);
    return stop === undefined ? undefined : { ...stop, kind: 'overload' };
  };
}

const MOST_IN_FLIGHT = 10_000;

/** As many as there would be if every request ran into its time-out; sockets are not without end. */
export function defaultMaxInFlight(ratePerSecond: number, timeoutMs: number): number {
  return Math.min(MOST_IN_FLIGHT, Math.max(1, Math.ceil((ratePerSecond * timeoutMs) / 1_000)));
}

/** Waits until a few events take as long as they did in the first probe. @returns what ends the whole search */
async function settle(plan: FindPlan, baselineMs: number, effects: Effects): Promise<Stop | undefined> {
  const deadline = effects.now() + SETTLE_MS;
  const rate = Math.min(SETTLE_RATE, plan.search.startRate);
  const stages = [{ durationMs: (SETTLE_EVENTS / rate) * 1_000, fromRate: rate, toRate: rate }];
  const evenly = { arrivals: 'constant', warmupMs: 0, maxInFlight: SETTLE_EVENTS } as const;
  const look: ProbePlan = { ...ways(plan), ...evenly, label: 'settling', stages };
  while (effects.now() < deadline) {
    const { observation, stopped } = await driveProbe(look, effects, onUnauthorized);
    if (stopped !== undefined) return stopped;
    if (observation.response.percentileMs(50) <= SETTLED * baselineMs + SETTLED_SLACK_MS) return undefined;
  }
  return undefined;
}

/** How a search ends that somebody or something stopped: with the rate that had passed by then; undefined: it goes on. */
function endedBy(
  stop: Stop | undefined,
  { passed }: SearchState,
  effects: Effects,
): ReportResult | undefined {
  if (stop === undefined || stop.kind === 'overload') return undefined;
  const limit = passed === undefined ? undefined : atLeastVerdict(passed, stop.kind, false);
  const found = limit === undefined ? {} : { limit };
  if (stop.kind === 'guard') {
    const sentence = `stopped: ${[stop.why, limit?.sentence].filter(Boolean).join('; ')}`;
    return { verdict: 'stopped', exitCode: RESULT_EXIT.stopped, sentence, reasons: [stop.why], ...found };
  }
  const until = 'the probes until then are in the report';
  const sentence = `interrupted: ${[limit?.sentence, until].filter(Boolean).join('; ')}`;
  return { verdict: 'interrupted', exitCode: effects.interruptedExitCode(), sentence, reasons: [], ...found };
}

function toResult(limit: Verdict, made: readonly MadeProbe[]): ReportResult {
  const verdict = verdictOf(limit);
  const reasons = verdict === 'met' ? [] : [limit.sentence];
  // What kept the generator from going further stands in the probe that it failed at.
  if (limit.kind === 'at-least' && limit.because === 'generator') {
    const failed = made.findLast((probe) => probe.verdict === 'inconclusive');
    reasons.push(...(failed?.reasons ?? []));
  }
  return { verdict, exitCode: RESULT_EXIT[verdict], sentence: limit.sentence, reasons, limit };
}

function verdictOf(limit: Verdict): keyof typeof RESULT_EXIT {
  switch (limit.kind) {
    case 'limit':
    case 'rate-limited':
      return 'met';
    case 'at-least':
      return limit.because === 'generator' || !limit.confirmed ? 'inconclusive' : 'met';
    case 'none':
      if (limit.because === 'preflight') return 'stopped';
      return limit.because === 'missed' || limit.because === 'unconfirmed' ? 'missed' : 'inconclusive';
  }
}
