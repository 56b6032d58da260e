import { readPercentile } from './confidence.ts';
import type { LatencyHistogram } from './latency-histogram.ts';
import {
  type LoadReport,
  PERCENTILES,
  REPORT_VERSION,
  type ReportDistribution,
  type ReportProbe,
} from './load-report.ts';
import type { LoadOutcome, MadeProbe } from './probe.ts';
import { recommend } from './recommend.ts';
import { roundToMicroseconds } from './timeline.ts';

/** The parts of a report that were not measured. */
export interface ReportFrame
  extends Omit<LoadReport, 'version' | 'result' | 'probes' | 'tokenRequests' | 'recommended'> {
  /** On the clock of the generator. */
  readonly beganAt: number;
  /** How long each request for a token took. */
  readonly tokenRequests: LatencyHistogram;
}

/** Puts a report together, with the settings that follow from it. */
export function buildReport(
  { beganAt, tokenRequests, ...known }: ReportFrame,
  outcome: LoadOutcome,
): LoadReport {
  const report: LoadReport = {
    version: REPORT_VERSION,
    ...known,
    result: outcome.result,
    probes: outcome.probes.map((probe) => describeProbe(probe, beganAt)),
    tokenRequests: describeDistribution(tokenRequests),
  };
  return { ...report, recommended: recommend(report) };
}

function describeProbe(made: MadeProbe, beganAt: number): ReportProbe {
  const { purpose, verdict, objectives, reasons, observation, recorder, warmupMs } = made;
  const { plannedRatePerSecond: ratePerSecond, ...observed } = observation;
  const { counts, response, service, lag, queue } = recorder;
  return {
    ...{ purpose, verdict, objectives, reasons },
    ...observed,
    startMs: Math.round(recorder.startedAt - beganAt),
    ratePerSecond,
    durationMs: Math.round(observed.durationMs),
    warmupMs,
    failed: counts.failed,
    dropped: counts.dropped,
    outcomes: recorder.outcomes.list(),
    response: describeDistribution(response),
    service: describeDistribution(service),
    lag: describeDistribution(lag),
    queue: queue.total === 0 ? undefined : describeDistribution(queue),
    seconds: recorder.seconds.rows,
  };
}

const MOST_POINTS = 200;

/** A histogram as a report has it. */
export function describeDistribution(histogram: LatencyHistogram): ReportDistribution {
  const percentiles = PERCENTILES.map((percentile) => {
    const ms = readPercentile(histogram, percentile);
    return [`p${percentile}`, ms === null ? null : roundToMicroseconds(ms)] as const;
  });
  return {
    total: histogram.total,
    meanMs: roundToMicroseconds(histogram.meanMs),
    maxMs: roundToMicroseconds(histogram.maxMs),
    percentiles: Object.fromEntries(percentiles),
    curve: curveOf(histogram),
    histogram: histogram.encode(),
  };
}

/**
 * The steps of a histogram, thinned out so that they are evenly spaced on an axis that gives each further nine
 * of 99.9… the same room.
 */
function curveOf(histogram: LatencyHistogram): ReportDistribution['curve'] {
  const { total } = histogram;
  const widest = Math.log10(total) + 1;
  const points: (readonly [number, number])[] = [];
  let latest = -1;
  for (const [ms, upTo] of histogram.steps()) {
    const nines = upTo === total ? widest : -Math.log10(1 - upTo / total);
    const place = Math.floor((nines / widest) * MOST_POINTS);
    if (place === latest) points.pop();
    latest = place;
    points.push([Number(((100 * upTo) / total).toFixed(6)), roundToMicroseconds(ms)]);
  }
  return points;
}
