import { OPEN_AFTER_MS, TRY_PAUSE_MS, type Verdict } from './pace.ts';
import {
  type Case,
  deliveredBefore,
  FIRST_RATE,
  GROWTH,
  goOn,
  isTooMuch,
  LONGEST_HOLD_MS,
  LONGEST_PAUSE_MS,
  leaveOpen,
  normalShare,
  readWindow,
  silenceMs,
  turn,
  type Window,
} from './pace-case.ts';
import { deliveredPerSecond, isYoung } from './pace-sums.ts';

/** Failing altogether: the most fresh events per second, so that some hundreds pass before it is down. */
const FAILING = { perSecond: 50, afterMs: 2_000, failures: 5, less: 0.95 };

/** A cut leaves 3 % less than was delivered, so that the endpoint's queue drains. */
const LESS = 0.97;

/** Growth ends at this multiple of what is delivered: a queue that only grows gives no other sign. */
const MOST_ABOVE_DELIVERED = 1.1;

/** A share of failures up to this may turn out not to follow the rate. */
const MOST_NORMAL_SHARE = 0.35;

/**
 * An experiment begins at this share of failures or less. It ends when so many failures would have come had the share
 * stayed (if few came, twice as many), or after this time. Overload leaves next to none of them: a quarter, and three,
 * tell that they do not follow the rate.
 */
const EXPERIMENT = { share: 0.5, expected: 12, few: 1, remain: 1 / 4, least: 3, longestMs: 6_000 };

/** From this share on, the endpoint fails altogether: a quarter of the rate goes on. */
const ALTOGETHER = 0.9;

/** `recovering` opens after so long without a wait. */
const RECOVERED_MS = 1_000;

/** One verdict in this time, or in 1.5 response times; with few answers, in the longer one. */
const ROUND_TRIP_MS = 300;

const QUIET_ROUND_TRIP_MS = 2_000;

const ENOUGH_ANSWERS = 10;

export function judgeOpen(at: Case): Verdict | undefined {
  const { verdict, sums, now, floor } = at;
  const window = readWindow(sums, now);
  const signs = window.over + (window.mostFail ? window.fail : 0);
  if (!window.isLate && !isTooMuch(at, signs, window.answers)) return undefined;
  const delivered = deliveredBefore(at);
  const share = signs / window.answers;
  const experiment = window.isLate ? undefined : beginExperiment(at, share, delivered / (1 - share), true);
  if (experiment !== undefined) return { ...experiment, ...leaveOpen(at) };
  const young = isYoung(sums, now);
  const failing = window.mostFail && window.over < window.fail && delivered < 1;
  const least = young ? Math.max(FIRST_RATE, verdict.mark * 0.9) : floor;
  const rate = failing ? Math.max(floor, FAILING.perSecond) : Math.max(floor, delivered * LESS, least);
  return turn(at, 'slowed', {
    ...leaveOpen(at),
    failing,
    rate,
    mark: Math.max(rate, young ? verdict.mark : 0),
    growth: young ? 1 : GROWTH.least,
    lagUntil: now + Math.min(sums.failMs, LONGEST_HOLD_MS),
  });
}

/** Whether an experiment may be made, and would end in time. */
function mayTry(at: Case, share: number, halfRate: number): boolean {
  const expected = (share * halfRate * EXPERIMENT.longestMs) / 1_000;
  return share <= EXPERIMENT.share && expected >= EXPERIMENT.expected && at.now >= at.verdict.tryAgainAt;
}

/** Halves the rate, to see whether the failures follow it; undefined: that may not be, or would not end in time. */
function beginExperiment(at: Case, share: number, rate: number, wasOpen: boolean): Verdict | undefined {
  const { sums, now, floor } = at;
  const { ok, ageMs } = readWindow(sums, now);
  const delivered = Math.max(deliveredBefore(at), (ok * 1_000) / Math.max(ROUND_TRIP_MS, ageMs));
  const half = Math.max(floor, Math.min(rate, delivered) / 2);
  if (!mayTry(at, share, half)) return undefined;
  return turn(at, 'slowed', {
    rate: half,
    triedRate: rate,
    triedShare: share,
    triedDelivered: Math.max(rate * (1 - share), Math.min(rate, delivered)),
    triedOpen: wasOpen,
    growth: wasOpen && isYoung(sums, now) ? 1 : GROWTH.least,
    lagUntil: now + Math.min(sums.failMs, LONGEST_HOLD_MS),
    waitedAt: now,
  });
}

