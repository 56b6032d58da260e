const FIRST_BLOCK_MS = 5_000;
const LONGEST_BLOCK_MS = 60_000;
/** The longest `Retry-After` that is heeded. */
export const LONGEST_RETRY_AFTER_MS = 3_600_000;

/** How long no token is asked for; times on the caller's monotonic clock, in milliseconds. */
export interface RenewalBackoff {
  /** How many renewals in a row came to nothing. */
  readonly strikes: number;
  readonly blockedUntil: number;
}

/** Nothing has failed. */
export const NO_BACKOFF: RenewalBackoff = Object.freeze({
  strikes: 0,
  blockedUntil: Number.NEGATIVE_INFINITY,
});

/**
 * A renewal came to nothing at `now`: blocks for 5 s, doubled for each strike before it, at most 60 s.
 *
 * @param retryAfterMs what the token service itself asks for, if that is longer; at most an hour
 */
export function strike(backoff: RenewalBackoff, now: number, retryAfterMs = 0): RenewalBackoff {
  const blockMs = Math.min(LONGEST_BLOCK_MS, FIRST_BLOCK_MS * 2 ** backoff.strikes);
  const askedMs = Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS);
  return { strikes: backoff.strikes + 1, blockedUntil: now + Math.max(blockMs, askedMs) };
}

/** For how many more milliseconds renewals are blocked; 0 when they are not. */
export function blockedMs(backoff: RenewalBackoff, now: number): number {
  return Math.max(0, backoff.blockedUntil - now);
}
