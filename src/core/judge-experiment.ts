import { OPEN_AFTER_MS, TRY_PAUSE_MS, type Verdict } from './pace.ts';
import {
  type Case,
  deliveredBefore,
  ENOUGH_ANSWERS,
  GROWTH,
  isMuch,
  isRoundTrip,
  LESS,
  LONGEST_HOLD_MS,
  LONGEST_PAUSE_MS,
  ROUND_TRIP_MS,
  readWindow,
  turn,
  type Window,
} from './pace-case.ts';
import { isYoung } from './pace-sums.ts';

/*
 * Failures that do not follow the rate are no overload: one of five backends may be dead. An experiment finds out.
 */

/** A share of failures up to this may turn out not to follow the rate. */
const MOST_NORMAL_SHARE = 0.35;

/**
 * An experiment begins at this share of failures or less. It ends when this many failures would have come had the share
 * stayed (if few came, twice as many), or after this time. Overload leaves next to none of them: a quarter, and three,
 * tell that they do not follow the rate.
 */
const EXPERIMENT = { share: 0.5, expected: 12, few: 1, remain: 1 / 4, least: 3, longestMs: 6_000 };

/** Whether an experiment may be made, and would end in time. */
function mayTry(at: Case, share: number, halfRate: number): boolean {
  const expected = (share * halfRate * EXPERIMENT.longestMs) / 1_000;
  return share <= EXPERIMENT.share && expected >= EXPERIMENT.expected && at.now >= at.verdict.tryAgainAt;
}

/** Halves the rate, to see whether the failures follow it; undefined: that may not be, or would not end in time. */
export function beginExperiment(at: Case, share: number, rate: number): Verdict | undefined {
  const { verdict, sums, now, floor } = at;
  const wasOpen = verdict.state === 'open';
  const { ok, ageMs } = readWindow(sums, now);
  const delivered = Math.max(deliveredBefore(at), (ok * 1_000) / Math.max(ROUND_TRIP_MS, ageMs));
  const half = Math.max(floor, Math.min(rate, delivered) / 2);
  if (!mayTry(at, share, half)) return undefined;
  return turn(at, 'slowed', {
    rate: half,
    triedRate: rate,
    triedShare: share,
    triedDelivered: Math.max(rate * (1 - share), Math.min(rate, delivered)),
    // While it doubles, no edge is known: it goes back to `open`.
    triedOpen: wasOpen || verdict.growth >= 1,
    growth: wasOpen && isYoung(sums, now) ? 1 : GROWTH.least,
    lagUntil: now + Math.min(sums.failMs, LONGEST_HOLD_MS),
    waitedAt: now,
  });
}

/**
 * As large a share at half the rate is normal, and the rate goes back. Otherwise the failures follow the rate, which
 * becomes what was delivered. `worse`: it fails more than before; undefined: the answers are not enough yet.
 */
export function concludeExperiment(at: Case, window: Window): Verdict | 'worse' | undefined {
  const { verdict, now } = at;
  const { answers } = window;
  const signs = window.over + window.fail;
  const expected = answers * verdict.triedShare;
  if (answers >= ENOUGH_ANSWERS && (window.ok === 0 || isMuch(signs, 1.5 * verdict.triedShare, answers))) {
    return 'worse';
  }
  const isOver = now >= Math.max(verdict.epochFrom, verdict.lagUntil) + EXPERIMENT.longestMs;
  const remain = signs >= Math.max(EXPERIMENT.least, expected * EXPERIMENT.remain);
  const wanted = remain || signs <= EXPERIMENT.few ? EXPERIMENT.expected : 2 * EXPERIMENT.expected;
  const isEnough = expected >= wanted && isRoundTrip(at, window) && now >= verdict.lagUntil;
  if (!isEnough && !isOver) return undefined;
  return remain ? goBack(at, signs / answers, answers) : followRate(at);
}

/** The rate goes back to what it was, and this share counts as normal. */
function goBack(at: Case, share: number, answers: number): Verdict {
  const { verdict, now } = at;
  const spread = Math.sqrt((share * (1 - share)) / answers);
  return turn(at, verdict.triedOpen ? 'open' : 'slowed', {
    rate: verdict.triedOpen ? 0 : verdict.triedRate,
    mark: verdict.triedRate,
    growth: 1,
    normalShare: Math.min(MOST_NORMAL_SHARE, share + spread),
    normalUntil: now + LONGEST_PAUSE_MS,
    openAfterMs: OPEN_AFTER_MS,
    tryPauseMs: TRY_PAUSE_MS,
    waitedAt: now,
  });
}

/** Overload: on with what was delivered, and no experiment for some time. */
function followRate(at: Case): Verdict {
  const { verdict, sums, now, floor } = at;
  const rate = Math.max(floor, LESS * verdict.triedDelivered);
  return turn(at, 'slowed', {
    rate,
    mark: rate,
    tryAgainAt: now + verdict.tryPauseMs,
    tryPauseMs: Math.min(LONGEST_PAUSE_MS, 2 * verdict.tryPauseMs),
    lagUntil: now + Math.min(sums.failMs, LONGEST_HOLD_MS),
    waitedAt: now,
  });
}
