import type { Observation } from './observation.ts';
import { eventsOf, lowestDecidableRate, probeLengthMs } from './probe-length.ts';
import { highestPassBelow, recordProbe } from './probe-record.ts';
import { showRate } from './quantities.ts';
import type {
  Ceiling,
  ProbePurpose,
  ProbeRecord,
  ProbeStep,
  SearchOptions,
  SearchState,
  Spent,
  Verdict,
} from './search.ts';
import { atLeastVerdict, limitVerdict, noneVerdict, rateLimitedVerdict } from './verdicts.ts';

/** So many events are sent to see whether an endpoint has settled, before the next probe. */
export const SETTLE_EVENTS = 5;

const DOUBLE = 2;
const MOST_LOWERINGS = 3;

/** Begins a search: its first step is the preflight, a probe of one request. */
export function beginSearch(options: SearchOptions): SearchState {
  const ratePerSecond = Math.min(options.startRate, options.maxRate);
  const step = {
    kind: 'probe',
    purpose: 'preflight',
    ratePerSecond,
    durationMs: 1_000 / ratePerSecond,
  } as const;
  const counts = { inconclusiveInARow: 0, lowerings: 0, spent: { ms: 0, requests: 0 } };
  return { options, step, probes: [], factor: DOUBLE, ...counts };
}

/**
 * Takes in what the state's probe observed, and says in the new state's `step` what to do next. No rate is ever
 * more than twice the highest that passed, nor above `maxRate`.
 *
 * @param spent since the search began, with the waits between probes
 */
