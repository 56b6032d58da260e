import type { Judgement } from '../judge.ts';
import type { Objective } from '../objectives.ts';
import type { Observation } from '../observation.ts';
import type { ArrivalOptions } from '../schedule.ts';
import type { Ceiling, Verdict } from './verdict.ts';

/** The bounds of a search for a limit. Rates are in events per second. */
export interface SearchOptions extends ArrivalOptions {
  readonly startRate: number;
  /** No probe goes beyond it. */
  readonly maxRate: number;
  /** How close the lowest miss must come to the highest pass, as a share of the pass: 0.1 is 10 %. */
  readonly precision: number;
  /** Sent before each probe at its rate, and not judged. */
  readonly warmupMs: number;
  readonly probeMs: number;
  readonly confirmMs: number;
  /** For the whole search, the waits between probes included. */
  readonly budgetMs: number;
  /** For the whole search, warm-ups and waits included. */
  readonly maxRequests: number;
  readonly objectives: readonly Objective[];
}

/** What a probe is for. `preflight`: one request, which must be delivered. */
export type ProbePurpose = 'preflight' | 'ramp' | 'bisect' | 'confirm';

/** Send at a constant rate for this long, and hand in the observation. */
export interface ProbeStep {
  readonly kind: 'probe';
  readonly purpose: ProbePurpose;
  readonly ratePerSecond: number;
  readonly durationMs: number;
}

/** What a search does next. */
export type Step = ProbeStep | { readonly kind: 'verdict'; readonly verdict: Verdict };

/** A probe that was made, and how it was judged. */
export interface ProbeRecord {
  readonly purpose: ProbePurpose;
  readonly ratePerSecond: number;
  readonly durationMs: number;
  /** Absent for the preflight. */
  readonly judgement?: Judgement;
  /** `declared`: the endpoint answered that it takes no more. */
  readonly verdict: 'met' | 'missed' | 'undecided' | 'inconclusive' | 'declared';
  /**
   * Whether the search goes on above its rate: the objectives are met, or they are undecided after the longest
   * probe and its sample lies within them. A confirmation passes only if they are met.
   */
  readonly passed: boolean;
  /** One sentence. */
  readonly reason: string;
  readonly observation: Observation;
}

/** What a search has cost since it began, waits included. */
export interface Spent {
  readonly ms: number;
  readonly requests: number;
}

/** A search under way: plain data, advanced by `advanceSearch`. */
export interface SearchState {
  readonly options: SearchOptions;
  /** What to do now. */
  readonly step: Step;
  /** The probes so far, first to last. */
  readonly probes: readonly ProbeRecord[];
  /** The highest rate that passed a probe, below all that did not; absent: none did. */
  readonly passed?: number;
  /** The lowest rate that did not pass; absent: all did. */
  readonly missed?: number;
  /** The ramp's step: 2, and its square root after each time that the generator did not keep up. */
  readonly factor: number;
  readonly inconclusiveInARow: number;
  readonly lowerings: number;
  /** Why no higher rate is tried; absent: only the endpoint limits the search. */
  readonly ceiling?: Ceiling;
  /** What it has cost so far. */
  readonly spent: Spent;
}
