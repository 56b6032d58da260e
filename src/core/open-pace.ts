import type { Verdict } from './pace.ts';
import { type Case, GROWTH, turn } from './pace-case.ts';
import { deliveredPerSecond, type PaceSums } from './pace-sums.ts';

/** A recovery by an operator's word begins at no less than this many requests per second. */
const LEAST_PER_SECOND = 1;

/**
 * The verdict by which an endpoint is tried again at once: from `down`, and from a hold, a careful recovery; from
 * `slowed` and `recovering` it opens.
 *
 * @param now ms of Redis' clock
 * @returns undefined: it is open
 */
export function openPace(verdict: Verdict, sums: PaceSums, now: number): Verdict | undefined {
  if (verdict.state === 'open') return undefined;
  const at: Case = { verdict, sums, now, floor: LEAST_PER_SECOND };
  // Failures and silence from before say nothing about what is sent from now on.
  const anew = { holdUntil: 0, asksFailed: 0, downFrom: 0, silentFrom: now, waitedAt: now };
  if (verdict.state === 'down' || verdict.holdUntil > 0) {
    const rate = Math.max(LEAST_PER_SECOND, verdict.usualRate / 100);
    return turn(at, 'recovering', { ...anew, rate, mark: 0, growth: GROWTH.least });
  }
  const mark = Math.max(verdict.mark, deliveredPerSecond(sums, now));
  return turn(at, 'open', { ...anew, rate: 0, mark });
}
