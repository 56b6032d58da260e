import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { clock, hourAndMinute, utc } from './format.ts';

/** One line of a plot. */
export interface Series {
  readonly label: string;
  /** The name of a custom property of the style sheet, without its dashes. */
  readonly colour: string;
  readonly values: readonly (number | null)[];
}

interface PlotProps {
  readonly title: string;
  /** Behind each value: "/s", "ms". */
  readonly unit: string;
  /** Seconds since the epoch. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
}

const HEIGHT = 190;
/** So much of the time axis is drawn, even if there is less to show yet. */
const LEAST_SPAN_S = 600;
/** Between marks of the time axis, in seconds. */
const MINUTES = [60, 120, 300, 600, 900, 1_800];
const FEW = 3;
const FONT = '12px system-ui, sans-serif';

/** A plot over time. Its values are told in words, too: a canvas says nothing to a screen reader. */
export function Plot({ title, unit, times, series }: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const names = series.map(({ label }) => label).join(' ');
  useEffect(() => {
    const box = place.current;
    if (box === null) return;
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsOf(unit, series, box.clientWidth), dataOf(times, series), box);
    };
    draw();
    const resized = new ResizeObserver(() =>
      plot.current?.setSize({ width: box.clientWidth, height: HEIGHT }),
    );
    resized.observe(box);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', draw);
    return () => {
      resized.disconnect();
      scheme.removeEventListener('change', draw);
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [names]);
  useEffect(() => plot.current?.setData(dataOf(times, series)), [times, series]);
  return (
    <figure class="plot">
      <figcaption>
        {title} <span class="quiet">{inWords(series, unit)}</span>
      </figcaption>
      <div ref={place} aria-hidden="true" />
    </figure>
  );
}

function isSparse(values: uPlot.AlignedData[number] | undefined): boolean {
  return [...(values ?? [])].filter((value) => value !== null && value !== undefined).length <= FEW;
}

function dataOf(times: readonly number[], series: readonly Series[]): uPlot.AlignedData {
  return [[...times], ...series.map(({ values }) => [...values])];
}

function inWords(series: readonly Series[], unit: string): string {
  const parts = series.flatMap(({ label, values }) => {
    const known = values.filter((value) => value !== null);
    const [last] = known.slice(-1);
    if (last === undefined) return [];
    return [`${label} ${write(last, unit)}, at most ${write(Math.max(...known), unit)}`];
  });
  return parts.length === 0 ? 'nothing to show in the last hour' : parts.join('; ');
}

function write(value: number, unit: string): string {
  const digits =
    Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));
  return unit === '' || unit.startsWith('/') ? `${digits}${unit}` : `${digits} ${unit}`;
}

function optionsOf(unit: string, series: readonly Series[], width: number): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const grid = { stroke: colour('line'), width: 1 };
  const axis = { stroke: colour('quiet'), font: FONT, grid, ticks: { ...grid, size: 4 } };
  const iso = (seconds: number) => new Date(seconds * 1_000).toISOString();
  const lines = series.map((one) => ({
    label: one.label,
    stroke: colour(one.colour),
    width: 2,
    // A value without neighbours would not be seen.
    points: { show: (plot: uPlot, index: number) => isSparse(plot.data[index]), size: 5 },
    value: (_: uPlot, value: number | null) => (value === null ? '' : write(value, unit)),
  }));
  return {
    width,
    height: HEIGHT,
    cursor: { sync: { key: 'endpoint' }, drag: { x: false, y: false } },
    scales: {
      x: { range: (_, least, most) => [Math.min(least, most - LEAST_SPAN_S), most] },
      y: { range: (_, __, most) => [0, Math.max(1, (most ?? 1) * 1.1)] },
    },
    axes: [
      {
        ...axis,
        values: (_, at) => at.map((seconds) => hourAndMinute(iso(seconds))),
        space: 60,
        incrs: MINUTES,
      },
      { ...axis, size: 62, values: (_, at) => at.map((value) => write(value, unit)) },
    ],
    series: [
      { value: (_, seconds) => (seconds ? `${clock(iso(seconds))} (${utc(iso(seconds)).slice(11)})` : '') },
      ...lines,
    ],
    legend: { live: true },
  };
}
