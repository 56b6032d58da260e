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

/** What a probe is for. */
export type ProbePurpose = 'ramp' | 'bisect' | 'confirm';

/** Send at a constant rate for this long, and judge what is observed. */
export interface ProbeStep {
  readonly kind: 'probe';
  readonly purpose: ProbePurpose;
  readonly ratePerSecond: number;
  readonly durationMs: number;
}

/** A probe that was made, and how it was judged. */
export interface ProbeRecord extends ProbeStep, Judgement {
  /**
   * Whether the search goes on above its rate: the objectives are met, or they are undecided after the longest
   * probe and its sample lies within them. A confirmation passes only if they are met.
   */
  readonly passed: boolean;
  readonly observation: Observation;
}

/** What a search has cost since it began, waits included. */
export type Spent = Readonly<Record<'ms' | 'requests', number>>;

/** A search under way: plain data, advanced by `advanceSearch`. */
export interface SearchState {
  readonly options: SearchOptions;
  /** What to do now; a verdict ends the search. */
  readonly step: ProbeStep | Verdict;
  /** The probes so far, first to last. */
  readonly probes: readonly ProbeRecord[];
  /** The highest rate that passed a probe, below all that did not; undefined: none did. */
  readonly passed?: number | undefined;
  /** The lowest rate that did not pass; undefined: all did. */
  readonly missed?: number | undefined;
  /** The ramp's step: 2, and its square root after each time that the generator did not keep up. */
  readonly factor: number;
  readonly inconclusiveInARow: number;
  readonly lowerings: number;
  /** Why no higher rate is tried; undefined: only the endpoint limits the search. */
  readonly ceiling?: Ceiling | undefined;
  readonly spent: Spent;
}
