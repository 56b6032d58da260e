import { driveProbe, type Effects, type Probed, type ProbePlan, preflight, type StopRule } from './drive.ts';
import { judge } from './judge.ts';
import type { Objective } from './objectives.ts';
import {
  type LoadOutcome,
  type MadeProbe,
  preflightFailure,
  RESULT_EXIT,
  wasPreflightMet,
} from './outcome.ts';
import type { ReportResult } from './report.ts';
import { firstOf, onDeclaredLimit, onTimeouts, onUnauthorized } from './stop-rules.ts';

/** A fixed plan, and what it is held to. */
export interface RunPlan extends ProbePlan {
  readonly objectives: readonly Objective[];
  /** Stops a run that does more harm than good. */
  readonly abort: StopRule;
}

/** Sends one event, and if it is delivered all that the plan says; judges what came of it. */
export async function runLoad(plan: RunPlan, effects: Effects): Promise<LoadOutcome> {
  const first = await preflight(plan, effects);
  const alone: MadeProbe = {
    purpose: 'preflight',
    probed: first,
    objectives: [],
    ...(wasPreflightMet(first) ? { verdict: 'met', reasons: [] } : preflightFailure(first)),
  };
  if (effects.interrupted.aborted) return { probes: [alone], result: interrupted(effects, []) };
  if (alone.verdict !== 'met') {
    const sentence = `stopped before the run: ${alone.reasons.join('; ')}`;
    const result = { verdict: 'stopped', exitCode: RESULT_EXIT.stopped, sentence, reasons: alone.reasons };
    return { probes: [alone], result: result as ReportResult };
  }
  const rule = firstOf(onUnauthorized, onDeclaredLimit('guard'), onTimeouts, plan.abort);
  const probed = await driveProbe(plan, effects, rule);
  const { verdict, reasons, objectives } = judge(probed.observation, plan.objectives);
  const made: MadeProbe = { purpose: 'run', probed, objectives, verdict, reasons };
  return { probes: [alone, made], result: conclude(probed, made, effects) };
}

function conclude({ stopped }: Probed, { verdict, reasons }: MadeProbe, effects: Effects): ReportResult {
  if (stopped?.kind === 'interrupted') return interrupted(effects, reasons);
  if (stopped !== undefined) {
    const sentence = `stopped: ${stopped.why}`;
    return {
      verdict: 'stopped',
      exitCode: RESULT_EXIT.stopped,
      sentence,
      reasons: [stopped.why, ...reasons],
    };
  }
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

function interrupted(effects: Effects, reasons: readonly string[]): ReportResult {
  const sentence = 'interrupted: what was measured until then is in the report';
  return { verdict: 'interrupted', exitCode: effects.interruptedExitCode(), sentence, reasons };
}
