/** What is asked for beyond this counts as this: an hour. */
export const LONGEST_RETRY_AFTER_MS = 3_600_000;
/** Some servers send decimals. */
const SECONDS = /^\d+(?:\.\d+)?$/;
/** The preferred form of an HTTP-date and the RFC 850 form. */
const HTTP_DATE = /^[A-Za-z]{3,9},? \d{2}[ -][A-Za-z]{3}[ -]\d{2,4} \d{2}:\d{2}:\d{2} GMT$/;
/** The asctime form, which is in UTC without saying so (RFC 9110, section 5.6.7: all three are accepted). */
const ASCTIME = /^[A-Za-z]{3} [A-Za-z]{3} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

/**
 * Reads a `Retry-After` header (RFC 9110, section 10.2.3): seconds or an HTTP-date.
 *
 * @param now ms since the epoch
 * @returns milliseconds from `now`, never negative; undefined if the header says nothing usable
 */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const value = header.trim();
  if (SECONDS.test(value)) return Math.ceil(Number(value)) * 1000;
  const isDate = HTTP_DATE.test(value);
  if (!isDate && !ASCTIME.test(value)) return undefined;
  const date = Date.parse(isDate ? value : `${value} GMT`);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** How long a `Retry-After` header asks to wait, at most an hour; 0: it says nothing usable. Milliseconds. */
export function retryAfterMs(header: string | undefined, now: number): number {
  return Math.min(parseRetryAfter(header, now) ?? 0, LONGEST_RETRY_AFTER_MS);
}
