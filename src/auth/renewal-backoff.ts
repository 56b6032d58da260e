const FIRST_BLOCK_MS = 5_000;
const LONGEST_BLOCK_MS = 60_000;

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

/** A renewal came to nothing at `now`: blocks for 5 s, doubled for each strike before it, at most 60 s. */
export function strike(backoff: RenewalBackoff, now: number): RenewalBackoff {
  const blockMs = Math.min(LONGEST_BLOCK_MS, FIRST_BLOCK_MS * 2 ** backoff.strikes);
  return { strikes: backoff.strikes + 1, blockedUntil: now + blockMs };
}

/** For how many more milliseconds renewals are blocked; 0 when they are not. */
export function blockedMs(backoff: RenewalBackoff, now: number): number {
  return Math.max(0, backoff.blockedUntil - now);
}
