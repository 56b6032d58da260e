import type { Verdict } from './pace.ts';
import { normalShare, TOLERATED_SHARE } from './pace-case.ts';
import { noNews, type PaceNews, type Sign } from './pace-sums.ts';

/** From this number on, signs of overload are told at once, if they are many among the answers. */
const SIGNS_TOLD = 3;
/** From this number on, failures in a row are told at once. */
const FAILURES_TOLD = 20;

/** One answer, as news count it. */
export interface NewAnswer {
  readonly sign: Sign;
  /** Its request was sent under the epoch of the news. */
  readonly isCurrent: boolean;
  /** It answers a first attempt. */
  readonly isFirst: boolean;
  /** How long it took, ms. */
  readonly tookMs: number;
  /** It was good, but late. */
  readonly isLate: boolean;
  /** The time that its `Retry-After` names, ms of Redis' clock; 0: it has none. */
  readonly retryAt: number;
}

/** Counts a good answer into news. */
export function noteGood(news: PaceNews, { isCurrent, isFirst, tookMs, isLate }: NewAnswer): void {
  if (!isCurrent) news.okOld += 1;
  else if (isFirst) news.ok += 1;
  else news.okAgain += 1;
  if (isCurrent && isLate) news.late += 1;
  news.responseMs += news.responseMs === 0 ? tookMs : (tookMs - news.responseMs) * 0.1;
  news.tail = 0;
  news.firstsInTail = 0;
  news.tailAgeMs = 0;
}

/** Counts a failure into news. */
export function noteFailure(news: PaceNews, { sign, isCurrent, isFirst, tookMs, retryAt }: NewAnswer): void {
  if (!isCurrent) news.badOld += 1;
  else if (sign === 'over') news[isFirst ? 'over' : 'overAgain'] += 1;
  else news[isFirst ? 'fail' : 'failAgain'] += 1;
  news.tailAgeMs = Math.max(news.tailAgeMs, tookMs);
  news.tail += 1;
  if (isFirst) news.firstsInTail += 1;
  if (!isCurrent) return;
  news.failMs = Math.max(news.failMs, tookMs);
  if (retryAt === 0) return;
  news.retryAfters += 1;
  news.retryAt = Math.max(news.retryAt, retryAt);
}

/** News that were not told before a new epoch began. */
export function ofAnOlderEpoch(news: PaceNews, epoch: number): PaceNews {
  return {
    ...noNews(epoch),
    okOld: news.okOld + news.ok + news.okAgain,
    badOld: news.badOld + news.over + news.fail + news.overAgain + news.failAgain,
    tail: news.tail,
    firstsInTail: news.firstsInTail,
    tailAgeMs: news.tailAgeMs,
    responseMs: news.responseMs,
    probe: news.probe,
  };
}

/** Whether news may end `open`: it spares a judgement after each telling of a healthy endpoint. */
export function mayEndOpen({ tail, over, fail, overAgain, failAgain, late }: PaceNews): boolean {
  return tail + over + fail + overAgain + failAgain + late > 0;
}

/**
 * Whether news may change the verdict, so that they are told at once: signs of overload, a row of failures, the first
 * answers that carry a `Retry-After`.
 *
 * @param answers how many answers the news count
 * @param now ms of Redis' clock
 */
export function areUrgent(news: PaceNews, answers: number, verdict: Verdict, now: number): boolean {
  if (news.retryAfters > 0 && verdict.holdUntil <= now) return true;
  if (verdict.state !== 'open') return false;
  const signs = news.over + news.overAgain;
  const tolerated = TOLERATED_SHARE + normalShare({ verdict, now });
  return (signs >= SIGNS_TOLD && signs > tolerated * answers) || news.tail >= FAILURES_TOLD;
}