export function advanceSearch(state: SearchState, observation: Observation, spent: Spent): SearchState {
  const { step } = state;
  if (step.kind === 'verdict') return state;
  const probe = recordProbe(step, observation, state.options);
  const after = { ...state, probes: [...state.probes, probe], spent };
  if (step.purpose === 'preflight') return afterPreflight(after, probe);
  switch (probe.verdict) {
    case 'declared': {
      const status = observation.declaredLimit?.status ?? 0;
      return conclude(after, rateLimitedVerdict(probe, status, state.passed ?? 0));
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

function afterPreflight(state: SearchState, probe: ProbeRecord): SearchState {
  if (probe.verdict !== 'met') return conclude(state, noneVerdict('preflight', probe.reason));
  return tryRate(state, 'ramp', probe.ratePerSecond);
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
  // A confirmation that missed tells where the limit is, whatever ended the search for a higher one before.
  if (ceiling !== undefined || missed === undefined)
    return atLeastVerdict(ratePerSecond, ceiling ?? 'max-rate', true);
  return limitVerdict(ratePerSecond, missed);
}

function afterMiss(
  state: SearchState,
  { purpose, ratePerSecond, verdict, reason }: ProbeRecord,
): SearchState {
  const missed = { ...state, missed: Math.min(state.missed ?? ratePerSecond, ratePerSecond) };
  if (purpose === 'confirm') return lower(missed, ratePerSecond);
  if (state.passed !== undefined) return narrow(missed);
  if (verdict !== 'undecided')
    return conclude(missed, noneVerdict('missed', `${showRate(ratePerSecond)}: ${reason}`));
  const needed = lowestDecidableRate(state.options);
  const hint = ratePerSecond < needed ? `; probes of this length decide from ${showRate(needed)} on` : '';
  return conclude(missed, noneVerdict('undecided', `${reason}${hint}`));
}

/** Halves the space between the bounds, in logarithms, until they are near enough. */
function narrow(state: SearchState): SearchState {
  const { passed = 0, missed = 0, options } = state;
  const middle = roundedDown(Math.sqrt(passed * missed));
  if (missed <= passed * (1 + options.precision) || middle <= passed) return confirm(state);
  return tryRate(state, 'bisect', middle);
}

function confirm(state: SearchState): SearchState {
  return tryRate(state, 'confirm', state.passed ?? state.options.startRate);
}

/** A rate that did not hold is lowered by one step; those that passed above it are forgotten. */
function lower(state: SearchState, failedRate: number): SearchState {
  const { ceiling: _, passed: __, ...rest } = state;
  const passed = highestPassBelow(state.probes, failedRate);
  const known = { ...rest, ...(passed === undefined ? {} : { passed }), lowerings: state.lowerings + 1 };
  if (known.lowerings > MOST_LOWERINGS)
    return conclude(known, noneVerdict('unconfirmed', `not at ${showRate(failedRate)}`));
  return tryRate(known, 'confirm', roundedDown(failedRate / (1 + state.options.precision)));
}

/** The generator did not keep up: once more at half the step, then its limit is all there is to say. */
function afterInconclusive(state: SearchState, { purpose, ratePerSecond, reason }: ProbeRecord): SearchState {
  const { passed, options, inconclusiveInARow } = state;
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

/** An undecided probe once more at its greatest length; undefined: it had that, or there is no room for it. */
function extend(state: SearchState, probe: ProbeRecord): SearchState | undefined {
  const { purpose, ratePerSecond, durationMs } = probe;
  const step = {
    kind: 'probe',
    purpose,
    ratePerSecond,
    durationMs: probeLengthMs(purpose, state.options),
  } as const;
  if (step.durationMs <= durationMs || findShortage(state, step) !== undefined) return undefined;
  // The longer one speaks for the rate alone.
  return { ...state, step, probes: [...state.probes.slice(0, -1), { ...probe, passed: false }] };
}

/** Goes on with a probe where time and requests allow for it and for a confirmation behind it. */
function tryRate(state: SearchState, purpose: ProbePurpose, rate: number): SearchState {
  const { options } = state;
  const ratePerSecond = Math.min(roundedDown(rate), options.maxRate);
  const durationMs = probeLengthMs(purpose, options, ratePerSecond);
  const step: ProbeStep = { kind: 'probe', purpose, ratePerSecond, durationMs };
  const shortage = findShortage(state, step);
  return shortage === undefined ? { ...state, step } : giveWay(state, purpose, shortage);
}

/** What there is too little room for is left out: a confirmation needs less than a probe and a confirmation. */
function giveWay(state: SearchState, purpose: ProbePurpose, shortage: Ceiling): SearchState {
  if (purpose === 'confirm' || state.passed === undefined) return stopAt(state, shortage);
  return confirm({ ...state, ceiling: shortage });
}

/**
 * Looks once more whether the next probe still fits, after a wait for the endpoint that has sent some events itself:
 * a probe that would be stopped in its midst tells nothing.
 */
export function reconsider(state: SearchState, spent: Spent): SearchState {
  const { step, options } = state;
  if (step.kind === 'verdict') return state;
  const after = { ...state, spent };
  const planned = withConfirmation(after, step);
  if (spent.requests + requestsOf(planned, options, 1) <= options.maxRequests) return after;
  return giveWay(after, step.purpose, 'max-requests');
}

function findShortage(state: SearchState, step: ProbeStep): Ceiling | undefined {
  const { options, spent } = state;
  const planned = withConfirmation(state, step);
  const neededMs = planned.reduce((sum, { durationMs }) => sum + options.warmupMs + durationMs, 0);
  if (spent.ms + neededMs > options.budgetMs) return 'budget';
  return spent.requests + requestsOf(planned, options, 0) > options.maxRequests ? 'max-requests' : undefined;
}

/** A rate that passes is worth nothing without its confirmation, but the first tells something in any case. */
function withConfirmation({ options, passed }: SearchState, step: ProbeStep): readonly ProbeStep[] {
  if (step.purpose === 'confirm' || passed === undefined) return [step];
  return [step, { ...step, durationMs: probeLengthMs('confirm', options, step.ratePerSecond) }];
}

/** With a look before each probe whether the endpoint has settled; `looks` of them are over. */
function requestsOf(planned: readonly ProbeStep[], options: SearchOptions, looks: number): number {
  const looking = (planned.length - looks) * SETTLE_EVENTS;
  return planned.reduce((sum, step) => sum + eventsOf(step, options), looking);
}

/** Ends with what has passed a probe so far. */
function stopAt(state: SearchState, because: Ceiling, detail?: string): SearchState {
  const { passed } = state;
  return conclude(
    state,
    passed === undefined
      ? noneVerdict(because, detail)
      : atLeastVerdict(passed, state.ceiling ?? because, false),
  );
}

function conclude(state: SearchState, verdict: Verdict): SearchState {
  return { ...state, step: { kind: 'verdict', verdict } };
}

/** Four digits are more than can be known; never up, since rates have bounds above. */
function roundedDown(rate: number): number {
  const unit = 10 ** (Math.floor(Math.log10(rate)) - 3);
  return Number((Math.floor(rate / unit + 1e-6) * unit).toPrecision(4));
}
