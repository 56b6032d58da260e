import { formatCount } from '../terminal.ts';

const UNITS_MS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const;

/** A count in five characters: `9,999`, `12.3k`, `1.2M`. */
export function shortCount(count: number): string {
  if (count < 10_000) return formatCount(Math.round(count));
  if (count < 99_950) return `${(count / 1_000).toFixed(1)}k`;
  if (count < 999_500) return `${Math.round(count / 1_000)}k`;
  return `${(count / 1_000_000).toFixed(count < 99_950_000 ? 1 : 0)}M`;
}

/** A rate: as a count, small ones with a decimal; `-` where it is not known. */
export function shortRate(perSecond: number | undefined): string {
  if (perSecond === undefined) return '-';
  if (perSecond === 0 || perSecond >= 9.95) return shortCount(perSecond);
  return perSecond < 0.1 ? '<0.1' : perSecond.toFixed(1);
}

/** How long something takes, six characters: `34 ms`, `1.2 s`, `15 s`, `3 min`. */
export function shortSpan(ms: number): string {
  if (ms < 999.5) return `${ms > 0 && ms < 9.95 ? ms.toFixed(1) : Math.round(ms)} ms`;
  return ms < 9_950 ? `${(ms / 1_000).toFixed(1)} s` : shortAge(ms);
}

/** How long ago something was, in whole units, the largest of which there is one: `1 s`, `15 s`, `3 min`, `2 d`. */
export function shortAge(ms: number): string {
  const [unit, size] = UNITS_MS.find(([, unitMs]) => ms >= unitMs) ?? ['s', 1_000];
  return `${Math.max(1, Math.floor(ms / size))} ${unit}`;
}

const BARS = '▁▂▃▄▅▆▇█';

/** Few events are no tall bar. */
const LEAST_FULL_BAR = 10;

/** A bar for each figure, as high as it is of the largest; a blank where there is none. */
export function sparkline(figures: readonly (number | undefined)[]): string {
  const most = Math.max(LEAST_FULL_BAR, ...figures.map((figure) => figure ?? 0));
  return figures
    .map((figure) => (figure === undefined ? ' ' : BARS[Math.ceil((figure / most) * (BARS.length - 1))]))
    .join('');
}

/** Where figures go: up or down by more than a twentieth and more than one, or neither (a blank). */
export function arrow(figures: readonly (number | undefined)[]): string {
  const known = figures.filter((figure) => figure !== undefined);
  const [first = 0, last = 0] = [known[0], known.at(-1)];
  if (Math.abs(last - first) <= Math.max(1, first / 20)) return ' ';
  return last > first ? '↑' : '↓';
}
