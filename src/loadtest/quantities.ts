/** A value read from the command line, or its problems, a sentence each. */
export type Parsed<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Parses each of these texts; `parse` returns a text that cannot be read as a problem. */
export function parseEach<Value extends object>(
  texts: readonly string[],
  parse: (text: string) => Value | string,
): Parsed<Value[]> {
  const read = texts.map(parse);
  const problems = read.filter((each) => typeof each === 'string');
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, value: read.filter((each) => typeof each !== 'string') };
}

const MS_PER_UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const NUMBER = String.raw`(\d+(?:\.\d+)?)`;

const DURATION = new RegExp(`^${NUMBER}(ms|s|m|h)$`);
const RATE = new RegExp(`^${NUMBER}(?:/s)?$`);
const PERCENT = new RegExp(`^${NUMBER}%$`);

/** Milliseconds of a duration such as `300ms`, `1.5s`, `2m` or `1h`; undefined: it is none. */
export function parseDurationMs(text: string): number | undefined {
  const [, amount, unit = ''] = DURATION.exec(text) ?? [];
  return amount === undefined ? undefined : finite(Number(amount) * (MS_PER_UNIT[unit] ?? 0));
}

/** Events per second of a rate such as `200/s` or `200`; undefined: it is none. */
export function parseRatePerSecond(text: string): number | undefined {
  const [, amount] = RATE.exec(text) ?? [];
  return amount === undefined ? undefined : finite(Number(amount));
}

/** The share (0 to 1) of a text such as `20%`; undefined: it is none, or more than 100 %. */
export function parseShare(text: string): number | undefined {
  const [, amount] = PERCENT.exec(text) ?? [];
  const percent = Number(amount);
  return amount === undefined || percent > 100 ? undefined : percent / 100;
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

/** A rate for people, with three digits. */
export function showRate(ratePerSecond: number): string {
  return `${showNumber(ratePerSecond)}/s`;
}

/** A number with three digits, or all before the point, without zeros at the end. */
export function showNumber(value: number): string {
  if (Math.abs(value) >= 100) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}

/** A duration for people, in milliseconds below a second and in seconds from there on. */
export function showMs(ms: number): string {
  return ms < 1_000 ? `${showNumber(ms)} ms` : `${showNumber(ms / 1_000)} s`;
}

/** A length of time for people: below a minute as a duration, `2 min 5 s` from there on. */
export function showTime(ms: number): string {
  if (ms < 60_000) return showMs(ms);
  const all = Math.round(ms / 1_000);
  const [minutes, seconds] = [Math.floor(all / 60), all % 60];
  return seconds === 0 ? `${minutes} min` : `${minutes} min ${seconds} s`;
}

/** A share as per cent, with up to two digits behind the point. */
export function showShare(share: number): string {
  return `${Number((share * 100).toFixed(2))} %`;
}
