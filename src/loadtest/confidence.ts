import type { Distribution } from './observation.ts';
import { showMs } from './quantities.ts';

/** How sure each bound is, on its one side: 95 %. */
const ALPHA = 0.05;
/** Terms that no longer change a sum. */
const NEGLIGIBLE = 1e-17;
const HALVINGS = 60;

/** Coefficients of Stirling's series for ln Γ (Abramowitz and Stegun, 6.1.41); beyond 15 they leave no error. */
const STIRLING = [1 / 12, -1 / 360, 1 / 1_260, -1 / 1_680, 1 / 1_188];
const STIRLING_FROM = 15;

/** The exact bounds (Clopper and Pearson) of a share, of which `k` of `n` were seen; each one-sided at 95 %. */
export function shareBounds(k: number, n: number): { lower: number; upper: number } {
  if (n === 0) return { lower: 0, upper: 1 };
  return {
    lower: k === 0 ? 0 : solve((share) => 1 - atMost(k - 1, n, share), k / n, 0),
    upper: k === n ? 1 : solve((share) => atMost(k, n, share), k / n, 1),
  };
}

/** Whether the share is below `allowed` with 95 % confidence: no more than `k` of `n` would be rare at it. */
export function isSurelyWithin(k: number, n: number, allowed: number): boolean {
  return n > 0 && atMost(k, n, allowed) <= ALPHA;
}

/** Whether the share is above `allowed` with 95 % confidence: `k` or more of `n` would be rare at it. */
export function isSurelyBeyond(k: number, n: number, allowed: number): boolean {
  return k > 0 && atLeast(k, n, allowed) <= ALPHA;
}

/**
 * How many events, with none of them against it, show that a share is within `allowed`: 59 for 5 %,
 * 299 for 1 %, 2,995 for 0.1 %. A percentile needs as many, for the share above it.
 */
export function eventsNeeded(allowed: number): number {
  if (allowed >= 1) return 1;
  return Math.ceil(Math.log(ALPHA) / Math.log1p(-allowed));
}

/** P(X <= k) of a binomial distribution. */
export function atMost(k: number, n: number, share: number): number {
  if (k >= n) return 1;
  if (k < 0) return 0;
  if (share <= 0 || share >= 1) return share <= 0 ? 1 : 0;
  // The tail that does not hold the mode has the fewer terms, and they only fall.
  return k < n * share ? lowerTail(k, n, share) : 1 - lowerTail(n - k - 1, n, 1 - share);
}

/** P(X >= k) of a binomial distribution. */
function atLeast(k: number, n: number, share: number): number {
  return atMost(n - k, n, 1 - share);
}

/** P(X <= k) for k below the mean, summed from k downwards: each term from the one before by their ratio. */
function lowerTail(k: number, n: number, share: number): number {
  const odds = (1 - share) / share;
  let term = 1;
  let sum = 1;
  for (let j = k; j > 0 && term > sum * NEGLIGIBLE; j -= 1) {
    term *= (j / (n - j + 1)) * odds;
    sum += term;
  }
  return Math.min(1, sum * Math.exp(logProbability(k, n, share)));
}

function logProbability(k: number, n: number, share: number): number {
  const ways = logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);
  return ways + k * Math.log(share) + (n - k) * Math.log1p(-share);
}

/** ln Γ(x) for x >= 1. */
export function logGamma(x: number): number {
  // Γ(x) = Γ(x + 1) / x, until the series is exact.
  let product = 1;
  let shifted = x;
  for (; shifted < STIRLING_FROM; shifted += 1) product *= shifted;
  const inverse = 1 / shifted;
  let [series, power] = [0, inverse];
  for (const coefficient of STIRLING) {
    series += coefficient * power;
    power *= inverse * inverse;
  }
  const main = (shifted - 0.5) * Math.log(shifted) - shifted + 0.5 * Math.log(2 * Math.PI);
  return main + series - Math.log(product);
}

/** The share at which a tail is 5 %, between the observed share (above it) and the end of the range (below it). */
function solve(tail: (share: number) => number, seen: number, end: number): number {
  let [above, below] = [seen, end];
  for (let turn = 0; turn < HALVINGS; turn += 1) {
    const middle = (above + below) / 2;
    if (tail(middle) > ALPHA) above = middle;
    else below = middle;
  }
  return (above + below) / 2;
}

/** A percentile, or how many events it needs to be known. */
export type Percentile =
  | { readonly known: true; readonly ms: number }
  | { readonly known: false; readonly needs: number };

/**
 * The value of a percentile, if the sample is large enough: with fewer events than it needs, even the slowest
 * of them may lie below it (95 % confidence).
 */
export function readPercentile(distribution: Distribution, percentile: number): Percentile {
  const needs = neededFor(percentile);
  if (distribution.total < needs) return { known: false, needs };
  return { known: true, ms: distribution.percentileMs(percentile) };
}

/** The same from the percentiles of a report, by names such as `p99.9`; null: the sample is too small for it. */
export function readNamedPercentile(
  percentiles: Readonly<Record<string, number | null>>,
  percentile: number,
): Percentile {
  const ms = percentiles[`p${percentile}`] ?? null;
  return ms === null ? { known: false, needs: neededFor(percentile) } : { known: true, ms };
}

/** How many events a percentile (0 to 100) needs to be known. */
export function neededFor(percentile: number): number {
  return eventsNeeded(Number((1 - percentile / 100).toFixed(12)));
}

/** A percentile for people: `212 ms`, or `n/a (needs 299)`. */
export function showPercentile(percentile: Percentile): string {
  return percentile.known ? showMs(percentile.ms) : `n/a (needs ${percentile.needs})`;
}
