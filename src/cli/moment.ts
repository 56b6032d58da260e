import { type Command, InvalidArgumentError, Option } from 'commander';
import { isIsoTimestamp } from '../core/iso-timestamp.ts';
import { formatTime } from '../core/quantity-text.ts';
import { optionParser } from './parse-options.ts';

/** A time of day whose day is still open: `time` as `14:00:00`, `zone` as `Z` or `+02:00`; '': the terminal's. */
interface TimeOfDay {
  readonly time: string;
  readonly zone: string;
}

/** From one moment on, and before another; ms since the epoch. */
export interface Period {
  readonly since?: number | undefined;
  readonly until?: number | undefined;
}

/** How a moment is written, for the help of an option. */
export const MOMENT_FORMS =
  "02:00, 'yesterday 14:00', 2026-03-01T14:00, or 2h for two hours ago; in the terminal's zone, or with one: 02:00Z";

const DAY_MS = 86_400_000;
const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: DAY_MS };
/** Days from today. */
const NAMED_DAYS: Readonly<Record<string, number>> = { today: 0, yesterday: -1 };

const DAY = String.raw`[12]\d{3}-\d\d-\d\d|today|yesterday`;
/** Without leap seconds, which `Date` does not know. */
const TIME = String.raw`\d\d:\d\d(?::[0-5]\d(?:\.\d+)?)?`;
const ZONE = String.raw`(Z|UTC)|([+-](?:[01]\d|2[0-3])):?([0-5]\d)?`;
const MOMENT = new RegExp(`^(?:(${DAY})(?:[T ](${TIME}))?|(${TIME}))(?: ?(?:${ZONE}))?$`);

/**
 * Reads a moment.
 *
 * @param now ms since the epoch
 * @returns ms since the epoch, or a time of day of which `periodOf` tells the day; undefined: it is no moment
 */
export function readMoment(text: string, now: number): number | TimeOfDay | undefined {
  const [, count, unit = ''] = /^(\d+)([smhd])$/.exec(text) ?? [];
  if (count !== undefined) return Math.max(0, now - Number(count) * (UNITS_MS[unit] ?? 0));
  const [whole, day = '', ofDay, alone, utc, hours, minutes = '00'] = MOMENT.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const clock = ofDay ?? alone ?? '00:00';
  const time = clock.length === 'hh:mm'.length ? `${clock}:00` : clock;
  const offset = hours === undefined ? '' : `${hours}:${minutes}`;
  const zone = utc === undefined ? offset : 'Z';
  const days = NAMED_DAYS[day];
  const date = days === undefined ? day : dayOf(now, zone, days);
  if (!isIsoTimestamp(`${date || '1970-01-01'}T${time}${zone}`)) return undefined;
  return date === '' ? { time, zone } : momentOn(date, { time, zone });
}

/**
 * Tells which period is meant. A time of day is the latest that has passed; as the end it is the first one after the
 * beginning, and as the beginning the latest one before an end that is known. Local times that are skipped or repeated
 * when the clocks change are as `Date` reads them.
 *
 * @param now ms since the epoch
 * @returns both as they were given if they are known: the end may be before the beginning
 */
export function periodOf(
  from: number | TimeOfDay | undefined,
  to: number | TimeOfDay | undefined,
  now: number,
): Period {
  const passed = typeof to === 'number' ? Math.min(now, to - 1) : now;
  const since = typeof from === 'object' ? latest(from, passed) : from;
  if (typeof to !== 'object') return { since, until: to };
  return { since, until: since === undefined ? latest(to, now) : firstAfter(to, since) };
}

/** The latest of a time of day up to a moment. */
function latest(timeOfDay: TimeOfDay, upTo: number): number {
  for (let days = 0; ; days -= 1) {
    const moment = momentOn(dayOf(upTo, timeOfDay.zone, days), timeOfDay);
    if (moment <= upTo) return moment;
  }
}

/** The first of a time of day after a moment. */
function firstAfter(timeOfDay: TimeOfDay, after: number): number {
  for (let days = 0; ; days += 1) {
    const moment = momentOn(dayOf(after, timeOfDay.zone, days), timeOfDay);
    if (moment > after) return moment;
  }
}

/** Without a zone, `Date.parse` takes a time for a local one. */
function momentOn(day: string, { time, zone }: TimeOfDay): number {
  return Date.parse(`${day}T${time}${zone}`);
}

/** The day that a moment has in a zone, or one a number of days from it: `2026-03-01`. */
function dayOf(moment: number, zone: string, days: number): string {
  const epoch = Date.parse(`1970-01-01T00:00:00${zone || 'Z'}`);
  const aheadMs = zone === '' ? new Date(moment).getTimezoneOffset() * -60_000 : -epoch;
  return new Date(moment + aheadMs + days * DAY_MS).toISOString().slice(0, 10);
}

const parseMoment = optionParser(
  (text) => readMoment(text, Date.now()),
  'It is 02:00, "yesterday 14:00", an ISO time such as 2026-03-01T14:00Z, or how long ago, such as 2h.',
);

/** An option's flags, and its help. */
type OptionText = readonly [flags: string, help: string];

/**
 * Adds the options that name a period, or its beginning alone. The command's action gets both as ms since the epoch.
 * A period that ends before it begins is a misuse.
 */
export function withPeriod(command: Command, since: OptionText, until?: OptionText): Command {
  const from = new Option(...since).argParser(parseMoment);
  const to = until && new Option(...until).argParser(parseMoment);
  command.addOption(from);
  if (to !== undefined) command.addOption(to);
  const [start, end] = [from.attributeName(), to?.attributeName() ?? ''];
  return command.hook('preAction', () => {
    const given = command.opts();
    const period = periodOf(given[start], given[end], Date.now());
    if (period.since !== undefined && period.until !== undefined && period.until <= period.since) {
      const [first, last] = [formatTime(period.since), formatTime(period.until)];
      throw new InvalidArgumentError(`${to?.long} ${last} is not after ${from.long} ${first}`);
    }
    if (period.since !== undefined) command.setOptionValue(start, period.since);
    if (period.until !== undefined) command.setOptionValue(end, period.until);
  });
}
