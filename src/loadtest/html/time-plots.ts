import type { LoadReport, ReportProbe } from '../load-report.ts';
import type { SecondRow } from '../timeline.ts';
import { durationAxis, type Plot, type PlotAxis, type PlotMark, type PlotSeries, rateAxis } from './plot.ts';

/** A second of the whole test; a gap between two probes has no row. */
interface TimedRow {
  /** The middle of the second, in seconds from the start of all. */
  readonly at: number;
  readonly row: SecondRow | undefined;
  /** How much of the second events were offered in, 0 to 1. */
  readonly offeredShare: number;
  /** Whether its deliveries are a rate: they are not in a part of a second, if there is no drain. */
  readonly isRate: boolean;
}

/** If events are offered in less than this share of a second, their rate says nothing. */
const LEAST_SHARE = 0.2;
const LONG_SECONDS = 120;
/** This many kinds of failure have a colour of their own; the others share one. */
const MOST_FAILURES = 5;

/** Rate, percentiles and outcomes, second by second; empty: nothing was measured. */
export function timePlots(report: LoadReport): Plot[] {
  const probes = report.probes.filter(
    ({ purpose, seconds }) => purpose !== 'preflight' && seconds.length > 0,
  );
  const rows = probes.flatMap(timedRows).sort((one, other) => one.at - other.at);
  if (rows.length === 0) return [];
  const x = timeAxis(rows[0]?.at ?? 0, rows.at(-1)?.at ?? 0);
  const frame = { x, xs: rows.map(({ at }) => at), marks: probes.flatMap(stretchesOf) };
  const plots = [ratePlot(rows), percentilesOverTime(rows), outcomesOverTime(rows), inFlightPlot(rows)];
  return plots.map((plot) => ({ ...frame, ...plot }));
}

/** The warm-up of a probe, and its drain. */
function stretchesOf(probe: ReportProbe): PlotMark[] {
  const { startMs, warmupMs, durationMs } = probe;
  const startSeconds = startMs / 1_000;
  const endSeconds = startSeconds + (warmupMs + durationMs) / 1_000;
  const stretches = [
    [startSeconds, startSeconds + warmupMs / 1_000],
    [endSeconds, endSeconds + drainSeconds(probe)],
  ] as const;
  return stretches.filter(([from, to]) => from < to).map(([from, to]) => ({ kind: 'stretch', from, to }));
}

/** For how long answers came in after the last event was offered; 0: within a second. */
function drainSeconds({ warmupMs, durationMs, seconds }: ReportProbe): number {
  const drain = seconds.length - (warmupMs + durationMs) / 1_000;
  return drain > 1 ? drain : 0;
}

/** In minutes and seconds if it is long. */
function timeAxis(first: number, last: number): PlotAxis {
  const [min, max] = [first - 0.5, last + 0.5];
  if (max < LONG_SECONDS) return { label: 'Time from the start', unit: 'seconds', min, max };
  return { label: 'Time from the start, minutes:seconds', unit: 'clock', min, max };
}

function timedRows(probe: ReportProbe): TimedRow[] {
  const startSeconds = probe.startMs / 1_000;
  const endSeconds = (probe.warmupMs + probe.durationMs) / 1_000;
  const rows = probe.seconds.map((row): TimedRow => {
    const offeredShare = Math.max(0, Math.min(1, endSeconds - row.second));
    const isRate = offeredShare === 1 || drainSeconds(probe) > 0;
    return { at: startSeconds + row.second + 0.5, row, offeredShare, isRate };
  });
  const gap = {
    at: (rows.at(-1)?.at ?? startSeconds) + 0.01,
    row: undefined,
    offeredShare: 0,
    isRate: false,
  };
  return [...rows, gap];
}

type Drawn = Omit<Plot, 'x' | 'xs' | 'marks'>;
type Values = (number | null)[];

function valuesOf(
  rows: readonly TimedRow[],
  read: (row: SecondRow, timed: TimedRow) => number | null,
): Values {
  return rows.map((timed) => (timed.row === undefined ? null : read(timed.row, timed)));
}