/** As large a share at half the rate is normal, and the rate goes back. Otherwise the failures follow the rate. */
function judgeExperiment(at: Case, window: Window): Verdict | undefined {
  const { verdict, sums, now, floor } = at;
  const signs = window.over + window.fail;
  const expected = window.answers * verdict.triedShare;
  const worse = window.answers >= ENOUGH_ANSWERS && signs > 2 * expected + EXPERIMENT.expected;
  const isOver = now >= Math.max(verdict.epochFrom, verdict.lagUntil) + EXPERIMENT.longestMs;
  const remain = signs >= Math.max(EXPERIMENT.least, expected * EXPERIMENT.remain);
  const wanted = remain || signs <= EXPERIMENT.few ? EXPERIMENT.expected : 2 * EXPERIMENT.expected;
  const isEnough = expected >= wanted && isRoundTrip(at, window) && now >= verdict.lagUntil;
  if (!worse && !isEnough && !isOver) return undefined;
  if (!worse && remain) {
    const share = signs / window.answers;
    const spread = Math.sqrt((share * (1 - share)) / window.answers);
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
  const rate = Math.max(floor, LESS * (worse ? deliveredPerSecond(sums, now) : verdict.triedDelivered));
  return turn(at, 'slowed', {
    rate,
    mark: rate,
    growth: worse ? GROWTH.least : verdict.growth,
    tryAgainAt: now + verdict.tryPauseMs,
    tryPauseMs: Math.min(LONGEST_PAUSE_MS, 2 * verdict.tryPauseMs),
    lagUntil: now + Math.min(sums.failMs, LONGEST_HOLD_MS),
    waitedAt: now,
  });
}

/** Whether answers to what was sent since the latest verdict can tell something. */
function isRoundTrip({ sums }: Case, { ageMs, answers }: Window): boolean {
  if (answers >= ENOUGH_ANSWERS) return ageMs >= Math.max(ROUND_TRIP_MS, 1.5 * sums.responseMs);
  return answers > 0 && ageMs >= QUIET_ROUND_TRIP_MS;
}

export function judgePaced(at: Case): Verdict | undefined {
  const { verdict, sums, now } = at;
  const window = readWindow(sums, now);
  if (verdict.triedRate > 0) return judgeExperiment(at, window);
  const failsAltogether =
    verdict.state === 'slowed' &&
    !verdict.failing &&
    sums.fails >= FAILING.failures &&
    silenceMs(at) >= Math.max(FAILING.afterMs, 3 * sums.responseMs);
  if (failsAltogether) {
    return goOn(at, { failing: true, rate: Math.max(at.floor, Math.min(verdict.rate, FAILING.perSecond)) });
  }
  if (!isRoundTrip(at, window)) return opens(at) ? open(at) : undefined;
  const signs = window.over + window.fail;
  const late = window.isLate && signs < window.answers / 2;
  if (verdict.state === 'recovering' && window.allOk === 0) return undefined;
  if (late) {
    const rate = Math.max(at.floor, 0.9 * Math.min(verdict.rate, deliveredPerSecond(sums, now)));
    return turn(at, 'slowed', { rate, mark: rate, growth: GROWTH.least });
  }
  if (isTooMuch(at, signs, window.answers)) return cut(at, window);
  if (now < verdict.lagUntil || window.allOk === 0) return undefined;
  return opens(at) ? open(at) : grow(at, window);
}

function cut(at: Case, window: Window): Verdict {
  const { verdict, sums, now, floor } = at;
  const share = (window.over + window.fail) / window.answers;
  const experiment = beginExperiment(at, share, verdict.rate, false);
  if (experiment !== undefined) return experiment;
  const lagUntil = now + Math.min(sums.failMs, LONGEST_HOLD_MS);
  const waitedAt = sums.waited > 0 ? now : verdict.waitedAt;
  if (share >= ALTOGETHER) {
    const less = verdict.failing && window.fail >= window.over ? FAILING.less : 1 / 4;
    const rate = Math.max(floor, verdict.rate * less);
    return turn(at, 'slowed', { rate, failing: verdict.failing, growth: GROWTH.least, lagUntil, waitedAt });
  }
  const good = verdict.rate * (1 - share + normalShare(at));
  const rate = Math.max(floor, LESS * Math.max(good, Math.min(verdict.rate, deliveredBefore(at))));
  return turn(at, 'slowed', { rate, mark: rate, growth: GROWTH.least, lagUntil, waitedAt });
}

function opens({ verdict, sums, now }: Case): boolean {
  if (sums.waited > 0) return false;
  if (verdict.state === 'recovering') return now - verdict.waitedAt >= RECOVERED_MS;
  return sums.goodAt > verdict.epochFrom && now - verdict.waitedAt >= verdict.openAfterMs;
}

function open(at: Case): Verdict {
  return turn(at, 'open', { rate: 0, mark: Math.max(at.verdict.mark, deliveredPerSecond(at.sums, at.now)) });
}

/** No sign in a round trip: the rate grows if events wait for it. */
function grow(at: Case, window: Window): Verdict {
  const { verdict, sums, now } = at;
  const seconds = Math.min(1, window.ageMs / 1_000);
  const { growth } = verdict;
  const waitedAt = sums.waited > 0 ? now : verdict.waitedAt;
  if (sums.waited === 0) return goOn(at, { failing: false, growth, waitedAt });
  if (verdict.state === 'recovering' || verdict.rate < 0.9 * verdict.mark) {
    return goOn(at, { failing: false, growth, waitedAt, rate: verdict.rate * 2 ** seconds });
  }
  if (growth >= 1) {
    const rate = Math.max(verdict.rate * 4 ** seconds, LESS * deliveredPerSecond(sums, now));
    return goOn(at, { failing: false, waitedAt, rate });
  }
  const most = (MOST_ABOVE_DELIVERED * deliveredPerSecond(sums, now)) / (1 - normalShare(at)) + 1;
  const grown = verdict.rate + (verdict.rate * growth + 0.5) * seconds;
  if (verdict.rate >= most) return goOn(at, { failing: false, waitedAt });
  const faster = Math.min(GROWTH.most, growth * GROWTH.faster ** seconds);
  return goOn(at, { failing: false, waitedAt, rate: Math.min(grown, most), growth: faster });
}
