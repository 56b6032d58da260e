const SHAPE =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:Z|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?$/;
const LEAP_SECOND_IN_UTC = /T23:59:60(?:\.\d+)?(?:Z|[+-]00(?::?00)?)?$/;
const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * Whether the text is an ISO 8601 date-time down to the second, of a day that exists. Fractions of any
 * length are allowed, and so is the absence of a zone, which the contract reads as UTC. A 61st second is
 * allowed only where leap seconds are inserted: at 23:59:60 UTC.
 */
export function isIsoTimestamp(text: string): boolean {
  if (!SHAPE.test(text)) return false;
  if (text.slice(17, 19) === '60' && !LEAP_SECOND_IN_UTC.test(text)) return false;
  const day = Number(text.slice(8, 10));
  return day <= 28 || day <= daysInMonth(Number(text.slice(0, 4)), Number(text.slice(5, 7)));
}

/** Whether an ISO 8601 date-time says its zone; without one the contract reads it as UTC. */
export function hasZone(timestamp: string): boolean {
  return /(?:Z|T.*[+-]\d{2}(?::?\d{2})?)$/.test(timestamp);
}

function daysInMonth(year: number, month: number): number {
  const isLeapYear = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return month === 2 && isLeapYear ? 29 : (DAYS_IN_MONTH[month - 1] ?? 0);
}
