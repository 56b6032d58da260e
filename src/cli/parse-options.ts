import { InvalidArgumentError } from 'commander';
import { isStatusFilter } from '../core/dead-letter-filter.ts';

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads a moment: an ISO time, or how long ago (`90s`, `15m`, `2h`, `7d`). @returns ms since the epoch */
export function parseMoment(text: string): number {
  const ago = /^(\d+)([smhd])$/.exec(text);
  if (ago !== null) return Date.now() - Number(ago[1]) * (UNITS_MS[ago[2] ?? ''] ?? 0);
  const time = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) {
    throw new InvalidArgumentError(
      'It is an ISO time, such as 2026-03-01T14:00Z, or how long ago, such as 2h.',
    );
  }
  return time;
}

/** Reads a count of at least 1. */
export function parseCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It is a whole number from 1.');
  return Number(text);
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
