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
  const needs = eventsNeeded(Number((1 - percentile / 100).toFixed(12)));
  if (distribution.total < needs) return { known: false, needs };
  return { known: true, ms: distribution.percentileMs(percentile) };
}

/** A percentile for people: `212 ms`, or `n/a (needs 299)`. */
export function showPercentile(percentile: Percentile): string {
  return percentile.known ? showMs(percentile.ms) : `n/a (needs ${percentile.needs})`;
}
