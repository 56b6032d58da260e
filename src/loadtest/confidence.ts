import type { Distribution } from './observation.ts';
import { showMs } from './quantities.ts';

/** How sure each bound is, on its one side: 95 %. */
const ALPHA = 0.05;
/** Terms that no longer change a sum. */
const NEGLIGIBLE = 1e-17;
const HALVINGS = 60;

/** The exact bounds (Clopper and Pearson) of a share, of which `k` of `n` were seen; each one-sided at 95 %. */
export function shareBounds(k: number, n: number): { lower: number; upper: number } {
  return { lower: 1 - upperBound(n - k, n), upper: upperBound(k, n) };
}

/** The share at which no more than `k` of `n` have a probability of 5 %: above the share that was seen. */
function upperBound(k: number, n: number): number {
  if (k === n) return 1;
  const ways = logWays(k, n);
  let [low, high] = [k / n, 1];
  for (let turn = 0; turn < HALVINGS; turn += 1) {
    const middle = (low + high) / 2;
    const logProbability = ways + k * Math.log(middle) + (n - k) * Math.log1p(-middle);
    if (Math.exp(logProbability) * sumBelow(k, n, middle) > ALPHA) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** P(X <= k) ÷ P(X = k) of a binomial distribution, for k below its mean: each term from the one before. */
function sumBelow(k: number, n: number, share: number): number {
  const odds = (1 - share) / share;
  let [term, sum] = [1, 1];
  for (let j = k; j > 0 && term > sum * NEGLIGIBLE; j -= 1) {
    term *= (j / (n - j + 1)) * odds;
    sum += term;
  }
  return sum;
}

/** The logarithm of n over k. */
function logWays(k: number, n: number): number {
  const fewer = Math.min(k, n - k);
  let sum = 0;
  for (let i = 1; i <= fewer; i += 1) sum += Math.log((n - fewer + i) / i);
  return sum;
}

/**
 * How many events, with none of them against it, show that a share is within `allowed`: 59 for 5 %,
 * 299 for 1 %, 2,995 for 0.1 %. A percentile needs as many, for the share above it.
 */
export function eventsNeeded(allowed: number): number {
  if (allowed >= 1) return 1;
  return Math.ceil(Math.log(ALPHA) / Math.log1p(-allowed));
}

/** How many events a percentile (0 to 100) needs to be known. */
export function neededFor(percentile: number): number {
  return eventsNeeded(Number((1 - percentile / 100).toFixed(12)));
}

/**
 * A percentile (0 to 100), in milliseconds; null: the sample is too small. With fewer events than it needs,
 * even the slowest of them may lie below it (95 % confidence).
 */
export function readPercentile(distribution: Distribution, percentile: number): number | null {
  return distribution.total < neededFor(percentile) ? null : distribution.percentileMs(percentile);
}

/** A percentile for people, with its name: `p99 212 ms`, or `p99 n/a (needs 299)`. */
export function showPercentile(percentile: number, ms: number | null | undefined): string {
  return `p${percentile} ${ms == null ? `n/a (needs ${neededFor(percentile)})` : showMs(ms)}`;
}
