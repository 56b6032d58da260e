import { driveProbe, type Effects, type Probed, type ProbePlan, preflight, type StopRule } from './drive.ts';
import { advanceSearch, beginSearch } from './find-limit.ts';
import type { ObjectiveJudgement } from './judge.ts';
import { type LoadOutcome, type MadeProbe, preflightFailure, RESULT_EXIT } from './outcome.ts';
import type { ReportResult } from './report.ts';
import type { ProbeStep, SearchOptions, SearchState, Verdict } from './search.ts';
import { firstOf, onLimitMeasured, onOverload, onTimeouts, onUnauthorized } from './stop-rules.ts';

/** A search for the highest rate that meets the objectives. */
export interface FindPlan extends Omit<ProbePlan, 'stages' | 'label' | 'maxInFlight'> {
  readonly search: SearchOptions;
  /** Undefined: rate × time-out. */
  readonly maxInFlight: number | undefined;
  /** Ends the search. */
  readonly guard: StopRule;
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
const SETTLE_EVENTS = 5;
/** A look at whether it has settled is no load. */
const SETTLE_RATE = 20;

/** Makes the probes that the search asks for, one after another, until it has a verdict. */
export async function findLimit(plan: FindPlan, effects: Effects): Promise<LoadOutcome> {
  const startedAt = effects.now();
  const made: MadeProbe[] = [];
  let state = beginSearch(plan.search);
  let baselineMs: number | undefined;
  while (state.step.kind === 'probe') {
    if (baselineMs !== undefined) await settle(plan, baselineMs, effects);
    const probed = await makeProbe(plan, state.step, effects, state.passed === undefined);
    const known = probed.observation.response.total > 0;
    if (state.step.purpose !== 'preflight' && known) {
      baselineMs ??= probed.observation.response.percentileMs(50);
    }
    const { purpose } = state.step;
    state = advanceSearch(state, probed.observation, effects.now() - startedAt);
    made.push(judged(purpose, probed, state));
    plan.onProbe(made.at(-1) as MadeProbe);
    if (probed.stopped?.kind === 'interrupted') return { probes: made, result: interrupted(effects) };
    if (probed.stopped?.kind === 'guard') return { probes: made, result: guarded(probed.stopped.why) };
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
  if (step.purpose === 'preflight') return preflight(plan, effects);
  const { ratePerSecond: rate, durationMs } = step;
  const probe: ProbePlan = {
    ...plan,
    label: step.purpose,
    stages: [{ durationMs, fromRate: rate, toRate: rate }],
    maxInFlight: plan.maxInFlight ?? defaultMaxInFlight(rate, plan.timeoutMs),
  };
  // A time-out at a high rate is what is looked for; at the first one the endpoint has a trouble of its own.
  const timeouts: StopRule = isFirst ? onTimeouts : () => undefined;
  const rule = firstOf(
    plan.guard,
    onUnauthorized,
    timeouts,
    onLimitMeasured,
    onOverload,
    asOverload(plan.abort),
  );
  return driveProbe(probe, effects, rule);
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

/** Waits until a few events take as long as they did in the first probe. */
async function settle(plan: FindPlan, baselineMs: number, effects: Effects): Promise<void> {
  const deadline = effects.now() + SETTLE_MS;
  const rate = Math.min(SETTLE_RATE, plan.search.startRate);
  const stages = [{ durationMs: (SETTLE_EVENTS / rate) * 1_000, fromRate: rate, toRate: rate }];
  const look = { ...plan, label: 'settling', stages, warmupMs: 0, maxInFlight: SETTLE_EVENTS };
  while (effects.now() < deadline && !effects.interrupted.aborted) {
    const { observation } = await driveProbe(look, effects, () => undefined);
    if (observation.response.percentileMs(50) <= SETTLED * baselineMs + SETTLED_SLACK_MS) return;
  }
}

function interrupted(effects: Effects): ReportResult {
  const sentence = 'interrupted: the probes until then are in the report';
  return { verdict: 'interrupted', exitCode: effects.interruptedExitCode(), sentence, reasons: [] };
}

function guarded(why: string): ReportResult {
  return { verdict: 'stopped', exitCode: RESULT_EXIT.stopped, sentence: `stopped: ${why}`, reasons: [why] };
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
