import { judgeOpen, judgePaced } from './judge-rate.ts';
import type { Verdict } from './pace.ts';
import {
  type Case,
  deliveredBefore,
  FIRST_RATE,
  GROWTH,
  goOn,
  isMuch,
  LONGEST_HOLD_MS,
  LONGEST_PAUSE_MS,
  leaveOpen,
  readWindow,
  silenceMs,
  turn,
} from './pace-case.ts';
import { deliveredPerSecond, isYoung, type PaceSums } from './pace-sums.ts';

/** Down: this many requests in a row asked after a hold and failed. */
const MOST_ASKS = 3;

/** `Retry-After` holds the endpoint if this share of the answers, or this many in a row, carry one. */
const HOLDING_SHARE = 0.1;

const HOLDING_ROW = 3;

/** Down: nothing delivered for this long, and this many failures; or a few of two events over a longer time. */
const DOWN = { afterMs: 10_000, failures: 20, quietMs: 300_000, quietFailures: 5 };

/** Failures without a delivery that end a recovery. */
const RELAPSE_FAILURES = 5;

/** Times that are past, unless a clock was ahead. */
const PAST = ['since', 'waitedAt', 'epochFrom', 'silentFrom', 'downFrom'] as const;
const PAST_IN_SUMS = ['from', 'secondFrom', 'countedFrom', 'goodAt', 'failsFrom'] as const;

/** A clock that was ahead leaves times that nothing would reach for long: they are cut. Mostly nothing is. */
function cutTimesAhead(verdict: Verdict, sums: PaceSums, now: number): Pick<Case, 'verdict' | 'sums'> {
  const past = cut(verdict, PAST, now);
  const held = cut(past, ['holdUntil', 'lagUntil'], now + LONGEST_HOLD_MS);
  return {
    verdict: cut(held, ['normalUntil', 'tryAgainAt'], now + LONGEST_PAUSE_MS),
    sums: cut(cut(sums, PAST_IN_SUMS, now), ['retryAt'], now + LONGEST_HOLD_MS),
  };
}

/** The same with these times not after the latest one; itself, if none was. */
function cut<Times, Name extends keyof Times>(
  times: Times & Readonly<Record<Name, number>>,
  names: readonly Name[],
  latest: number,
): Times & Readonly<Record<Name, number>> {
  let kept = times;
  for (const name of names) if (times[name] > latest) kept = { ...kept, [name]: latest };
  return kept;
}

/**
 * Decides what follows from the sums; undefined: nothing changes.
 *
 * @param minPerSecond the least rate of `slowed` and `recovering`, requests per second; 0: one
 */
export function judge(
  verdict: Verdict,
  sums: PaceSums,
  now: number,
  minPerSecond: number,
): Verdict | undefined {
  const at: Case = { ...cutTimesAhead(verdict, sums, now), now, floor: Math.max(1, minPerSecond) };
  // Written down at once: cut anew at each look, they would go on with the clock.
  if (at.verdict !== verdict) return goOn(at, {});
  if (at.verdict.state === 'down') return judgeDown(at);
  if (at.verdict.holdUntil > now) return undefined;
  if (at.verdict.holdUntil > 0) return judgeAsk(at);
  const held = hold(at);
  if (held !== undefined) return held;
  if (isDown(at)) return goDown(at);
  return at.verdict.state === 'open' ? judgeOpen(at) : judgePaced(at);
}

function isDown(at: Case): boolean {
  const { verdict, sums, now } = at;
  if (sums.fails >= DOWN.failures && silenceMs(at) >= DOWN.afterMs) return true;
  if (sums.fails >= DOWN.quietFailures && sums.firsts >= 2 && silenceMs(at) >= DOWN.quietMs) return true;
  const { allOk, allBad } = readWindow(sums, now);
  return verdict.state === 'recovering' && allOk === 0 && allBad >= RELAPSE_FAILURES;
}

function goDown(at: Case): Verdict {
  const downFrom = Math.max(at.sums.goodAt, at.sums.failsFrom);
  return turn(at, 'down', { rate: 0, holdUntil: holdUntilOf(at), asksFailed: 0, downFrom });
}