function ratePlot(rows: readonly TimedRow[]): Drawn {
  const offered = valuesOf(rows, (row, { offeredShare: share }) =>
    share < LEAST_SHARE ? null : row.offered / share,
  );
  const delivered = valuesOf(rows, (row, { isRate }) => (isRate ? row.delivered : null));
  return {
    id: 'rate',
    title: 'Rate',
    caption:
      'What was offered, and what was delivered, by second, to the last answer. Shaded are the warm-up and the ' +
      'drain, when nothing more is offered.',
    y: rateAxis('Events per second', [...offered, ...delivered]),
    series: [
      { label: 'offered', colour: 'response', kind: 'line', dashed: true, values: offered },
      { label: 'delivered', colour: 'delivered', kind: 'line', values: delivered },
    ],
  };
}

function percentilesOverTime(rows: readonly TimedRow[]): Drawn {
  const responses = (['p50', 'p95', 'p99'] as const).map((p): PlotSeries => {
    const values = valuesOf(rows, ({ response }) => response[p]);
    return { label: `response ${p}`, colour: p, kind: 'line', values };
  });
  const service = valuesOf(rows, (row) => row.service.p99);
  const series = [
    ...responses,
    { label: 'service p99', colour: 'service', kind: 'line', values: service, dashed: true } as const,
  ];
  const durations = series.flatMap(({ values }) => values);
  return {
    id: 'durations',
    title: 'Durations',
    caption: 'Of the events that ended within each second: too few for a verdict, enough to see what moves.',
    y: durationAxis('Duration', durations),
    series,
  };
}

function outcomesOverTime(rows: readonly TimedRow[]): Drawn {
  const layers = [
    { label: 'delivered', colour: 'delivered', values: valuesOf(rows, ({ delivered }) => delivered) },
    ...failureLayers(rows),
    { label: 'unsent', colour: 'unsent', values: valuesOf(rows, ({ unsent }) => unsent) },
  ].filter(({ values }, n) => n === 0 || values.some((value) => value));
  let below: Values = rows.map(() => 0);
  const stacked = layers.map(({ label, colour, values }): PlotSeries => {
    below = values.map((value, n) => (value === null ? null : (below[n] ?? 0) + value));
    return { label, colour, kind: 'bars', values: below, shown: values };
  });
  return {
    id: 'outcomes',
    title: 'Outcomes',
    caption: 'What became of the events that ended within each second, one above the other.',
    y: rateAxis('Events per second', below),
    // The tallest first: each bar covers the lower part of the one before.
    series: stacked.reverse(),
  };
}

/** A layer for each kind of failure, the most frequent first; the rest share the last one. */
function failureLayers(rows: readonly TimedRow[]) {
  const totals = new Map<string, number>();
  for (const [name, count] of rows.flatMap(({ row }) => Object.entries(row?.failures ?? {}))) {
    totals.set(name, (totals.get(name) ?? 0) + count);
  }
  const names = [...totals].sort((one, other) => other[1] - one[1]).map(([name]) => name);
  const own = names.slice(0, names.length > MOST_FAILURES ? MOST_FAILURES - 1 : MOST_FAILURES);
  const rest = names.slice(own.length);
  const layers = own.map((name) => ({ label: name, of: [name] }));
  if (rest.length > 0) layers.push({ label: `${rest.length} others`, of: rest });
  return layers.map(({ label, of }, n) => {
    const values = valuesOf(rows, ({ failures }) => of.reduce((sum, name) => sum + (failures[name] ?? 0), 0));
    return { label, colour: `failure${n + 1}`, values };
  });
}

function inFlightPlot(rows: readonly TimedRow[]): Drawn {
  const values = valuesOf(rows, ({ inFlight }) => inFlight);
  return {
    id: 'in-flight',
    title: 'Requests in flight',
    caption: 'At the end of each second. Where it keeps rising, the endpoint falls behind.',
    y: { ...rateAxis('Requests', values), unit: 'count' },
    series: [{ label: 'in flight', colour: 'response', kind: 'line', values }],
  };
}
