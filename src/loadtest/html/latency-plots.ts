import {
  isQuotable,
  type LoadReport,
  type ReportDistribution,
  type ReportProbe,
  shownProbe,
} from '../load-report.ts';
import type { LatencyObjective } from '../objectives.ts';
import { showRate } from '../quantities.ts';
import { durationAxis, type Plot, type PlotMark, type PlotSeries } from './plot.ts';

/** Percentiles have 95 % confidence, as everywhere. */
const ALPHA = 0.05;
/** The maximum is at 100 %, which has no place on the axis: it is drawn this far beyond the last percentile. */
const BEYOND_LAST = 0.3;

/** Durations by percentile: response beside service, and the queue if there is one. */
export function percentilePlot(report: LoadReport): Plot | undefined {
  const probe = shownProbe(report);
  if (probe === undefined || probe.response.total === 0 || !isQuotable(probe)) return undefined;
  const widest = Math.log10(probe.response.total) + BEYOND_LAST;
  const lines = [
    { label: 'response', colour: 'response', points: placed(probe.response, widest) },
    { label: 'service', colour: 'service', points: placed(probe.service, widest) },
    ...(probe.queue === undefined
      ? []
      : [{ label: 'queue', colour: 'queue', points: placed(probe.queue, widest) }]),
  ];
  const xs = [...new Set(lines.flatMap(({ points }) => [...points.keys()]))].sort((a, b) => a - b);
  const series = lines.map(({ label, colour, points }): PlotSeries => {
    return { label, colour, kind: 'line', values: xs.map((x) => points.get(x) ?? null) };
  });
  const objectives = latencyObjectives(probe);
  return {
    id: 'percentiles',
    title: `How long events took, at ${showRate(probe.ratePerSecond)}`,
    caption:
      'Response counts from the moment at which an event was meant to be sent, service from when it was sent. ' +
      'Where they part, events had to wait before they could be sent. Each step to the right is another nine.',
    x: { label: 'Percentile of the events', unit: 'nines', min: 0, max: Math.max(widest, 1) },
    y: durationAxis(
      'Duration',
      series.flatMap(({ values }) => values),
      objectives.map(({ thresholdMs }) => thresholdMs),
    ),
    xs,
    series,
    marks: [...objectives.map(levelOf), ...carriedMark(probe.response.total, widest)],
  };
}

/** Durations by nines: 90 % at 1, 99 % at 2. */
function placed({ curve }: ReportDistribution, widest: number): Map<number, number> {
  const points = new Map<number, number>();
  const [first] = curve;
  if (first !== undefined) points.set(0, first[1]);
  for (const [percentile, ms] of curve) {
    const nines = percentile >= 100 ? widest : -Math.log10(1 - percentile / 100);
    points.set(Number(Math.min(nines, widest).toFixed(4)), ms);
  }
  return points;
}

/** Beyond this place, a sample of `total` events may well have none above the percentile. */
function carriedMark(total: number, widest: number): PlotMark[] {
  const share = 1 - ALPHA ** (1 / total);
  const at = -Math.log10(share);
  return at < widest ? [{ kind: 'place', at, label: 'too few events beyond' }] : [];
}

/** A percentile by rate; only for a search, and if any probe is large enough for a percentile. */
export function kneePlot(report: LoadReport): Plot | undefined {
  const probes = report.probes
    .filter(({ purpose, response }) => purpose !== 'preflight' && response.total > 0)
    .sort((one, other) => one.ratePerSecond - other.ratePerSecond);
  if (report.kind !== 'find-limit' || probes.length === 0) return undefined;
  const objective = probes.flatMap(latencyObjectives).find(({ percentile }) => isNamed(probes, percentile));
  const name = objective === undefined ? 'p99' : `p${objective.percentile}`;
  const measured = probes.map((probe) =>
    isQuotable(probe) ? (probe.response.percentiles[name] ?? null) : null,
  );
  if (measured.every((value) => value === null)) return undefined;
  const y = durationAxis(`${name} of the response`, measured, objective ? [objective.thresholdMs] : []);
  const limit = report.result.limit;
  const place: PlotMark[] =
    limit === undefined || limit.kind === 'none'
      ? []
      : [{ kind: 'place', at: limit.ratePerSecond, label: `found: ${showRate(limit.ratePerSecond)}` }];
  const fastest = probes.at(-1)?.ratePerSecond ?? 1;
  return {
    id: 'knee',
    title: `The knee: what the rate does to the ${name}`,
    caption:
      'One point for each probe. At the upper edge stand those without a number: they were cut short, fell behind, ' +
      'or were too small to carry the percentile.',
    x: { label: 'Planned rate', unit: 'rate', min: 0, max: fastest * 1.08 },
    y,
    xs: probes.map(({ ratePerSecond }) => ratePerSecond),
    series: kneeSeries(probes, measured, y.max),
    marks: [...(objective === undefined ? [] : [levelOf(objective)]), ...place],
  };
}

const POINTS: readonly { readonly label: string; readonly colour: string; readonly of: readonly string[] }[] =
  [
    { label: 'met', colour: 'delivered', of: ['met'] },
    { label: 'missed', colour: 'failure1', of: ['missed', 'declared'] },
    { label: 'undecided or inconclusive', colour: 'unsent', of: ['undecided', 'inconclusive'] },
  ];

function kneeSeries(
  probes: readonly ReportProbe[],
  measured: readonly (number | null)[],
  edge: number,
): PlotSeries[] {
  const points = POINTS.map(({ label, colour, of }): PlotSeries => {
    const its = (value: (n: number) => number | null): (number | null)[] =>
      probes.map(({ verdict }, n) => (of.includes(verdict) ? value(n) : null));
    const values = its((n) => measured[n] ?? edge);
    return { label, colour, kind: 'points', values, shown: its((n) => measured[n] ?? null) };
  });
  const present = points.filter(({ values }) => values.some((value) => value !== null));
  return [{ label: 'measured', colour: 'response', kind: 'line', values: measured }, ...present];
}

function isNamed(probes: readonly ReportProbe[], percentile: number): boolean {
  return probes.some(({ response }) => response.percentiles[`p${percentile}`] !== undefined);
}

function latencyObjectives({ objectives }: ReportProbe): LatencyObjective[] {
  return objectives.flatMap(({ objective }) => (objective.kind === 'latency' ? [objective] : []));
}

function levelOf({ thresholdMs, text }: LatencyObjective): PlotMark {
  return { kind: 'level', at: thresholdMs, label: text };
}
