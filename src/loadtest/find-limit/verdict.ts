import { showRate } from '../quantities.ts';

/** Why a search ended below what the endpoint may take. */
export type Ceiling = 'max-rate' | 'generator' | 'budget' | 'max-requests';

type Found =
  /** The highest rate that met the objectives, confirmed; `missedAt`: the lowest that did not meet them. */
  | { readonly kind: 'limit'; readonly ratePerSecond: number; readonly missedAt: number }
  /** A rate that met the objectives; why no higher one was tried. */
  | {
      readonly kind: 'at-least';
      readonly ratePerSecond: number;
      readonly because: Ceiling | 'guard' | 'interrupted';
      /** Whether the rate was held for the time of a confirmation. */
      readonly confirmed: boolean;
    }
  /** The endpoint said itself how much it takes. */
  | { readonly kind: 'rate-limited'; readonly ratePerSecond: number; readonly status: number }
  | { readonly kind: 'none'; readonly because: NoLimitReason };

/** What a search came to; `sentence` says it for people. Rates are in events per second. */
export type Verdict = Found & { readonly sentence: string };

const CEILINGS: Readonly<Record<string, string>> = {
  'max-rate': ' (the highest rate that was allowed)',
  generator: " (the generator's limit)",
  budget: ' (the time allowed for the search was over)',
  'max-requests': ' (the requests allowed for the search were used up)',
};

/** Why a search found no rate at all. */
const NO_LIMIT = {
  preflight: 'the first request was not delivered',
  missed: 'the objectives are missed at the start rate',
  undecided: 'the probes at the start rate were too small to decide',
  unconfirmed: 'no rate held for the time of a confirmation, after three lowerings',
  'max-rate': 'the highest rate that was allowed is too low to search',
  generator: 'the generator did not keep up with the start rate',
  budget: 'the time allowed for the search was over before any rate was shown to hold',
  'max-requests': 'the requests allowed for the search were used up before any rate was shown to hold',
} as const;
type NoLimitReason = keyof typeof NO_LIMIT;

/** The highest rate that met the objectives, confirmed, with a higher one that did not. */
export function limitVerdict(ratePerSecond: number, missedAt: number): Verdict {
  const sentence = `${showRate(ratePerSecond)} is the limit: confirmed there, and not met at ${showRate(missedAt)}`;
  return { kind: 'limit', ratePerSecond, missedAt, sentence };
}

/** A rate that met the objectives; no higher one was tried. */
export function atLeastVerdict(
  ratePerSecond: number,
  because: Ceiling | 'guard' | 'interrupted',
  confirmed: boolean,
): Verdict {
  // The result of a search that ended early says why elsewhere.
  const why = CEILINGS[because] ?? '';
  const sentence = `at least ${showRate(ratePerSecond)}${why}${confirmed ? '' : ', not confirmed'}`;
  return { kind: 'at-least', ratePerSecond, because, confirmed, sentence };
}

/** The endpoint declared its limit by a status. */
export function rateLimitedVerdict(ratePerSecond: number, status: number): Verdict {
  const sentence = `rate limited by the endpoint at about ${showRate(ratePerSecond)} (${status})`;
  return { kind: 'rate-limited', ratePerSecond, status, sentence };
}

/** No rate was found. `detail`: more about the reason, if there is more. */
export function noneVerdict(because: NoLimitReason, detail?: string): Verdict {
  const sentence = detail === undefined ? NO_LIMIT[because] : `${NO_LIMIT[because]}: ${detail}`;
  return { kind: 'none', because, sentence };
}
