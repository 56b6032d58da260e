import { judge } from './judge.ts';
import { RESULT_EXIT, type ReportResult } from './load-report.ts';
import type { Objective } from './objectives.ts';
import {
  type Effects,
  type LoadOutcome,
  type MadeProbe,
  type ProbePlan,
  preflight,
  runProbe,
} from './probe.ts';
import { type AbortRule, runRule } from './stop-rules.ts';

/** A fixed plan, and the objectives that it is judged by. */
export interface RunPlan extends ProbePlan {
  readonly objectives: readonly Objective[];
  /** Stops a run with too many failures. */
  readonly abort: AbortRule;
}

/** Sends one event and, if it is delivered, all that the plan says; judges the run. */
export async function runLoad(plan: RunPlan, effects: Effects): Promise<LoadOutcome> {
  const first = await preflight(plan, effects);
  const [why] = first.reasons;
  if (effects.interrupted.aborted) return { probes: [first], result: interrupted(effects, []) };
  if (why !== undefined) {
    return { probes: [first], result: stoppedResult('stopped before the run: ', why, []) };
  }
  const probed = await runProbe(plan, effects, runRule(plan.abort));
  const made: MadeProbe = { ...probed, purpose: 'run', ...judge(probed.observation, plan.objectives) };
  return { probes: [first, made], result: conclude(made, effects) };
}

function conclude({ stopped, verdict, reasons }: MadeProbe, effects: Effects): ReportResult {
  if (stopped?.kind === 'interrupted') return interrupted(effects, reasons);
  if (stopped !== undefined) return stoppedResult('stopped: ', stopped.why, reasons);
  // A run declares no limit without being stopped for it.
  const judged = verdict === 'declared' ? 'missed' : verdict;
  return { verdict: judged, exitCode: RESULT_EXIT[judged], sentence: SENTENCES[judged], reasons };
}

const SENTENCES = {
  met: 'all objectives are met',
  missed: 'an objective is missed',
  undecided: 'undecided: the sample is too small to say whether the objectives are met',
  inconclusive: 'inconclusive: this generator did not keep to the plan, so nothing is said of the endpoint',
} as const;

function stoppedResult(prefix: string, why: string, reasons: readonly string[]): ReportResult {
  const sentence = `${prefix}${why}`;
  return { verdict: 'stopped', exitCode: RESULT_EXIT.stopped, sentence, reasons: [why, ...reasons] };
}

function interrupted(effects: Effects, reasons: readonly string[]): ReportResult {
  const sentence = 'interrupted: what was measured until then is in the report';
  return { verdict: 'interrupted', exitCode: Number(effects.interrupted.reason), sentence, reasons };
}
