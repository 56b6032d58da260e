import type { PaceState, Verdict } from './pace.ts';
import { OPEN_AFTER_MS } from './pace.ts';
import { deliveredPerSecond, type PaceSums } from './pace-sums.ts';

/** The answers that a judgement counts, of those since the latest verdict. */
export interface Window {
  readonly ageMs: number;
  readonly answers: number;
  readonly ok: number;
  readonly over: number;
  readonly fail: number;
  /** Good answers to retries as well. */
  readonly allOk: number;
  readonly allBad: number;
  /** More than half of the answers came late. */
  readonly isLate: boolean;
  /** More than half of the answers are failures other than signs of overload. */
  readonly mostFail: boolean;
}

/** From this number on, answers to retries do not count: an event that has failed says less about the endpoint. */
const ENOUGH_FIRST_ATTEMPTS = 3;
/** From this number on, their speed counts. */
const ENOUGH_FOR_LATE = 20;

export function readWindow(sums: PaceSums, now: number): Window {
  const firstAttempts = sums.ok + sums.over + sums.fail;
  const again = firstAttempts < ENOUGH_FIRST_ATTEMPTS ? 1 : 0;
  const ok = sums.ok + again * sums.okAgain;
  const over = sums.over + again * sums.overAgain;
  const fail = sums.fail + again * sums.failAgain;
  const answers = ok + over + fail;
  return {
    ageMs: now - sums.from,
    answers,
    ok,
    over,
    fail,
    allOk: sums.ok + sums.okAgain,
    allBad: sums.over + sums.fail + sums.overAgain + sums.failAgain,
    isLate: answers >= ENOUGH_FOR_LATE && sums.late > answers / 2,
    mostFail: fail > answers / 2,
  };
}

/**
 * Whether this number of the answers is more than this share of them by more than chance: two standard deviations, and
 * two. With a share of 2 %, 7 of 100 are, 6 are not.
 */
export function isMuch(part: number, share: number, answers: number): boolean {
  const expected = share * answers;
  return part > expected + 2 * Math.sqrt(expected) + 2;
}

/** All that a judgement is made from. */
export interface Case {
  readonly verdict: Verdict;
  readonly sums: PaceSums;
  readonly now: number;
  readonly floor: number;
}

/** The next verdict of the same epoch. */
export function goOn({ verdict }: Case, change: Partial<Verdict>): Verdict {
  return { ...verdict, ...change, number: verdict.number + 1 };
}

/** The next verdict, of a new epoch. */
export function turn(at: Case, state: PaceState, change: Partial<Verdict>): Verdict {
  const { verdict, now } = at;
  return goOn(at, {
    epoch: verdict.epoch + 1,
    epochFrom: now,
    since: state === verdict.state ? verdict.since : now,
    state,
    failing: false,
    triedRate: 0,
    ...change,
  });
}

/** How long a share counts as normal, and the most that any pause grows to. */
export const LONGEST_PAUSE_MS = 600_000;

/** A hold is this long at most. */
export const LONGEST_HOLD_MS = 60_000;

/** The first rate of an endpoint that has delivered for less than a second. */
export const FIRST_RATE = 10;

/** Growth per second: the least, its own growth while no sign comes, the most. */
export const GROWTH = { least: 0.02, faster: 1.5, most: 0.3 };

/** A relapse is what comes so soon after it was opened. */
export const RELAPSE_MS = 60_000;

/** What was delivered per second before: the mean if what failed now was sent long ago. */
export function deliveredBefore({ sums, now }: Case): number {
  const delivered = deliveredPerSecond(sums, now);
  return sums.failMs > 1_000 ? Math.max(delivered, sums.meanPerSecond) : delivered;
}

export function normalShare({ verdict, now }: Pick<Case, 'verdict' | 'now'>): number {
  return now < verdict.normalUntil ? verdict.normalShare : 0;
}

/** This share of failures is never a sign. */
export const TOLERATED_SHARE = 0.02;

export function isTooMuch(at: Case, signs: number, answers: number): boolean {
  return isMuch(signs, normalShare(at) + TOLERATED_SHARE, answers);
}

/** For how long nothing was delivered while requests failed. */
export function silenceMs({ verdict, sums, now }: Case): number {
  return now - Math.max(sums.goodAt, sums.failsFrom, verdict.silentFrom);
}

/** What is remembered of `open` by the verdict that ends it. */
export function leaveOpen(at: Case): Pick<Verdict, 'usualRate' | 'openAfterMs' | 'waitedAt'> {
  const { verdict, sums, now } = at;
  const relapsed = verdict.since > 0 && now - verdict.since < RELAPSE_MS;
  return {
    usualRate: Math.max(deliveredPerSecond(sums, now), sums.meanPerSecond),
    openAfterMs: relapsed ? Math.min(LONGEST_PAUSE_MS, verdict.openAfterMs * 2) : OPEN_AFTER_MS,
    waitedAt: now,
  };
}

/** A cut leaves 3 % less than was delivered, so that the endpoint's queue drains. */
export const LESS = 0.97;

/** One verdict in this time, or in 1.5 response times; with few answers, in the longer one. */
export const ROUND_TRIP_MS = 300;
export const QUIET_ROUND_TRIP_MS = 2_000;
export const ENOUGH_ANSWERS = 10;

/** Whether answers to what was sent since the latest verdict can tell something. */
export function isRoundTrip({ sums }: Case, { ageMs, answers }: Window): boolean {
  if (answers >= ENOUGH_ANSWERS) return ageMs >= Math.max(ROUND_TRIP_MS, 1.5 * sums.responseMs);
  return answers > 0 && ageMs >= QUIET_ROUND_TRIP_MS;
}
