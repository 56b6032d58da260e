import type { ResolvedClient } from '../config/config-schema.ts';
import type { ProbePurpose, SearchOptions } from './find-limit/search-state.ts';
import type { Verdict } from './find-limit/verdict.ts';
import type { Judgement } from './judge.ts';
import type { Observation } from './observation.ts';
import type { OutcomeCount } from './outcome-counts.ts';
import { showTime } from './quantities.ts';
import { type ArrivalOptions, type Stage, showStage } from './schedule.ts';
import type { SecondRow } from './timeline.ts';

/** Raised when readers of older reports would misread a newer one. */
export const REPORT_VERSION = 1;

/** What a load test came to, as it is written to a file. Rates are per second, durations in milliseconds. */
export interface LoadReport {
  readonly version: typeof REPORT_VERSION;
  readonly kind: 'run' | 'find-limit';
  /** Waybill's version. */
  readonly waybill: string;
  /** As `X-Waybill-Loadtest` carried it. */
  readonly runId: string;
  readonly label?: string | undefined;
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
  /** Absent: nothing can be recommended. */
  readonly recommended?: Recommendations | undefined;
}

/** What was tested; nothing secret in it. The settings are what the engine uses at present. */
export interface ReportTarget extends Pick<ResolvedClient, 'timeoutMs' | 'concurrency' | 'ratePerSecond'> {
  readonly client: string;
  readonly types: readonly string[];
  /** Without user, query and fragment; one for each type. */
  readonly urls: readonly string[];
  /** How requests were authorized, such as `oauth2`. */
  readonly auth: string;
}

/** What was planned. */
export interface ReportPlan extends ArrivalOptions {
  readonly via: 'direct' | 'engine';
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

/** Exit codes by verdict; stable, and documented. An interrupted load test has its signal's. */
export const RESULT_EXIT = { met: 0, missed: 3, stopped: 4, undecided: 5, inconclusive: 5 } as const;

/** What came of it. */
export interface ReportResult {
  /** `stopped`: by a guard. */
  readonly verdict: keyof typeof RESULT_EXIT | 'interrupted';
  readonly exitCode: number;
  /** For people: one sentence. */
  readonly sentence: string;
  /** Why the verdict is not `met`, a sentence each. */
  readonly reasons: readonly string[];
  /** Of a search that came to its end. */
  readonly limit?: Verdict | undefined;
}

/** A run or probe, without its warm-up. */
export interface ReportProbe
  extends Omit<Observation, 'plannedRatePerSecond' | 'response' | 'service' | 'lag'>,
    Judgement {
  readonly purpose: 'preflight' | 'run' | ProbePurpose;
  /** When it began, from the start of all. */
  readonly startMs: number;
  /** The planned rate: the highest if it varies. */
  readonly ratePerSecond: number;
  readonly warmupMs: number;
  readonly failed: number;
  /** Called off at an interruption. */
  readonly dropped: number;
  readonly outcomes: readonly OutcomeCount[];
  readonly response: ReportDistribution;
  readonly service: ReportDistribution;
  readonly lag: ReportDistribution;
  /** The time in the queue, with `--via engine`. */
  readonly queue?: ReportDistribution | undefined;
  /** Warm-up included; its rows are marked. */
  readonly seconds: readonly SecondRow[];
}

/** The percentiles that a report names. */
export const PERCENTILES = [50, 75, 90, 95, 99, 99.9] as const;

/** A distribution of durations. */
export interface ReportDistribution {
  readonly total: number;
  readonly meanMs: number;
  readonly maxMs: number;
  /** By `p50`, `p99.9` and so on; null: the sample is too small for it. */
  readonly percentiles: Readonly<Record<string, number | null>>;
  /** Percentile (0 to 100) and duration, ascending, close together towards 100: for a plot. */
  readonly curve: readonly (readonly [percentile: number, ms: number])[];
  /** An HdrHistogram of microseconds, V2, deflated, base64. */
  readonly histogram: string;
}

/** What the engine should use for an endpoint, each with its formula and the numbers in it: `0.7 x 195/s`. */
export interface Recommendations {
  readonly settings: readonly {
    readonly setting: 'ratePerSecond' | 'concurrency' | 'timeoutMs';
    readonly value: number;
    readonly formula: string;
  }[];
  /** How long an outage of 10 minutes takes to drain, in milliseconds, and for which usual rate that holds. */
  readonly drain: { readonly ms: number; readonly usualRatePerSecond: number; readonly formula: string };
}

/**
 * The probe that a result is about, and that texts, tiles and plots show: the last whole one at the rate that was
 * found; else the last confirmation that met the objectives, or the last probe that did, or the last of all.
 */
export function shownProbe({ probes, result: { limit } }: LoadReport): ReportProbe | undefined {
  const real = probes.filter(({ purpose }) => purpose !== 'preflight');
  const found = limit === undefined || limit.kind === 'none' ? undefined : limit.ratePerSecond;
  const met = real.filter(({ verdict }) => verdict === 'met');
  return (
    real.findLast((probe) => probe.ratePerSecond === found && hasHeld(probe)) ??
    met.findLast(({ purpose }) => purpose === 'confirm') ??
    met.at(-1) ??
    real.at(-1) ??
    probes.at(-1)
  );
}

/** The stages of a run; of a probe the only one, for as long as it took. */
export function stagesOf({ plan }: LoadReport, probe: ReportProbe): readonly Stage[] {
  const { purpose, durationMs, ratePerSecond: rate } = probe;
  if (purpose === 'run' && plan.stages.length > 0) return plan.stages;
  return [{ durationMs, fromRate: rate, toRate: rate }];
}

/** A run or probe by what it offered: `0 to 200/s for 10 s, 200/s for 2 min`. */
export function showLoad(report: LoadReport, probe: ReportProbe): string {
  const { purpose, cutShort, durationMs } = probe;
  const stages = stagesOf(report, probe).map(showStage).join(', ');
  const isCut = purpose === 'run' && cutShort !== undefined;
  return isCut ? `${stages}, cut short after ${showTime(durationMs)}` : stages;
}

/** Whether a probe ran to its end without showing its rate to be too high. */
export function hasHeld({ verdict, cutShort }: ReportProbe): boolean {
  return (verdict === 'met' || verdict === 'undecided') && cutShort === undefined;
}

/**
 * Why the durations of a probe are not quoted, in a few words; undefined: they are. A probe that was cut short,
 * or that the endpoint did not keep up with, measured its own backlog: the probe is missed, though no objective
 * is. The durations of a run are always quoted.
 */
export function whyNotQuoted({ purpose, cutShort, verdict, objectives }: ReportProbe): string | undefined {
  if (purpose === 'run' || purpose === 'preflight') return undefined;
  if (verdict === 'declared') return 'the endpoint declared its limit in this probe';
  if (verdict === 'inconclusive') return 'the generator did not keep to the plan';
  if (cutShort !== undefined) return 'this probe was cut short';
  const isMissed = objectives.some((each) => each.verdict === 'missed');
  return verdict !== 'missed' || isMissed ? undefined : 'the endpoint fell behind in this probe';
}

/** Whether the durations of a probe are quoted. */
export function isQuotable(probe: ReportProbe): boolean {
  return whyNotQuoted(probe) === undefined;
}
