import { shareBounds } from '../confidence.ts';
import {
  isQuotable,
  type LoadReport,
  type ReportDistribution,
  type ReportProbe,
  shownProbe,
  stagesOf,
} from '../load-report.ts';
import type { LatencyObjective } from '../objectives.ts';
import { showRate } from '../quantities.ts';
import { showRates } from '../schedule.ts';
import { durationAxis, type Plot, type PlotMark, type PlotSeries } from './plot.ts';

/** The maximum is at 100 %, which has no place on the axis: it is drawn this far beyond the last percentile. */
const BEYOND_LAST = 0.3;

/** Durations by percentile: response beside service, and the queue if there is one. */
export function percentilePlot(report: LoadReport): Plot | undefined {
  const probe = shownProbe(report);
  if (probe === undefined || probe.response.total === 0 || !isQuotable(probe)) return undefined;
  const widest = Math.log10(probe.response.total) + BEYOND_LAST;
  const lines = (['response', 'service', 'queue'] as const).flatMap((name) => {
    const distribution = probe[name];
    return distribution === undefined ? [] : [{ name, points: placed(distribution, widest) }];
  });
  const xs = [...new Set(lines.flatMap(({ points }) => [...points.keys()]))].sort((a, b) => a - b);
  const series = lines.map(({ name, points }): PlotSeries => {
    return { label: name, colour: name, kind: 'line', values: xs.map((x) => points.get(x) ?? null) };
  });
  const objectives = latencyObjectives(probe);
  const durations = series.flatMap(({ values }) => values);
  // Beyond this place, a sample of as many events may well have none above the percentile.
  const at = -Math.log10(shareBounds(0, probe.response.total).upper);
  const carried: PlotMark[] = at < widest ? [{ kind: 'place', at, label: 'too few events beyond' }] : [];
  return {
    id: 'percentiles',
    title: `How long events took, at ${showRates(stagesOf(report, probe))}`,
    caption:
      'Response counts from the moment at which an event was meant to be sent, service from when it was sent. ' +
      'Where they part, events had to wait before they could be sent. Each step to the right is another nine.',
    x: { label: 'Percentile of the events', unit: 'nines', min: 0, max: Math.max(widest, 1) },
    y: durationAxis('Duration', durations, objectives),
    xs,
    series,
    marks: [...objectives.map(levelOf), ...carried],
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

/** A percentile by rate; only for a search, and if any probe is large enough for a percentile. */
export function kneePlot({ kind, probes: all, result: { limit } }: LoadReport): Plot | undefined {
  const probes = all
    .filter(({ purpose, response }) => purpose !== 'preflight' && response.total > 0)
    .sort((one, other) => one.ratePerSecond - other.ratePerSecond);
  if (kind !== 'find-limit') return undefined;
  const objective = probes
    .flatMap(latencyObjectives)
    .find(({ percentile }) =>
      probes.some(({ response }) => response.percentiles[`p${percentile}`] !== undefined),
    );
  const objectives = objective === undefined ? [] : [objective];
  const name = `p${objective?.percentile ?? 99}`;
  const measured = probes.map((each) =>
    isQuotable(each) ? (each.response.percentiles[name] ?? null) : null,
  );
  if (measured.every((value) => value === null)) return undefined;
  const y = durationAxis(`${name} of the response`, measured, objectives);
  const rate = limit === undefined || limit.kind === 'none' ? undefined : limit.ratePerSecond;
  const found: PlotMark[] =
    rate === undefined ? [] : [{ kind: 'place', at: rate, label: `found: ${showRate(rate)}` }];
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
    marks: [...objectives.map(levelOf), ...found],
  };
}

/** Points by verdict: their label, their colour, and the verdicts. */
const POINTS: readonly (readonly [string, string, ...ReportProbe['verdict'][]])[] = [
  ['met', 'delivered', 'met'],
  ['missed', 'failure1', 'missed', 'declared'],
  ['undecided or inconclusive', 'unsent', 'undecided', 'inconclusive'],
];

/** A line of what was measured, and a point for each probe: at the `edge` if it has no number. */
function kneeSeries(
  probes: readonly ReportProbe[],
  measured: readonly (number | null)[],
  edge: number,
): PlotSeries[] {
  const points = POINTS.map(([label, colour, ...verdicts]): PlotSeries => {
    const its = (values: readonly (number | null)[]) =>
      probes.map(({ verdict }, n) => (verdicts.includes(verdict) ? (values[n] ?? null) : null));
    const values = its(measured.map((ms) => ms ?? edge));
    return { label, colour, kind: 'points', values, shown: its(measured) };
  });
  const present = points.filter(({ values }) => values.some((value) => value !== null));
  return [{ label: 'measured', colour: 'response', kind: 'line', values: measured }, ...present];
}

function latencyObjectives({ objectives }: ReportProbe): LatencyObjective[] {
  return objectives.flatMap(({ objective }) => (objective.kind === 'latency' ? objective : []));
}

function levelOf({ thresholdMs, text }: LatencyObjective): PlotMark {
  return { kind: 'level', at: thresholdMs, label: text };
}
