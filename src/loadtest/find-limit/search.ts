import { showRate } from '../quantities.ts';
import { estimateDeclaredLimit, eventsOf, lowestDecidableRate, probeLengthMs } from './search-probe.ts';
import type {
  ProbePurpose,
  ProbeRecord,
  ProbeStep,
  SearchOptions,
  SearchState,
  Spent,
} from './search-state.ts';
import {
  atLeastVerdict,
  type Ceiling,
  limitVerdict,
  noneVerdict,
  rateLimitedVerdict,
  type Verdict,
} from './verdict.ts';

/** Events sent after a probe, to see whether the endpoint is as fast again as at first. */
export const BASELINE_EVENTS = 5;

/** A search without what it does next. */
type Known = Omit<SearchState, 'step'>;

const DOUBLE = 2;
const MOST_LOWERINGS = 3;

/** Begins a search, with what was spent before it. Its first step is a probe at the start rate. */
export function beginSearch(options: SearchOptions, spent: Spent): SearchState {
  const counts = { inconclusiveInARow: 0, lowerings: 0, factor: DOUBLE };
  return tryRate({ options, probes: [], ...counts, spent }, 'ramp', options.startRate);
}

/**
 * Takes the probe that was made; the new state's `step` says what to do next. No rate is ever more than twice
 * the highest that passed, nor above `maxRate`.
 *
 * @param spent since the search began, with the waits between probes
 */
export function advanceSearch(state: SearchState, probe: ProbeRecord, spent: Spent): SearchState {
  const after = { ...state, probes: [...state.probes, probe], spent };
  switch (probe.verdict) {
    case 'declared': {
      const rate = estimateDeclaredLimit(probe, state.passed ?? 0);
      return conclude(after, rateLimitedVerdict(rate, probe.observation.declaredLimit?.status ?? 0));
    }
    case 'inconclusive':
      return afterInconclusive({ ...after, inconclusiveInARow: state.inconclusiveInARow + 1 }, probe);
    case 'undecided':
      return extend(after, probe) ?? afterAnswer(after, probe);
    case 'missed':
    case 'met':
      return afterAnswer(after, probe);
  }
}

function afterAnswer(state: SearchState, probe: ProbeRecord): SearchState {
  const conclusive = { ...state, inconclusiveInARow: 0 };
  return probe.passed ? afterPass(conclusive, probe) : afterMiss(conclusive, probe);
}

function afterPass(state: SearchState, { purpose, ratePerSecond }: ProbeRecord): SearchState {
  const { maxRate } = state.options;
  if (purpose === 'confirm') return conclude(state, confirmedVerdict(state, ratePerSecond));
  const passed = { ...state, passed: ratePerSecond };
  if (passed.missed !== undefined) return narrow(passed);
  if (ratePerSecond >= maxRate) return confirm({ ...passed, ceiling: 'max-rate' });
  return tryRate(passed, 'ramp', ratePerSecond * state.factor);
}

function confirmedVerdict({ ceiling, missed }: SearchState, ratePerSecond: number): Verdict {
  // A missed confirmation shows where the limit is, even if something else ended the ramp.
  if (ceiling !== undefined || missed === undefined)
    return atLeastVerdict(ratePerSecond, ceiling ?? 'max-rate', true);
  return limitVerdict(ratePerSecond, missed);
}

function afterMiss(state: SearchState, probe: ProbeRecord): SearchState {
  const { purpose, ratePerSecond, verdict } = probe;
  const reason = probe.reasons.join('; ');
  const missed = { ...state, missed: Math.min(state.missed ?? ratePerSecond, ratePerSecond) };
  if (purpose === 'confirm') return lower(missed, ratePerSecond);
  if (state.passed !== undefined) return narrow(missed);
  if (verdict !== 'undecided')
    return conclude(missed, noneVerdict('missed', `${showRate(ratePerSecond)}: ${reason}`));
  const needed = lowestDecidableRate(state.options);
  const hint = ratePerSecond < needed ? `; probes of this length decide from ${showRate(needed)} on` : '';
  return conclude(missed, noneVerdict('undecided', `${reason}${hint}`));
}

/** Halves the space between the bounds, in logarithms, until it is narrow enough. */
function narrow(state: SearchState): SearchState {
  const { passed = 0, missed = 0, options } = state;
  const middle = roundedDown(Math.sqrt(passed * missed));
  if (missed <= passed * (1 + options.precision) || middle <= passed) return confirm(state);
  return tryRate(state, 'bisect', middle);
}

function confirm(state: Known): SearchState {
  return tryRate(state, 'confirm', state.passed ?? state.options.startRate);
}

/** Lowers a rate that did not hold by one step, and forgets the passes above it. */
function lower(state: SearchState, failedRate: number): SearchState {
  const below = state.probes.filter((probe) => probe.passed && probe.ratePerSecond < failedRate);
  const passed =
    below.length === 0 ? undefined : Math.max(...below.map(({ ratePerSecond }) => ratePerSecond));
  const known = { ...state, ceiling: undefined, passed, lowerings: state.lowerings + 1 };
  if (known.lowerings > MOST_LOWERINGS)
    return conclude(known, noneVerdict('unconfirmed', `not at ${showRate(failedRate)}`));
  return tryRate(known, 'confirm', roundedDown(failedRate / (1 + state.options.precision)));
}

