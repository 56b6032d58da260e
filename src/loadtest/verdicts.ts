import { showRate } from './quantities.ts';
import type { Ceiling, EarlyEnd, NoLimitReason, ProbeRecord, Verdict } from './search.ts';

const CEILINGS: Readonly<Record<Ceiling, string>> = {
  'max-rate': 'the highest rate that was allowed',
  generator: "the generator's limit",
  budget: 'the time allowed for the search was over',
  'max-requests': 'the requests allowed for the search were used up',
};

const NO_LIMIT: Readonly<Record<NoLimitReason, string>> = {
  preflight: 'the first request was not delivered',
  missed: 'the objectives are missed at the start rate',
  undecided: 'the probes at the start rate were too small to decide',
  unconfirmed: 'no rate held for the time of a confirmation, after three lowerings',
  'max-rate': 'the highest rate that was allowed is too low to search',
  generator: 'the generator did not keep up with the start rate',
  budget: 'the time allowed for the search was over before any rate was shown to hold',
  'max-requests': 'the requests allowed for the search were used up before any rate was shown to hold',
};

/** The highest rate that met the objectives, confirmed, with a higher one that did not. */
export function limitVerdict(ratePerSecond: number, missedAt: number): Verdict {
  const sentence = `${showRate(ratePerSecond)} is the limit: confirmed there, and not met at ${showRate(missedAt)}`;
  return { kind: 'limit', ratePerSecond, missedAt, sentence };
}

/** A rate that met the objectives, where no higher one was tried. */
export function atLeastVerdict(
  ratePerSecond: number,
  because: Ceiling | EarlyEnd,
  confirmed: boolean,
): Verdict {
  const held = confirmed ? '' : ', not confirmed';
  // What ended a search early is told beside it.
  const why = because === 'guard' || because === 'interrupted' ? '' : ` (${CEILINGS[because]})`;
  const sentence = `at least ${showRate(ratePerSecond)}${why}${held}`;
  return { kind: 'at-least', ratePerSecond, because, confirmed, sentence };
}

/**
 * The endpoint declared its limit in a probe. What it let through is the best guess of where that lies: between
 * the rate that passed and the one at which it first refused.
 */
export function rateLimitedVerdict(
  { observation, ratePerSecond: probed }: ProbeRecord,
  status: number,
  passed: number,
): Verdict {
  const through = observation.delivered / Math.max(observation.durationMs / 1_000, 1e-3);
  const ratePerSecond = Math.min(Math.max(through, passed), probed);
  const sentence = `rate limited by the endpoint at about ${showRate(ratePerSecond)} (${status})`;
  return { kind: 'rate-limited', ratePerSecond, status, sentence };
}

/** No rate was found; `detail` says more, where there is more to say. */
export function noneVerdict(because: NoLimitReason, detail?: string): Verdict {
  const sentence = detail === undefined ? NO_LIMIT[because] : `${NO_LIMIT[because]}: ${detail}`;
  return { kind: 'none', because, sentence };
}
