import type { Judgement } from './judge.ts';
import type { Objective } from './objectives.ts';
import type { Observation } from './observation.ts';
import type { ArrivalOptions } from './schedule.ts';

/** What the search for a limit is to keep to. Rates are in events per second. */
export interface SearchOptions extends ArrivalOptions {
  readonly startRate: number;
  /** No probe goes beyond it. */
  readonly maxRate: number;
  /** How near the bounds come, as a share of the lower one: 0.1 is 10 %. */
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

/** Send at a constant rate for so long, and hand in what was observed. */
export interface ProbeStep {
  readonly kind: 'probe';
  readonly purpose: ProbePurpose;
  readonly ratePerSecond: number;
  readonly durationMs: number;
}

/** Why a search ended below what the endpoint may take. */
export type Ceiling = 'max-rate' | 'generator' | 'budget' | 'max-requests';

/** What ended a search before it came to a verdict of its own. */
export type EarlyEnd = 'guard' | 'interrupted';

/** Why a search found no rate at all. */
export type NoLimitReason = 'preflight' | 'missed' | 'undecided' | 'unconfirmed' | Ceiling;

/** What a search came to; `sentence` says it for people. Rates are in events per second. */
export type Verdict =
  /** The highest rate that met the objectives, confirmed. */
  | {
      readonly kind: 'limit';
      readonly ratePerSecond: number;
      /** The lowest rate that did not meet them. */
      readonly missedAt: number;
      readonly sentence: string;
    }
  /** A rate that met the objectives; why no higher one was tried. */
  | {
      readonly kind: 'at-least';
      readonly ratePerSecond: number;
      readonly because: Ceiling | EarlyEnd;
      /** Whether the rate was held for the time of a confirmation. */
      readonly confirmed: boolean;
      readonly sentence: string;
    }
  /** The endpoint said itself how much it takes. */
  | {
      readonly kind: 'rate-limited';
      readonly ratePerSecond: number;
      readonly status: number;
      readonly sentence: string;
    }
  | { readonly kind: 'none'; readonly because: NoLimitReason; readonly sentence: string };

/** What to do next in a search. */
export type Step = ProbeStep | { readonly kind: 'verdict'; readonly verdict: Verdict };

/** A probe that was made, and what was made of it. */
export interface ProbeRecord {
  readonly purpose: ProbePurpose;
  readonly ratePerSecond: number;
  readonly durationMs: number;
  /** Absent for the preflight. */
  readonly judgement?: Judgement;
  /** `declared`: the endpoint answered that it takes no more. */
  readonly verdict: 'met' | 'missed' | 'undecided' | 'inconclusive' | 'declared';
  /**
   * Whether the search goes on above its rate: the objectives are met, or the longest probe leaves them undecided
   * and what it saw lies within them. A confirmation passes only where they are met.
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
  /** What is to be done now. */
  readonly step: Step;
  /** The probes so far, first to last. */
  readonly probes: readonly ProbeRecord[];
  /** The highest rate that passed a probe, below all that did not; absent: none did. */
  readonly passed?: number;
  /** The lowest rate that did not pass; absent: all did. */
  readonly missed?: number;
  /** What the ramp multiplies the rate by: 2, and its root each time that the generator did not keep up. */
  readonly factor: number;
  readonly inconclusiveInARow: number;
  readonly lowerings: number;
  /** Why no higher rate is tried; absent: the search goes for the endpoint's own limit. */
  readonly ceiling?: Ceiling;
  /** What it has cost so far. */
  readonly spent: Spent;
}
