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
  const shares = objectives.flatMap((objective) =>
    objective.kind === 'rate' ? [] : [objective.allowedShare],
  );
  return Math.max(0, ...shares.map(eventsNeeded));
}

/**
 * Judges a probe. A limit that the endpoint declares goes before all else; objectives for the rate do not
 * apply, since the search sets the rate.
 */
export function recordProbe(step: ProbeStep, observation: Observation, options: SearchOptions): ProbeRecord {
  const { purpose, ratePerSecond, durationMs } = step;
  const probe = { purpose, ratePerSecond, durationMs, observation };
  if (purpose === 'preflight') {
    const isDelivered = observation.delivered > 0;
    const reason = isDelivered ? 'delivered' : describeFailure(observation);
    return { ...probe, verdict: isDelivered ? 'met' : 'missed', passed: isDelivered, reason };
  }
  const judgement = judgeProbe(
    observation,
    options.objectives.filter(({ kind }) => kind !== 'rate'),
  );
  const declared = observation.declaredLimit;
  if (declared !== undefined) {
    const reason = `the endpoint declared its limit: ${declared.status} from ${showRate(declared.atRatePerSecond)} on`;
    return { ...probe, judgement, verdict: 'declared', passed: false, reason };
  }
  const { verdict } = judgement;
  const passed =
    verdict === 'met' || (purpose !== 'confirm' && verdict === 'undecided' && looksMet(judgement));
  const reason = judgement.reasons.join('; ') || 'all objectives are met';
  return { ...probe, judgement, verdict, passed, reason };
}

/** Whether the sample itself lies within what the objectives allow. */
function looksMet({ objectives }: Judgement): boolean {
  return objectives.every(({ objective, share, verdict }) => {
    if (verdict === 'met' || objective.kind === 'rate' || share === undefined) return verdict === 'met';
    return share.against <= objective.allowedShare * share.of;
  });
}

function describeFailure({ byStatus, byFailureClass }: Observation): string {
  const [status] = Object.keys(byStatus);
  const [failureClass] = Object.keys(byFailureClass);
  return status === undefined ? (failureClass ?? 'no answer') : `status ${status}`;
}

/**
 * The rate that an endpoint takes which declared its limit in a probe. The best guess is the rate that it
 * delivered at, between the highest rate that passed and the probe's own.
 */
export function estimateDeclaredLimit({ observation, ratePerSecond }: ProbeRecord, passed: number): number {
  const delivered = observation.delivered / Math.max(observation.durationMs / 1_000, 1e-3);
  return Math.min(Math.max(delivered, passed), ratePerSecond);
}
