import type { LatencyObjective } from '../objectives.ts';

/** An axis, with the range that is shown at first. */
export interface PlotAxis {
  readonly label: string;
  /** The page writes it out. `clock`: seconds, as minutes and seconds; `nines`: -log10 of the share beyond. */
  readonly unit: 'ms' | 'seconds' | 'clock' | 'rate' | 'count' | 'nines';
  readonly logarithmic?: boolean;
  readonly min: number;
  readonly max: number;
}

/** One line, or set of points or bars; a value for each x of the plot, null: none. */
export interface PlotSeries {
  readonly label: string;
  /** A colour of the page's style, without its dashes: `response`, `delivered`. */
  readonly colour: string;
  readonly kind: 'line' | 'points' | 'bars';
  readonly dashed?: boolean;
  readonly values: readonly (number | null)[];
  /** Shown in the legend instead of `values`, which are stacked. */
  readonly shown?: readonly (number | null)[];
}

/** A line across the plot at an objective's level or at a place of the x axis, or a shaded stretch of it. */
export type PlotMark =
  | { readonly kind: 'level' | 'place'; readonly at: number; readonly label: string }
  | { readonly kind: 'stretch'; readonly from: number; readonly to: number };

/** A plot as data, which the page's script draws. */
export interface Plot {
  readonly id: string;
  readonly title: string;
  /** How to read it, in a sentence or two. */
  readonly caption: string;
  readonly x: PlotAxis;
  readonly y: PlotAxis;
  readonly xs: readonly number[];
  readonly series: readonly PlotSeries[];
  readonly marks: readonly PlotMark[];
}

/** At this ratio of maximum to median, a linear axis squeezes most values into its lowest tenth. */
const WIDE_SPREAD = 20;
const ROOM_ABOVE = 1.08;

/**
 * The axis of durations in milliseconds: linear from 0, or logarithmic if they spread far.
 *
 * @param objectives are shown as well, if that does not squeeze the values
 */
export function durationAxis(
  label: string,
  values: readonly (number | null)[],
  objectives: readonly LatencyObjective[] = [],
): PlotAxis {
  const known = values.filter((value): value is number => value !== null && value > 0).sort((a, b) => a - b);
  const most = known.at(-1) ?? 1;
  const middle = known[Math.floor(known.length / 2)] ?? most;
  const least = known[0] ?? most;
  const logarithmic = most / middle > WIDE_SPREAD;
  const nearest = most * (logarithmic ? WIDE_SPREAD : 4);
  const near = objectives.map(({ thresholdMs }) => thresholdMs).filter((value) => value < nearest);
  const top = Math.max(most, ...near);
  if (!logarithmic) return { label, unit: 'ms', min: 0, max: top * ROOM_ABOVE };
  const min = 10 ** Math.floor(Math.log10(Math.min(least, ...near)));
  return { label, unit: 'ms', logarithmic, min, max: top * 1.5 };
}

/** The axis of counts a second, from 0. */
export function rateAxis(label: string, values: readonly (number | null)[]): PlotAxis {
  const most = values.reduce<number>((max, value) => Math.max(max, value ?? 0), 0);
  return { label, unit: 'rate', min: 0, max: Math.max(most, 1) * ROOM_ABOVE };
}
