import { eventsNeeded } from '../confidence.ts';
import { type Judgement, judgeProbe } from '../judge.ts';
import type { Observation } from '../observation.ts';
import { showRate } from '../quantities.ts';
import { countEvents } from '../schedule.ts';
import type { ProbePurpose, ProbeRecord, ProbeStep, SearchOptions } from './search-state.ts';

/** An undecided probe is extended to this many times its length at most. */
const LONGEST = 3;

/**
 * For how long a probe sends: as asked for, or longer if that is too few events to ever meet the objectives, up
 * to three times. With no rate: the longest.
 */
export function probeLengthMs(purpose: ProbePurpose, options: SearchOptions, rate?: number): number {
  const lengthMs = purpose === 'confirm' ? options.confirmMs : options.probeMs;
  if (rate === undefined) return lengthMs * LONGEST;
  const neededMs = Math.ceil((neededEvents(options) / rate) * 1_000);
  return Math.min(Math.max(lengthMs, neededMs), lengthMs * LONGEST);
}

/** How many events a probe sends, its warm-up included. */
export function eventsOf({ ratePerSecond: rate, durationMs }: ProbeStep, options: SearchOptions): number {
  return countEvents([{ durationMs, fromRate: rate, toRate: rate }], options.warmupMs, options);
}

/** The lowest rate at which the longest probe has enough events to meet the objectives. */
export function lowestDecidableRate(options: SearchOptions): number {
  return neededEvents(options) / ((options.probeMs * LONGEST) / 1_000);
}

function neededEvents({ objectives }: SearchOptions): number {
  const needed = objectives.map((each) => (each.kind === 'rate' ? 0 : eventsNeeded(each.allowedShare)));
  return Math.max(0, ...needed);
}

/**
 * Judges a probe. A limit that the endpoint declares goes before all else; objectives for the rate do not
 * apply, since the search sets the rate.
 */
export function recordProbe(step: ProbeStep, observation: Observation, options: SearchOptions): ProbeRecord {
  const objectives = options.objectives.filter(({ kind }) => kind !== 'rate');
  const judgement = judgeProbe(observation, objectives);
  const probe = { ...step, observation, ...judgement };
  const declared = observation.declaredLimit;
  if (declared !== undefined) {
    const reason = `the endpoint declared its limit: ${declared.status} from ${showRate(declared.atRatePerSecond)} on`;
    return { ...probe, verdict: 'declared', passed: false, reasons: [reason] };
  }
  const isLikely = judgement.verdict === 'undecided' && step.purpose !== 'confirm' && looksMet(judgement);
  return { ...probe, passed: judgement.verdict === 'met' || isLikely };
}

/** Whether the sample itself lies within what the objectives allow. */
function looksMet({ objectives }: Judgement): boolean {
  return objectives.every(({ objective, share, verdict }) => {
    if (verdict === 'met' || objective.kind === 'rate' || share === undefined) return verdict === 'met';
    return share.against <= objective.allowedShare * share.of;
  });
}

/**
 * The rate that an endpoint takes which declared its limit in a probe. The best guess is the rate that it
 * delivered at, between the highest rate that passed and the probe's own.
 */
export function estimateDeclaredLimit({ observation, ratePerSecond }: ProbeRecord, passed: number): number {
  const delivered = observation.delivered / Math.max(observation.durationMs / 1_000, 1e-3);
  return Math.min(Math.max(delivered, passed), ratePerSecond);
}
