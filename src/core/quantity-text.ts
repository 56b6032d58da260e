/** A moment for people: `2026-03-01 14:03:07Z`. */
export function formatTime(ms: number): string {
  return new Date(ms)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, 'Z');
}

/** Units of time, the largest first: their abbreviation, their name, their milliseconds. */
const TIME_UNITS = [
  ['d', 'day', 86_400_000],
  ['h', 'hour', 3_600_000],
  ['min', 'minute', 60_000],
  ['s', 'second', 1_000],
] as const;

/** A span of time in its two largest units: `45 s`, `3 min 20 s`, `2 h 5 min`. */
export function formatDuration(ms: number): string {
  let left = Math.max(1_000, Math.ceil(ms / 1_000) * 1_000);
  const parts = TIME_UNITS.map(([unit, , size]) => {
    const count = Math.floor(left / size);
    left %= size;
    return { count, text: `${count} ${unit}` };
  });
  const first = parts.findIndex(({ count }) => count > 0);
  const shown = parts.slice(first, first + 2).filter(({ count }) => count > 0);
  return shown.map(({ text }) => text).join(' ');
}

/** A span of time in words, in its largest unit of which there are two or more: `90 seconds`, `3 hours`. */
export function inWords(ms: number): string {
  const [, unit, size] = TIME_UNITS.find(([, , unitMs]) => ms >= 2 * unitMs) ?? TIME_UNITS[3];
  const count = Math.round(ms / size);
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

/** A span of time in whole units, the largest of which there is one: `1 s`, `15 s`, `3 min`, `2 d`. */
export function shortAge(ms: number): string {
  const [unit, , size] = TIME_UNITS.find(([, , unitMs]) => ms >= unitMs) ?? TIME_UNITS[3];
  return `${Math.max(1, Math.floor(ms / size))} ${unit}`;
}

/** A span of time in six characters: `34 ms`, `1.2 s`, `15 s`, `3 min`. */
export function shortSpan(ms: number): string {
  if (ms < 999.5) return `${ms > 0 && ms < 9.95 ? ms.toFixed(1) : Math.round(ms)} ms`;
  return ms < 9_950 ? `${(ms / 1_000).toFixed(1)} s` : shortAge(ms);
}

/** A number with thousands apart. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** A count in five characters: `9,999`, `12.3k`, `1.2M`. */
export function shortCount(count: number): string {
  if (count < 10_000) return formatCount(Math.round(count));
  if (count < 99_950) return `${(count / 1_000).toFixed(1)}k`;
  if (count < 999_500) return `${Math.round(count / 1_000)}k`;
  return `${(count / 1_000_000).toFixed(count < 99_950_000 ? 1 : 0)}M`;
}

/** A rate: as a count, small ones with a decimal; `-` if it is not known. */
export function shortRate(perSecond: number | undefined): string {
  if (perSecond === undefined) return '-';
  if (perSecond === 0 || perSecond >= 9.95) return shortCount(perSecond);
  return perSecond < 0.1 ? '<0.1' : perSecond.toFixed(1);
}
