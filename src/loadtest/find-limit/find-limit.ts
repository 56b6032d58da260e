import type { LoadOutcome, MadeProbe } from '../build-load-report.ts';
import { RESULT_EXIT, type ReportResult } from '../load-report.ts';
import {
  type Effects,
  type Probed,
  type ProbePlan,
  preflight,
  runProbe,
  type Stop,
  type StopRule,
  whyPreflightFailed,
} from '../probe.ts';
import { firstOf, onLimitMeasured, onOverload, onTimeouts, onUnauthorized } from '../stop-rules.ts';
import { advanceSearch, BASELINE_EVENTS, beginSearch, recheckRoom } from './search.ts';
import type { ProbeStep, SearchOptions, SearchState, Spent } from './search-state.ts';
import { atLeastVerdict, type Verdict } from './verdict.ts';

/** A search for the highest rate that meets the objectives. */
export interface FindPlan {
  readonly search: SearchOptions;
  readonly timeoutMs: number;
  /** Undefined: rate × timeout. */
  readonly maxInFlight: number | undefined;
  /** Ends a probe with too many failures. */
  readonly abort: StopRule;
  /** Called with each probe once it is judged. */
  onProbe(made: MadeProbe): void;
}

/** Between probes the search waits until the endpoint is as fast as at first, this long at most. */
const LONGEST_WAIT_MS = 30_000;
/** As fast as at first: p50 is within this factor of the first probe's … */
const BASELINE_FACTOR = 1.2;
/** … and this slack, by which a median of few requests differs without a reason. */
const BASELINE_SLACK_MS = 2;
/** Too few to be a load. */
const BASELINE_RATE = 20;

/** Makes the probes that the search asks for, one after another, until it has a verdict or is stopped. */
export async function findLimit(plan: FindPlan, effects: Effects): Promise<LoadOutcome> {
  const startedAt = effects.now();
  const spent = (): Spent => ({ ms: effects.now() - startedAt, requests: effects.budget.spent });
  const probes: MadeProbe[] = [];
  let state = beginSearch(plan.search);
  let baselineMs: number | undefined;
  while (state.step.kind === 'probe') {
    const { step } = state;
    const probed = await makeProbe(plan, step, effects, state.passed === undefined);
    const known = probed.observation.response.total > 0;
    if (step.purpose !== 'preflight' && known) baselineMs ??= probed.observation.response.percentileMs(50);
    const next = advanceSearch(state, probed.observation, spent());
    const made = judged(step.purpose, probed, next);
    probes.push(made);
    plan.onProbe(made);
    const ended = endedBy(probed.stopped, state, effects);
    if (ended !== undefined) return { probes, result: ended };
    state = next;
    if (baselineMs === undefined || state.step.kind === 'verdict') continue;
    const stopped = endedBy(await awaitBaseline(plan, baselineMs, effects), state, effects);
    if (stopped !== undefined) return { probes, result: stopped };
    state = recheckRoom(state, spent());
  }
  return { probes, result: toResult(state.step.verdict, probes) };
}

function judged(purpose: ProbeStep['purpose'], probed: Probed, { probes }: SearchState): MadeProbe {
  const record = probes.at(-1);
  const objectives = record?.judgement?.objectives ?? [];
  const verdict = record?.verdict ?? 'undecided';
  const whyFailed = purpose === 'preflight' ? whyPreflightFailed(probed) : undefined;
  if (whyFailed !== undefined) {
    return { purpose, probed, objectives, verdict: 'missed', reasons: [whyFailed] };
  }
  const { stopped } = probed;
  if (stopped?.kind === 'interrupted' || stopped?.kind === 'guard') {
    return { purpose, probed, objectives: [], verdict: 'undecided', reasons: [stopped.why] };
  }
  return { purpose, probed, objectives, verdict, reasons: verdict === 'met' ? [] : [record?.reason ?? ''] };
}

function makeProbe(plan: FindPlan, step: ProbeStep, effects: Effects, isFirst: boolean): Promise<Probed> {
  if (step.purpose === 'preflight') return preflight(sendingOf(plan), effects);
  const { ratePerSecond: rate, durationMs } = step;
  const probe: ProbePlan = {
    ...sendingOf(plan),
    label: step.purpose,
    stages: [{ durationMs, fromRate: rate, toRate: rate }],
    maxInFlight: plan.maxInFlight ?? defaultMaxInFlight(rate, plan.timeoutMs),
  };
  // Timeouts at a high rate are what the search looks for; at the first rate the endpoint has another problem.
  const timeouts: StopRule = isFirst ? onTimeouts : () => undefined;
  const rule = firstOf(onUnauthorized, timeouts, onLimitMeasured, onOverload, asOverload(plan.abort));
  return runProbe(probe, effects, rule);
}

/** What all probes of a search have in common. */
function sendingOf({ search, timeoutMs }: FindPlan) {
  const { arrivals, seed, warmupMs } = search;
  return { arrivals, seed, warmupMs, timeoutMs };
}

/** A reason to stop a whole run is only a miss of one probe. */
function asOverload(rule: StopRule): StopRule {
  return (view) => {
    const stop = rule(view);
    return stop === undefined ? undefined : { ...stop, kind: 'overload' };
  };
}

const MOST_IN_FLIGHT = 10_000;

/** As many as if every request ran into its timeout, within what sockets allow. */
export function defaultMaxInFlight(ratePerSecond: number, timeoutMs: number): number {
  return Math.min(MOST_IN_FLIGHT, Math.max(1, Math.ceil((ratePerSecond * timeoutMs) / 1_000)));
}

/** Waits until a few events take as long as they did in the first probe. @returns what ends the whole search */
async function awaitBaseline(
  plan: FindPlan,
  baselineMs: number,
  effects: Effects,
): Promise<Stop | undefined> {
  const deadline = effects.now() + LONGEST_WAIT_MS;
  const rate = Math.min(BASELINE_RATE, plan.search.startRate);
  const stages = [{ durationMs: (BASELINE_EVENTS / rate) * 1_000, fromRate: rate, toRate: rate }];
  const few: ProbePlan = {
    ...sendingOf(plan),
    label: 'settling',
    stages,
    arrivals: 'constant',
    warmupMs: 0,
    maxInFlight: BASELINE_EVENTS,
  };
  while (effects.now() < deadline) {
    const { observation, stopped } = await runProbe(few, effects, onUnauthorized);
    if (stopped !== undefined) return stopped;
    const medianMs = observation.response.percentileMs(50);
    if (medianMs <= BASELINE_FACTOR * baselineMs + BASELINE_SLACK_MS) return undefined;
  }
  return undefined;
}

/** The result of a search that was stopped, with the rate that had passed by then; undefined: it goes on. */
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
  // The probe that the generator failed at says why it could not go further.
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
