import type { Probed } from './drive.ts';
import type { ObjectiveJudgement } from './judge.ts';
import type { ReportProbe, ReportResult } from './report.ts';

/** A run or probe that was made, and what was made of it. */
export interface MadeProbe {
  readonly purpose: ReportProbe['purpose'];
  readonly probed: Probed;
  readonly verdict: ReportProbe['verdict'];
  readonly reasons: readonly string[];
  readonly objectives: readonly ObjectiveJudgement[];
}

/** All that was sent, and what came of it. */
export interface LoadOutcome {
  readonly probes: readonly MadeProbe[];
  readonly result: ReportResult;
}

/** Exit codes by verdict; stable, and documented in README.md. An interrupted one has its signal's. */
export const RESULT_EXIT = { met: 0, missed: 3, stopped: 4, undecided: 5, inconclusive: 5 } as const;

/** Whether the one event was delivered. */
export function wasPreflightMet({ observation }: Probed): boolean {
  return observation.delivered === 1;
}

/** Why it was not. */
export function preflightFailure(probed: Probed): Pick<MadeProbe, 'verdict' | 'reasons'> {
  const [ended] = probed.probe.recorder.outcomes();
  if (ended === undefined) return { verdict: 'missed', reasons: ['the first event had no outcome'] };
  const { outcome, status, examples } = ended;
  const how = status === 0 ? outcome : `${outcome}, status ${status}`;
  const said = examples[0]?.response.replace(/\s+/g, ' ').trim() ?? '';
  return { verdict: 'missed', reasons: [`the first event was not delivered (${how})${said && `: ${said}`}`] };
}