/** The first delivery begins the recovery. Until then a `Retry-After` holds what would find out. */
function judgeDown(at: Case): Verdict | undefined {
  const { verdict, sums, now } = at;
  if (sums.goodAt > verdict.since) return recover(at, verdict.usualRate, { holdUntil: 0 });
  if (verdict.holdUntil > now) return undefined;
  const holdUntil = holdUntilOf(at);
  return holdUntil === verdict.holdUntil ? undefined : goOn(at, { holdUntil });
}

/** A careful start, at a hundredth of the rate before. */
function recover(at: Case, usualRate: number, change: Partial<Verdict>): Verdict {
  const rate = Math.max(at.floor, usualRate / 100);
  const anew = { rate, mark: 0, growth: GROWTH.least, downFrom: 0, waitedAt: at.now };
  return turn(at, 'recovering', { ...anew, ...change });
}

/** When a hold ends that begins now: many answers, or several in a row, carry a `Retry-After`; 0: none begins. */
function holdUntilOf({ sums, now }: Case): number {
  if (sums.retryAt <= now) return 0;
  const many = isMuch(sums.retryAfters, HOLDING_SHARE, readWindow(sums, now).answers);
  return many || sums.retryAftersInRow >= HOLDING_ROW ? sums.retryAt : 0;
}

function hold(at: Case): Verdict | undefined {
  const holdUntil = holdUntilOf(at);
  if (holdUntil === 0) return undefined;
  const { verdict, sums, now } = at;
  const asksFailed = sums.goodAt > verdict.epochFrom ? 0 : verdict.asksFailed;
  const delivered = deliveredBefore(at);
  const change = verdict.state === 'open' ? leaveOpen(at) : {};
  return turn(at, 'slowed', {
    ...change,
    holdUntil,
    mark: delivered,
    // After less than a second of deliveries, little is known of what it takes.
    growth: isYoung(sums, now) ? 1 : GROWTH.least,
    rate: at.floor,
    asksFailed,
  });
}

/** After a hold one request asked: on at half of what was delivered before, or another hold. */
function judgeAsk(at: Case): Verdict | undefined {
  const { verdict, sums, now, floor } = at;
  const { allOk, allBad } = readWindow(sums, now);
  if (allOk > 0) {
    const rate = Math.max(floor, verdict.mark / 2);
    const growth = verdict.mark < FIRST_RATE ? 1 : verdict.growth;
    return turn(at, 'slowed', { holdUntil: 0, asksFailed: 0, rate, growth, silentFrom: now, waitedAt: now });
  }
  if (allBad === 0) return undefined;
  const asksFailed = verdict.asksFailed + 1;
  if (asksFailed >= MOST_ASKS) return goDown(at);
  if (sums.retryAt > now) return turn(at, 'slowed', { holdUntil: sums.retryAt, asksFailed });
  return turn(at, 'slowed', { holdUntil: 0, asksFailed, rate: floor, silentFrom: now, waitedAt: now });
}

/**
 * The verdict after events have waited for something other than the endpoint, a token: it begins as slowly as after an
 * outage. Undefined: another process has begun already, or the endpoint is not `open`.
 *
 * @param waitedFrom since when they had waited
 */
export function recoverFromWait(
  verdict: Verdict,
  sums: PaceSums,
  now: number,
  minPerSecond: number,
  waitedFrom: number,
): Verdict | undefined {
  if (verdict.state !== 'open' || verdict.since > waitedFrom) return undefined;
  const at: Case = { verdict, sums, now, floor: Math.max(1, minPerSecond) };
  const left = leaveOpen(at);
  return recover(at, left.usualRate, { ...left, silentFrom: now });
}

/**
 * The verdict by which an operator has an endpoint tried again at once: from `down`, and from a hold, a careful
 * recovery; from `slowed` and `recovering` it opens. Undefined: it is open.
 */
export function tryAgain(
  verdict: Verdict,
  sums: PaceSums,
  now: number,
  minPerSecond: number,
): Verdict | undefined {
  if (verdict.state === 'open') return undefined;
  const at: Case = { verdict, sums, now, floor: Math.max(1, minPerSecond) };
  // Failures and silence from before say nothing about what is sent from now on.
  const anew = { holdUntil: 0, asksFailed: 0, downFrom: 0, silentFrom: now, waitedAt: now };
  if (verdict.state === 'down' || verdict.holdUntil > 0) return recover(at, verdict.usualRate, anew);
  const mark = Math.max(verdict.mark, deliveredPerSecond(sums, now));
  return turn(at, 'open', { ...anew, rate: 0, mark });
}
