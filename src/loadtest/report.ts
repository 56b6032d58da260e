import type { FailureClass } from '../core/attempt-result.ts';
import type { ObjectiveJudgement } from './judge.ts';
import type { DeclaredLimit, GeneratorHealth, InFlight } from './observation.ts';
import type { OutcomeCount } from './outcomes.ts';
import type { Recommendations } from './recommend.ts';
import type { Stage } from './schedule.ts';
import type { ProbePurpose, SearchOptions, Verdict } from './search.ts';
import type { SecondRow } from './seconds.ts';

/** Grows where a reader of older reports would misread a newer one. */
export const REPORT_VERSION = 1;

/** What a load test came to, as it is written to a file. Rates are per second, durations in milliseconds. */
export interface LoadReport {
  readonly version: typeof REPORT_VERSION;
  readonly kind: 'run' | 'find-limit';
  /** Waybill's version. */
  readonly waybill: string;
  /** As `X-Waybill-Loadtest` carried it. */
  readonly runId: string;
  readonly label?: string;
  /** ISO times. */
  readonly startedAt: string;
  readonly endedAt: string;
  /** The command that does the same again. */
  readonly command: string;
  readonly target: ReportTarget;
  readonly plan: ReportPlan;
  readonly result: ReportResult;
  /** The run itself, or the probes of a search, in their order; the preflight first. */
  readonly probes: readonly ReportProbe[];
  readonly tokenRequests: ReportDistribution;
  /** Absent where nothing can be recommended. */
  readonly recommended?: Recommendations;
}

/** What was tested; nothing secret in it. */
export interface ReportTarget {
  readonly client: string;
  readonly types: readonly string[];
  /** Without user, query and fragment; one for each type. */
  readonly urls: readonly string[];
  /** How requests were authorized, such as `oauth2`. */
  readonly auth: string;
  readonly timeoutMs: number;
  /** What the engine uses at present. */
  readonly concurrency: number;
  readonly ratePerSecond?: number;
}

/** What was planned. */
export interface ReportPlan {
  readonly via: 'direct' | 'engine';
  readonly arrivals: 'constant' | 'poisson';
  readonly seed: number;
  readonly warmupMs: number;
  /** Of a run; empty for a search. */
  readonly stages: readonly Stage[];
  /** Of a search. */
  readonly search?: Omit<SearchOptions, 'objectives' | 'arrivals' | 'seed' | 'warmupMs'>;
  /** As they were written. */
  readonly objectives: readonly string[];
  readonly maxInFlight: number;
  /** Where the payloads came from, in a few words. */
  readonly payloads: string;
  /** 0 to 1. */
  readonly duplicates: number;
}

/** How it ended. `stopped`: by a guard. */
export type ReportVerdict = 'met' | 'missed' | 'undecided' | 'inconclusive' | 'stopped' | 'interrupted';

/** What came of it. */
export interface ReportResult {
  readonly verdict: ReportVerdict;
  readonly exitCode: number;
  /** For people: one sentence. */
  readonly sentence: string;
  /** Why the verdict is not `met`, a sentence each. */
  readonly reasons: readonly string[];
  /** Of a search that came to its end. */
  readonly limit?: Verdict;
}

/** A run or probe. */
export interface ReportProbe {
  readonly purpose: 'run' | ProbePurpose;
  /** When it began, from the start of all. */
  readonly startMs: number;
  /** The planned rate: the highest where it varies. */
  readonly ratePerSecond: number;
  /** Without the warm-up; what was planned, or less where it was cut short. */
  readonly durationMs: number;
  readonly warmupMs: number;
  /** `declared`: the endpoint answered that it takes no more. */
  readonly verdict: 'met' | 'missed' | 'undecided' | 'inconclusive' | 'declared';
  readonly reasons: readonly string[];
  readonly objectives: readonly ObjectiveJudgement[];
  /** Of what is judged: the warm-up is left out. `dropped`: called off at an interruption. */
  readonly offered: number;
  readonly sent: number;
  readonly unsent: number;
  readonly delivered: number;
  readonly failed: number;
  readonly dropped: number;
  readonly byStatus: Readonly<Record<string, number>>;
  readonly byFailureClass: Readonly<Partial<Record<FailureClass, number>>>;
  readonly outcomes: readonly OutcomeCount[];
  readonly response: ReportDistribution;
  readonly service: ReportDistribution;
  readonly lag: ReportDistribution;
  /** The time in the queue, with `--via engine`. */
  readonly queue?: ReportDistribution;
  readonly inFlight: InFlight;
  readonly declaredLimit?: DeclaredLimit;
  readonly generator: GeneratorHealth;
  /** Why it ended before its time. */
  readonly cutShort?: string;
  /** The warm-up included, which its rows say. */
  readonly seconds: readonly SecondRow[];
}

/** The percentiles that a report names. */
export const PERCENTILES = [50, 75, 90, 95, 99, 99.9] as const;

/** A distribution of durations. */
export interface ReportDistribution {
  readonly total: number;
  readonly meanMs: number;
  readonly maxMs: number;
  /** By `p50`, `p99.9` and so on; null where the sample does not carry it. */
  readonly percentiles: Readonly<Record<string, number | null>>;
  /** Percentile (0 to 100) and duration, ascending, close together towards 100: for a plot. */
  readonly curve: readonly (readonly [percentile: number, ms: number])[];
  /** An HdrHistogram of microseconds, V2, deflated, base64. */
  readonly histogram: string;
}
