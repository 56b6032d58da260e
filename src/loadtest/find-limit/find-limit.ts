import { RESULT_EXIT, type ReportResult } from '../load-report.ts';
import {
  type Effects,
  type LoadOutcome,
  type MadeProbe,
  type Probed,
  preflight,
  runProbe,
  type Stop,
} from '../probe.ts';
import { defaultMaxInFlight } from '../schedule.ts';
import { type AbortRule, onUnauthorized, probeRule } from '../stop-rules.ts';
import { advanceSearch, BASELINE_EVENTS, beginSearch, recheckRoom } from './search.ts';
import { recordProbe } from './search-probe.ts';
import type { ProbeRecord, ProbeStep, SearchOptions, Spent } from './search-state.ts';
import { atLeastVerdict, noneVerdict, type Verdict } from './verdict.ts';

/** A search for the highest rate that meets the objectives. */
export interface FindPlan {
  readonly search: SearchOptions;
  readonly timeoutMs: number;
  /** Undefined: rate × timeout. */
  readonly maxInFlight: number | undefined;
  /** Ends a probe with too many failures. */
  readonly abort: AbortRule;
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
  const { search, timeoutMs } = plan;
  const startedAt = effects.now();
  const spent = (): Spent => ({ ms: effects.now() - startedAt, requests: effects.budget.spent });
  const probes: MadeProbe[] = [];
  const add = (made: MadeProbe): void => {
    probes.push(made);
    effects.onProbe(made);
  };
  const first = await preflight({ seed: search.seed, timeoutMs }, effects);
  add(first);
  const early = endedBy(first.stopped, undefined, effects);
  if (early !== undefined) return { probes, result: early };
  if (first.verdict !== 'met') {
    return { probes, result: toResult(noneVerdict('preflight', howFailed(first)), probes) };
  }
  let baselineMs: number | undefined;
  let state = beginSearch(search, spent());
  while (state.step.kind === 'probe') {
    const { step, passed } = state;
    const probed = await makeProbe(plan, step, effects, passed === undefined);
    const { response } = probed.observation;
    if (response.total > 0) baselineMs ??= response.percentileMs(50);
    const record = recordProbe(step, probed.observation, search);
    add(judged(probed, record));
    const ended = endedBy(probed.stopped, passed, effects);
    if (ended !== undefined) return { probes, result: ended };
    state = advanceSearch(state, record, spent());
    if (baselineMs === undefined || state.step.kind !== 'probe') continue;
    const stopped = endedBy(await awaitBaseline(plan, baselineMs, effects), state.passed, effects);
    if (stopped !== undefined) return { probes, result: stopped };
    state = recheckRoom(state, spent());
  }
  return { probes, result: toResult(state.step, probes) };
}

function judged(probed: Probed, { purpose, verdict, objectives, reasons }: ProbeRecord): MadeProbe {
  const { stopped } = probed;
  if (stopped === undefined || stopped.kind === 'overload') {
    return { ...probed, purpose, verdict, objectives, reasons };
  }
  return { ...probed, purpose, verdict: 'undecided', objectives: [], reasons: [stopped.why] };
}

function howFailed({ observation: { byStatus, byFailureClass } }: Probed): string {
  const [status] = Object.keys(byStatus);
  const [failureClass] = Object.keys(byFailureClass);
  return status === undefined ? (failureClass ?? 'no answer') : `status ${status}`;
}

function makeProbe(plan: FindPlan, step: ProbeStep, effects: Effects, isFirst: boolean): Promise<Probed> {
  const { arrivals, seed, warmupMs } = plan.search;
  const { purpose: label, ratePerSecond: rate, durationMs } = step;
  const stages = [{ durationMs, fromRate: rate, toRate: rate }];
  const maxInFlight = plan.maxInFlight ?? defaultMaxInFlight(rate, plan.timeoutMs);
  const sent = { label, stages, arrivals, seed, warmupMs, maxInFlight, timeoutMs: plan.timeoutMs };
  return runProbe(sent, effects, probeRule(plan.abort, isFirst));
}

/** Waits until a few events take as long as they did in the first probe. @returns what ends the whole search */
async function awaitBaseline(
  { search, timeoutMs }: FindPlan,
  baselineMs: number,
  effects: Effects,
): Promise<Stop | undefined> {
  const deadline = effects.now() + LONGEST_WAIT_MS;
  const rate = Math.min(BASELINE_RATE, search.startRate);
  const stages = [{ durationMs: (BASELINE_EVENTS / rate) * 1_000, fromRate: rate, toRate: rate }];
  const plain = {
    label: 'settling',
    arrivals: 'constant',
    warmupMs: 0,
    maxInFlight: BASELINE_EVENTS,
  } as const;
  const few = { ...plain, stages, seed: search.seed, timeoutMs };
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
  passed: number | undefined,
  effects: Effects,
): ReportResult | undefined {
  if (stop === undefined || stop.kind === 'overload') return undefined;
  const limit = passed === undefined ? undefined : atLeastVerdict(passed, stop.kind, false);
  if (stop.kind === 'guard') {
    const sentence = `stopped: ${[stop.why, limit?.sentence].filter(Boolean).join('; ')}`;
    return { verdict: 'stopped', exitCode: RESULT_EXIT.stopped, sentence, reasons: [stop.why], limit };
  }
  const until = 'the probes until then are in the report';
  const sentence = `interrupted: ${[limit?.sentence, until].filter(Boolean).join('; ')}`;
  return {
    verdict: 'interrupted',
    exitCode: Number(effects.interrupted.reason),
    sentence,
    reasons: [],
    limit,
  };
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
