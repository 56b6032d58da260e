import type { Objective } from './objectives.ts';

/** What an objective came to; `undecided`: the sample is too small to say. */
export type ObjectiveVerdict = 'met' | 'missed' | 'undecided';

/** The share of events that went against an objective, with its exact bounds, each one-sided at 95 %. */
export interface ShareBounds {
  readonly against: number;
  readonly of: number;
  readonly lower: number;
  readonly upper: number;
}

/** One objective held against an observation. */
export interface ObjectiveJudgement {
  readonly objective: Objective;
  readonly verdict: ObjectiveVerdict;
  /** Absent for a rate. */
  readonly share?: ShareBounds;
  /** What was found, in a few words: `p99 212 ms`, `n/a (needs 299)`, `99.82 % delivered`, `196.2/s`. */
  readonly found: string;
}

/** What an observation came to. `inconclusive`: the generator did too badly for anything to be said. */
export interface Judgement {
  readonly verdict: ObjectiveVerdict | 'inconclusive';
  readonly objectives: readonly ObjectiveJudgement[];
  /** Why the verdict is not `met`, a sentence each; empty where it is. */
  readonly reasons: readonly string[];
}