/** The generator did not keep up: one more try at half the step, then the search ends at the generator's limit. */
function afterInconclusive(state: SearchState, probe: ProbeRecord): SearchState {
  const { purpose, ratePerSecond } = probe;
  const { passed, options, inconclusiveInARow } = state;
  const reason = probe.reasons.join('; ');
  const step = 1 + options.precision;
  const isOver = inconclusiveInARow > 1 || (purpose === 'ramp' && state.factor <= step);
  if (purpose === 'confirm') {
    if (isOver) return stopAt(state, 'generator', reason);
    return tryRate(state, 'confirm', roundedDown(ratePerSecond / Math.sqrt(step)));
  }
  if (isOver) {
    return passed === undefined
      ? stopAt(state, 'generator', reason)
      : confirm({ ...state, ceiling: 'generator' });
  }
  const factor = Math.sqrt(state.factor);
  if (passed === undefined) return tryRate({ ...state, factor }, 'ramp', ratePerSecond / DOUBLE);
  if (purpose === 'bisect') return tryRate(state, 'bisect', roundedDown(Math.sqrt(passed * ratePerSecond)));
  return tryRate({ ...state, factor }, 'ramp', passed * factor);
}

/** Repeats an undecided probe at its greatest length; undefined: it had that, or no longer fits. */
function extend(state: SearchState, probe: ProbeRecord): SearchState | undefined {
  const { kind, purpose, ratePerSecond } = probe;
  const step = { kind, purpose, ratePerSecond, durationMs: probeLengthMs(purpose, state.options) };
  if (step.durationMs <= probe.durationMs || findShortage(state, step) !== undefined) return undefined;
  // Only the longer one decides about the rate.
  return { ...state, step, probes: [...state.probes.slice(0, -1), { ...probe, passed: false }] };
}

/** Makes a probe the next step if there is time for it and for its confirmation, and enough requests. */
function tryRate(state: Known, purpose: ProbePurpose, rate: number): SearchState {
  const { options } = state;
  const ratePerSecond = Math.min(roundedDown(rate), options.maxRate);
  const durationMs = probeLengthMs(purpose, options, ratePerSecond);
  const step: ProbeStep = { kind: 'probe', purpose, ratePerSecond, durationMs };
  const shortage = findShortage(state, step);
  return shortage === undefined ? { ...state, step } : leaveOut(state, purpose, shortage);
}

/** A step does not fit any more: leaves it out and confirms, which needs less, or ends the search. */
function leaveOut(state: Known, purpose: ProbePurpose, shortage: Ceiling): SearchState {
  if (purpose === 'confirm' || state.passed === undefined) return stopAt(state, shortage);
  return confirm({ ...state, ceiling: shortage });
}

/** Checks again whether the next probe fits, after the wait for the endpoint, which sends some events itself. */
export function recheckRoom(state: SearchState, spent: Spent): SearchState {
  const { step, options } = state;
  if (step.kind !== 'probe') return state;
  const after = { ...state, spent };
  const planned = withConfirmation(after, step);
  if (spent.requests + requestsOf(planned, options, 1) <= options.maxRequests) return after;
  return leaveOut(after, step.purpose, 'max-requests');
}

function findShortage(state: Known, step: ProbeStep): Ceiling | undefined {
  const { options, spent } = state;
  const planned = withConfirmation(state, step);
  const neededMs = planned.reduce((sum, { durationMs }) => sum + options.warmupMs + durationMs, 0);
  if (spent.ms + neededMs > options.budgetMs) return 'budget';
  return spent.requests + requestsOf(planned, options, 0) > options.maxRequests ? 'max-requests' : undefined;
}

/** A pass is worth nothing without its confirmation; but the first probe says something in any case. */
function withConfirmation({ options, passed }: Known, step: ProbeStep): readonly ProbeStep[] {
  if (step.purpose === 'confirm' || passed === undefined) return [step];
  return [step, { ...step, durationMs: probeLengthMs('confirm', options, step.ratePerSecond) }];
}

/** Includes the events that are sent before each probe, except before the first `waited` ones. */
function requestsOf(planned: readonly ProbeStep[], options: SearchOptions, waited: number): number {
  const between = (planned.length - waited) * BASELINE_EVENTS;
  return planned.reduce((sum, step) => sum + eventsOf(step, options), between);
}

/** Ends with the highest rate that passed so far. */
function stopAt(state: Known, because: Ceiling, detail?: string): SearchState {
  const { passed } = state;
  return conclude(
    state,
    passed === undefined
      ? noneVerdict(because, detail)
      : atLeastVerdict(passed, state.ceiling ?? because, false),
  );
}

function conclude(state: Known, step: Verdict): SearchState {
  return { ...state, step };
}

/** To four digits, which is more than can be known; never up, since rates have upper bounds. */
function roundedDown(rate: number): number {
  const unit = 10 ** (Math.floor(Math.log10(rate)) - 3);
  return Number((Math.floor(rate / unit + 1e-6) * unit).toPrecision(4));
}
