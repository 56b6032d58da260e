/** Texts for people. Times are in the zone of the viewer; their titles have UTC beside. */

const NUMBER = new Intl.NumberFormat('en-US');
const SHORT = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });

/** The zone of the viewer, such as Europe/Berlin. */
export const ZONE = new Intl.DateTimeFormat().resolvedOptions().timeZone;

const HOUR_AND_MINUTE = { hour: '2-digit', minute: '2-digit' } as const;

function clocksOf(timeZone: string) {
  const format = (fields: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat('en-GB', { ...fields, timeZone });
  const clock = { ...HOUR_AND_MINUTE, second: '2-digit' } as const;
  return {
    day: format({ dateStyle: 'short' }),
    minute: format(HOUR_AND_MINUTE),
    clock: format(clock),
    dayAndClock: format({ day: '2-digit', month: 'short', ...clock }),
  };
}

const LOCAL = clocksOf(ZONE);
const UTC = clocksOf('UTC');
let shown = LOCAL;

/** Has all times be of UTC from now on, or of the viewer's zone. */
export function showUtc(isUtc: boolean): void {
  shown = isUtc ? UTC : LOCAL;
}

/** 12,400 */
export function count(value: number): string {
  return NUMBER.format(value);
}

/** 12.4K, where there is no room. */
export function shortCount(value: number): string {
  return value < 10_000 ? NUMBER.format(value) : SHORT.format(value);
}

/** "1 event", "2 events" */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** "0", "<0.1", "3.2", "120" a second. */
export function rate(perSecond: number): string {
  if (perSecond > 0 && perSecond < 0.1) return '<0.1';
  return perSecond === 0 || perSecond >= 10 ? count(Math.round(perSecond)) : perSecond.toFixed(1);
}

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const;

/** "45 s", "12 min", "2 h 5 min": its two largest units. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const first = UNITS.findIndex(([, size]) => whole >= size);
  const [unit, size] = UNITS[first] ?? ['s', 1];
  const [below, belowSize] = UNITS[first + 1] ?? ['', 0];
  const rest = belowSize === 0 || below === 's' ? 0 : Math.floor((whole % size) / belowSize);
  return `${Math.floor(whole / size)} ${unit}${rest === 0 ? '' : ` ${rest} ${below}`}`;
}

/** The time of day; with the date if that is another day. */
export function clock(iso: string, now = Date.now()): string {
  const at = new Date(iso);
  const isToday = shown.day.format(at) === shown.day.format(now);
  return (isToday ? shown.clock : shown.dayAndClock).format(at);
}

/** "14:05", of whichever day. */
export function hourAndMinute(iso: string): string {
  return shown.minute.format(new Date(iso));
}

/** "3 min ago" */
export function ago(iso: string, now = Date.now()): string {
  return `${duration((now - Date.parse(iso)) / 1_000)} ago`;
}

/** "2026-03-01 14:00:00 UTC" */
export function utc(iso: string): string {
  return `${iso.slice(0, 19).replace('T', ' ')} UTC`;
}

/** What a failed attempt came to: its status and class, or its class alone. */
export function failureText(status: number | null, failureClass: string): string {
  return status === null
    ? failureClass.replaceAll('_', ' ')
    : `${status} ${failureClass.replaceAll('_', ' ')}`;
}

/** "disposition update" */
export function typeName(type: string): string {
  return type.replaceAll('_', ' ');
}

/** A text in which characters that are not seen, or turn others around, stand as their codes. */
export function visible(text: string): string {
  return text.replace(
    /(?![\t\n])[\p{Cc}\p{Bidi_Control}\u00ad\u200b\u2060\ufeff]/gu,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
