import { InvalidArgumentError } from 'commander';
import { isStatusFilter } from '../core/dead-letter-filter.ts';
import { isIsoTimestamp } from '../core/iso-timestamp.ts';

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** What may be left out of an ISO time, from the end: the zone, which is UTC then, the seconds, and the time. */
const MOMENT = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2}(?:\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

/**
 * Reads a moment: an ISO time, as the commands print it too, or how long ago (`90s`, `15m`, `2h`, `7d`).
 *
 * @returns ms since the epoch
 */
export function parseMoment(text: string): number {
  const ago = /^(\d+)([smhd])$/.exec(text);
  if (ago !== null) return Date.now() - Number(ago[1]) * (UNITS_MS[ago[2] ?? ''] ?? 0);
  const [, day = '', minute = '00:00', second = ':00', zone = 'Z'] = MOMENT.exec(text) ?? [];
  const iso = `${day}T${minute}${second}${zone}`;
  if (!isIsoTimestamp(iso)) {
    throw new InvalidArgumentError(
      'It is an ISO time, such as 2026-03-01T14:00Z, or how long ago, such as 2h.',
    );
  }
  return Date.parse(iso);
}

/** Reads a count of at least 1. */
export function parseCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It is a whole number from 1.');
  return Number(text);
}

/** Each worker process takes some 100 MB and has connections of its own to all clients. */
const MOST_WORKERS = 256;

/** Reads a number of worker processes. */
export function parseWorkers(text: string): number {
  const count = /^[1-9]\d{0,2}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > MOST_WORKERS) {
    throw new InvalidArgumentError(`It is a whole number from 1 to ${MOST_WORKERS}.`);
  }
  return count;
}

/** How many worker processes there are where nobody says: one processor is left to Redis and to all the rest. */
export function defaultWorkers(processors: number): number {
  return Math.min(MOST_WORKERS, Math.max(1, processors - 1));
}

const HIGHEST_RATE = 1_000_000;

/** Reads a number of events a second: more than 0, fractions too. */
export function parseRate(text: string): number {
  const rate = /^\d{1,7}(?:\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (rate <= 0 || rate > HIGHEST_RATE) {
    throw new InvalidArgumentError('It is a number of events a second, more than 0, such as 50 or 0.5.');
  }
  return rate;
}

/** Reads a status, a range of statuses or a failure class. */
export function parseStatus(text: string): string {
  if (!isStatusFilter(text)) {
    throw new InvalidArgumentError(
      'It is a status (422), a range (5xx) or a class (timeout, refused, tls ...).',
    );
  }
  return text;
}
