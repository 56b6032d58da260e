import { readPercentile } from './confidence.ts';
import type { LatencyHistogram } from './latency-histogram.ts';
import {
  type LoadReport,
  PERCENTILES,
  REPORT_VERSION,
  type ReportDistribution,
  type ReportProbe,
  type ReportResult,
} from './load-report.ts';
import type { Probed } from './probe.ts';
import { recommend } from './recommend.ts';
import { roundToMicroseconds } from './timeline.ts';

/** A run or probe, and how it was judged. */
export interface MadeProbe extends Pick<ReportProbe, 'purpose' | 'verdict' | 'reasons' | 'objectives'> {
  readonly probed: Probed;
}

/** All that a load test sent, and what came of it. */
export interface LoadOutcome {
  readonly probes: readonly MadeProbe[];
  readonly result: ReportResult;
}

/** The parts of a report that were not measured. */
export type ReportFrame = Pick<
  LoadReport,
  'kind' | 'waybill' | 'runId' | 'command' | 'target' | 'plan' | 'startedAt' | 'endedAt'
> & {
  readonly label: string | undefined;
  /** On the clock of the generator. */
  readonly beganAt: number;
  /** How long each request for a token took. */
  readonly tokenRequests: LatencyHistogram;
};

/** Puts a report together, with the settings that follow from it. */
export function buildReport(frame: ReportFrame, outcome: LoadOutcome): LoadReport {
  const { beganAt, label, tokenRequests, ...known } = frame;
  const report: LoadReport = {
    version: REPORT_VERSION,
    ...known,
    ...(label === undefined ? {} : { label }),
    result: outcome.result,
    probes: outcome.probes.map((probe) => describeProbe(probe, beganAt)),
    tokenRequests: describeDistribution(tokenRequests),
  };
  const recommended = recommend(report);
  return recommended === undefined ? report : { ...report, recommended };
}

function describeProbe({ probed, ...judged }: MadeProbe, beganAt: number): ReportProbe {
  const { observation, probe, warmupMs } = probed;
  const { plannedRatePerSecond: ratePerSecond, ...observed } = observation;
  const { counts, response, service, lag, queue, rows } = probe.recorder;
  return {
    ...judged,
    ...observed,
    startMs: Math.round(probe.startedAt - beganAt),
    ratePerSecond,
    durationMs: Math.round(observed.durationMs),
    warmupMs,
    failed: counts.failed,
    dropped: counts.dropped,
    outcomes: probe.recorder.outcomes(),
    response: describeDistribution(response),
    service: describeDistribution(service),
    lag: describeDistribution(lag),
    ...(queue.total === 0 ? {} : { queue: describeDistribution(queue) }),
    seconds: rows,
  };
}

const MOST_POINTS = 200;

/** A histogram as a report has it. */
export function describeDistribution(histogram: LatencyHistogram): ReportDistribution {
  const percentiles = PERCENTILES.map((percentile) => {
    const read = readPercentile(histogram, percentile);
    return [`p${percentile}`, read.known ? roundToMicroseconds(read.ms) : null] as const;
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
  if (total === 0) return [];
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
