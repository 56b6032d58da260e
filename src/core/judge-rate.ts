import { beginExperiment, concludeExperiment } from './judge-experiment.ts';
import type { Verdict } from './pace.ts';
import {
  type Case,
  deliveredBefore,
  FIRST_RATE,
  GROWTH,
  goOn,
  isRoundTrip,
  isTooMuch,
  LESS,
  LONGEST_HOLD_MS,
  leaveOpen,
  normalShare,
  QUIET_ROUND_TRIP_MS,
  readWindow,
  silenceMs,
  turn,
  type Window,
} from './pace-case.ts';
import { deliveredPerSecond, isYoung } from './pace-sums.ts';

/** Failing altogether: the most fresh events per second, so that some hundreds pass before it is down. */
const FAILING = { perSecond: 50, afterMs: 2_000, failures: 5, less: 0.95 };

/** A cut for late answers. */
const LESS_FOR_LATE = 0.9;
/** Growth ends at this multiple of what is delivered: a queue that only grows gives no other sign. */
const MOST_ABOVE_DELIVERED = 1.1;

/** From this share on, the endpoint fails altogether: a quarter of the rate goes on. */
const ALTOGETHER = 0.9;

/** `recovering` opens after so long without a wait. */
const RECOVERED_MS = 1_000;

export function judgeOpen(at: Case): Verdict | undefined {
  const { verdict, sums, now, floor } = at;
  const window = readWindow(sums, now);
  const signs = window.over + (window.mostFail ? window.fail : 0);
  if (!window.isLate && !isTooMuch(at, signs, window.answers)) return undefined;
  // Refusals arrive before deliveries: with a normal share, a burst that has just begun looks worse than it is.
  if (normalShare(at) > 0 && !isRoundTrip(at, window)) return undefined;
  const delivered = deliveredBefore(at);
  const share = signs / window.answers;
  const experiment = window.isLate ? undefined : beginExperiment(at, share, delivered / (1 - share));
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

/** What follows in `slowed` and `recovering`, of which one verdict is made in a round trip. */
export function judgePaced(at: Case): Verdict | undefined {
  const { verdict, sums, now } = at;
  const window = readWindow(sums, now);
  if (verdict.triedRate > 0) {
    const conclusion = concludeExperiment(at, window);
    return conclusion === 'worse' ? lessen(at, window) : conclusion;
  }
  if (failsAltogether(at)) {
    return goOn(at, { failing: true, rate: Math.max(at.floor, Math.min(verdict.rate, FAILING.perSecond)) });
  }
  if (!isRoundTrip(at, window)) return judgeQuiet(at, window);
  if (verdict.state === 'recovering' && window.allOk === 0) return undefined;
  const signs = window.over + window.fail;
  if (window.isLate && signs < window.answers / 2) return lessenForLate(at);
  if (isTooMuch(at, signs, window.answers)) {
    return beginExperiment(at, signs / window.answers, verdict.rate) ?? lessen(at, window);
  }
  if (now < verdict.lagUntil || window.allOk === 0) return undefined;
  return opens(at) ? open(at) : grow(at, window);
}

function failsAltogether(at: Case): boolean {
  const { verdict, sums } = at;
  if (verdict.state !== 'slowed' || verdict.failing || sums.fails < FAILING.failures) return false;
  return silenceMs(at) >= Math.max(FAILING.afterMs, 3 * sums.responseMs);
}

/** Too few answers: time alone may open it. */
function judgeQuiet(at: Case, { answers, ageMs }: Window): Verdict | undefined {
  if (opens(at)) return open(at);
  const onlyWaited = answers === 0 && at.sums.waited > 0 && ageMs >= QUIET_ROUND_TRIP_MS;
  return onlyWaited ? goOn(at, { waitedAt: at.now }) : undefined;
}

function lessenForLate(at: Case): Verdict {
  const delivered = deliveredPerSecond(at.sums, at.now);
  const rate = Math.max(at.floor, LESS_FOR_LATE * Math.min(at.verdict.rate, delivered));
  return turn(at, 'slowed', { rate, mark: rate, growth: GROWTH.least });
}

/** Takes the rate down to what was delivered; a quarter if nearly nothing was. */
function lessen(at: Case, window: Window): Verdict {
  const { verdict, sums, now, floor } = at;
  const share = (window.over + window.fail) / window.answers;
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
  if (at.sums.waited === 0) return goOn(at, { failing: false });
  return goOn(at, { failing: false, waitedAt: at.now, ...faster(at, window) });
}

/** Doubles each second up to a rate that it took before, or twice a second if none is known. Then it grows slowly. */
function faster(at: Case, { ageMs }: Window): Partial<Verdict> {
  const { verdict, sums, now } = at;
  const { rate, growth } = verdict;
  const delivered = deliveredPerSecond(sums, now);
  if (verdict.state === 'recovering' || rate < 0.9 * verdict.mark) {
    const seconds = Math.min(QUIET_ROUND_TRIP_MS, ageMs) / 1_000;
    return { rate: Math.min(rate * 2 ** seconds, Math.max(rate, 2 * delivered + FIRST_RATE)) };
  }
  const seconds = Math.min(1, ageMs / 1_000);
  if (growth >= 1) return { rate: Math.max(rate * 4 ** seconds, LESS * delivered) };
  const most = (MOST_ABOVE_DELIVERED * delivered) / (1 - normalShare(at)) + 1;
  if (rate >= most) return {};
  const grown = rate + (rate * growth + 0.5) * seconds;
  return {
    rate: Math.min(grown, most),
    growth: Math.min(GROWTH.most, growth * GROWTH.faster ** seconds),
  };
}
