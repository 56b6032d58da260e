import { readPercentile } from './confidence.ts';
import type { Distribution } from './observation.ts';
import { showMs, showRate } from './quantities.ts';

/** A setting to paste, and its formula. */
export interface Recommendation {
  readonly setting: 'ratePerSecond' | 'concurrency' | 'timeoutMs';
  readonly value: number;
  /** The formula with its numbers in it: `0.7 x 195/s`. */
  readonly formula: string;
}

/** What the engine should use for an endpoint. */
export interface Recommendations {
  readonly settings: readonly Recommendation[];
  /**
   * How long an outage of 10 minutes takes to drain, in milliseconds (infinite, and null in JSON: for ever), and
   * for which usual rate that holds.
   */
  readonly drain: { readonly ms: number; readonly usualRatePerSecond: number; readonly formula: string };
}

/** Leaves room for what a probe of a minute does not show. */
const HEADROOM = 0.7;
const TIMEOUT_FACTOR = 2;
const LEAST_TIMEOUT_MS = 1_000;
const OUTAGE_MS = 600_000;
/** Of the recommended rate, if the usual rate is unknown. */
const USUAL_SHARE = 0.5;

/** What the client's configuration allows (src/config/client-config.ts). */
const MOST_CONCURRENCY = 1_000;
const MOST_TIMEOUT_MS = 600_000;

/**
 * The settings that follow from a limit and from what was measured at it.
 *
 * @param limit the highest rate that met the objectives, events per second
 * @param usualRatePerSecond what arrives on a usual day; undefined: half of the recommended rate is assumed
 */
export function recommend(
  limit: number,
  { service, response }: { readonly service: Distribution; readonly response: Distribution },
  usualRatePerSecond?: number,
): Recommendations {
  const rate = Number((HEADROOM * limit).toPrecision(3));
  const inService = tail(service, 99);
  const concurrency = Math.ceil((rate * inService.ms) / 1_000 - 1e-9);
  const slowest = tail(response, 99.9);
  const timeoutMs = Math.ceil(Math.max(TIMEOUT_FACTOR * slowest.ms, LEAST_TIMEOUT_MS));
  return {
    settings: [
      { setting: 'ratePerSecond', value: rate, formula: `${HEADROOM} x ${showRate(limit)}` },
      {
        setting: 'concurrency',
        value: between(1, concurrency, MOST_CONCURRENCY),
        formula: `${showRate(rate)} x service ${inService.name}, rounded up (Little's law)`,
      },
      {
        setting: 'timeoutMs',
        value: Math.min(timeoutMs, MOST_TIMEOUT_MS),
        formula: `${TIMEOUT_FACTOR} x response ${slowest.name}, at least ${LEAST_TIMEOUT_MS}`,
      },
    ],
    drain: drainAfterOutage(rate, usualRatePerSecond ?? rate * USUAL_SHARE),
  };
}

/** How long the events of a 10-minute outage take while others arrive; infinite: they never drain. */
function drainAfterOutage(rate: number, usualRatePerSecond: number): Recommendations['drain'] {
  const spare = rate - usualRatePerSecond;
  const ms = spare > 0 ? Math.round((OUTAGE_MS * usualRatePerSecond) / spare) : Number.POSITIVE_INFINITY;
  const [usual, most] = [showRate(usualRatePerSecond), showRate(rate)];
  return { ms, usualRatePerSecond, formula: `600 s x ${usual} / (${most} - ${usual})` };
}

/** A percentile with its name, or the maximum if the sample is too small: never too little. */
function tail(distribution: Distribution, percentile: number): { ms: number; name: string } {
  const read = readPercentile(distribution, percentile);
  if (read.known) return { ms: read.ms, name: `p${percentile} ${showMs(read.ms)}` };
  const ms = distribution.percentileMs(100);
  return { ms, name: `maximum ${showMs(ms)} (p${percentile} needs ${read.needs} events)` };
}

function between(least: number, value: number, most: number): number {
  return Math.max(least, Math.min(value, most));
}
