import { neededFor } from './confidence.ts';
import {
  hasHeld,
  type LoadReport,
  type Recommendations,
  type ReportDistribution,
  shownProbe,
} from './load-report.ts';
import { showMs, showRate } from './quantities.ts';

/** Leaves room for what a probe of a minute does not show. */
const HEADROOM = 0.7;
const TIMEOUT_FACTOR = 2;
const LEAST_TIMEOUT_MS = 1_000;
const OUTAGE_MS = 600_000;
/** The share of the recommended rate that is taken to arrive as usual. */
const USUAL_SHARE = 0.5;

/** What the client's configuration allows (src/config/client-config.ts). */
const MOST_CONCURRENCY = 1_000;
const MOST_TIMEOUT_MS = 600_000;

/** The settings that follow from a limit and from what was measured at it; undefined: no rate held. */
export function recommend(report: LoadReport): Recommendations | undefined {
  const { limit } = report.result;
  const probe = shownProbe(report);
  if (limit === undefined || limit.kind === 'none' || probe === undefined) return undefined;
  if (probe.purpose === 'preflight' || !hasHeld(probe)) return undefined;
  const rate = Number((HEADROOM * limit.ratePerSecond).toPrecision(3));
  const service = tail(probe.service, 99);
  const concurrency = Math.ceil((rate * service.ms) / 1_000 - 1e-9);
  const response = tail(probe.response, 99.9);
  const timeoutMs = Math.ceil(Math.max(TIMEOUT_FACTOR * response.ms, LEAST_TIMEOUT_MS));
  return {
    settings: [
      { setting: 'ratePerSecond', value: rate, formula: `${HEADROOM} x ${showRate(limit.ratePerSecond)}` },
      {
        setting: 'concurrency',
        value: Math.max(1, Math.min(concurrency, MOST_CONCURRENCY)),
        formula: `${showRate(rate)} x service ${service.name}, rounded up (Little's law)`,
      },
      {
        setting: 'timeoutMs',
        value: Math.min(timeoutMs, MOST_TIMEOUT_MS),
        formula: `${TIMEOUT_FACTOR} x response ${response.name}, at least ${LEAST_TIMEOUT_MS}`,
      },
    ],
    drain: drainAfterOutage(rate),
  };
}

/** How long the events of a 10-minute outage take while others arrive. */
function drainAfterOutage(rate: number): Recommendations['drain'] {
  const usualRatePerSecond = rate * USUAL_SHARE;
  const ms = Math.round((OUTAGE_MS * usualRatePerSecond) / (rate - usualRatePerSecond));
  const [usual, most] = [showRate(usualRatePerSecond), showRate(rate)];
  return { ms, usualRatePerSecond, formula: `600 s x ${usual} / (${most} - ${usual})` };
}

/** A percentile with its name, or the maximum if the sample is too small: never too little. */
function tail({ percentiles, maxMs }: ReportDistribution, percentile: number): { ms: number; name: string } {
  const name = `p${percentile}`;
  const ms = percentiles[name] ?? null;
  if (ms !== null) return { ms, name: `${name} ${showMs(ms)}` };
  return { ms: maxMs, name: `maximum ${showMs(maxMs)} (${name} needs ${neededFor(percentile)} events)` };
}
