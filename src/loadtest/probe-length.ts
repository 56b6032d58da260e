import { eventsNeeded } from './binomial.ts';
import type { ProbePurpose, ProbeStep, SearchOptions } from './search.ts';
import { countEvents } from './stages.ts';

/** How many times its length an undecided probe may have. */
const LONGEST = 3;

/**
 * For how long a probe sends: as asked for, or longer where that is too few events to meet the objectives whatever
 * the endpoint does, up to three times. With no rate: the longest.
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

/** The lowest rate at which the longest probe has events enough to meet the objectives. */
export function lowestDecidableRate(options: SearchOptions): number {
  return neededEvents(options) / ((options.probeMs * LONGEST) / 1_000);
}

function neededEvents({ objectives }: SearchOptions): number {
  const shares = objectives.flatMap((objective) =>
    objective.kind === 'rate' ? [] : [objective.allowedShare],
  );
  return Math.max(0, ...shares.map(eventsNeeded));
}
