import { LONGEST_RETRY_AFTER_MS } from '../core/retry-after.ts';

const FIRST_BLOCK_MS = 5_000;
const LONGEST_BLOCK_MS = 60_000;

/** A pause before the next token request; times on the caller's monotonic clock, in milliseconds. */
export interface RenewalBlock {
  /** Failures in a row. */
  readonly failures: number;
  readonly until: number;
}

/** Nothing has failed. */
export const NO_BLOCK: RenewalBlock = Object.freeze({ failures: 0, until: Number.NEGATIVE_INFINITY });

/**
 * A renewal failed at `now`: blocks for 5 s, doubled for each failure before it, at most 60 s.
 *
 * @param retryAfterMs what the token service itself asks for, if that is longer; at most an hour
 */
export function extendBlock({ failures }: RenewalBlock, now: number, retryAfterMs = 0): RenewalBlock {
  const blockMs = Math.min(LONGEST_BLOCK_MS, FIRST_BLOCK_MS * 2 ** failures);
  const askedMs = Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS);
  return { failures: failures + 1, until: now + Math.max(blockMs, askedMs) };
}

/**
 * Another process was refused a token: the pause is the one that it keeps, for `remainingMs` from `now` on.
 *
 * @param failures in a row, as that process counts them
 */
export function shareBlock(
  before: RenewalBlock,
  failures: number,
  now: number,
  remainingMs: number,
): RenewalBlock {
  const until = now + Math.min(remainingMs, LONGEST_RETRY_AFTER_MS);
  return { failures: Math.max(before.failures, failures), until };
}

/** For how many more milliseconds a block lasts; 0: it is over. */
export function blockedMs({ until }: RenewalBlock, now: number): number {
  return Math.max(0, until - now);
}
