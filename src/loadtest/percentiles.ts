import { eventsNeeded } from './binomial.ts';
import type { Distribution } from './observation.ts';
import { showMs } from './quantities.ts';

/** A percentile, or how many events it would take to know it. */
export type Percentile =
  | { readonly known: true; readonly ms: number }
  | { readonly known: false; readonly needs: number };

/**
 * The value of a percentile where the sample carries it: with fewer events than it needs, even the slowest of
 * them may lie below it (95 % confidence).
 */
export function readPercentile(distribution: Distribution, percentile: number): Percentile {
  const needs = neededFor(percentile);
  if (distribution.total < needs) return { known: false, needs };
  return { known: true, ms: distribution.percentileMs(percentile) };
}

/** The same from the percentiles of a report, by names such as `p99.9`: null where the sample does not carry it. */
export function readNamedPercentile(
  percentiles: Readonly<Record<string, number | null>>,
  percentile: number,
): Percentile {
  const ms = percentiles[`p${percentile}`] ?? null;
  return ms === null ? { known: false, needs: neededFor(percentile) } : { known: true, ms };
}

/** How many events it takes to know a percentile (0 to 100). */
export function neededFor(percentile: number): number {
  return eventsNeeded(Number((1 - percentile / 100).toFixed(12)));
}

/** A percentile for people: `212 ms`, or `n/a (needs 299)`. */
export function showPercentile(percentile: Percentile): string {
  return percentile.known ? showMs(percentile.ms) : `n/a (needs ${percentile.needs})`;
}
