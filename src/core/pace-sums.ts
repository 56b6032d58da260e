import type { Classification } from './outcome.ts';

/*
 * What is known of how an endpoint answers. News: what one process tells of the attempts that ended since it told
 * last. Sums: the news of all processes added up in Redis, with what was reserved. The verdict (pace.ts) is made from
 * them. Times are ms of Redis' clock.
 */

/** What one answer says about the endpoint: it is well, it has too much to do, or it fails for another reason. */
export type Sign = 'good' | 'over' | 'fail';

/** Client errors that say nothing about the event, but that the endpoint does not serve us. */
const REFUSES_US = new Set([401, 403, 404, 405, 408]);
/** Statuses of an endpoint, or of a gateway before it, that has too much to do. */
const OVERLOADED = new Set([429, 502, 503, 504]);
/** Failures without a request of which the endpoint could have made something. */
const SAYS_NOTHING: ReadonlySet<string> = new Set(['token', 'crash', 'local', 'expired']);

/** What an attempt says about the endpoint; undefined: nothing, since it never came to it. */
export function signOf(classification: Classification): Sign | undefined {
  if (classification.kind === 'delivered') return 'good';
  const { failureClass, status } = classification;
  if (SAYS_NOTHING.has(failureClass)) return undefined;
  // Its status is our proxy's, whatever that would mean as the endpoint's.
  if (failureClass === 'proxy') return 'fail';
  if (failureClass === 'timeout' || OVERLOADED.has(status)) return 'over';
  return judgesTheEvent(status) ? 'good' : 'fail';
}

/** Whether a failure's status (0: there was none) says that something is wrong with the event, not with the endpoint. */
export function judgesTheEvent(status: number): boolean {
  return status >= 400 && status < 500 && !REFUSES_US.has(status) && !OVERLOADED.has(status);
}

/** Answers by their sign. `…Again`: to retries; the others: to first attempts. */
export interface AnswerCounts {
  ok: number;
  over: number;
  fail: number;
  okAgain: number;
  overAgain: number;
  failAgain: number;
  /** Answers that carried a `Retry-After`. */
  retryAfters: number;
  /** Good answers later than a quarter of `timeoutMs` and three times the quickest usual. */
  late: number;
}

/** What a process tells of the attempts that ended since it told last. */
export interface PaceNews extends AnswerCounts {
  /** The epoch the process knows. The counts are of requests sent under it. */
  epoch: number;
  /** Answers to requests sent under an older epoch. */
  okOld: number;
  badOld: number;
  /** The latest time that a `Retry-After` of this epoch named, at most 60 s ahead; 0: none did. */
  retryAt: number;
  /** Failures since the last good answer within these news. */
  tail: number;
  /** First attempts among them, so distinct events. */
  firstsInTail: number;
  /** How long ago the first failing attempt of the tail was sent. */
  tailAgeMs: number;
  /** The longest time that a failing attempt of this epoch took. */
  failMs: number;
  /** Mean response time of the good answers; 0: there was none. */
  responseMs: number;
  /** Name of the process whose probe ended with these news; empty: none did. */
  probe: string;
}

/** News of nothing yet. */
export function noNews(epoch: number): PaceNews {
  return {
    epoch,
    ok: 0,
    over: 0,
    fail: 0,
    okAgain: 0,
    overAgain: 0,
    failAgain: 0,
    retryAfters: 0,
    late: 0,
    okOld: 0,
    badOld: 0,
    retryAt: 0,
    tail: 0,
    firstsInTail: 0,
    tailAgeMs: 0,
    failMs: 0,
    responseMs: 0,
    probe: '',
  };
}

/** What all processes told of one endpoint, and what was reserved. The window: since the latest verdict. */
export interface PaceSums extends Readonly<AnswerCounts> {
  /** When the window began. */
  readonly from: number;
  /** 1: the pace kept something waiting in the window. */
  readonly waited: number;
  /** The latest `retryAt` and the longest `failMs` told in the window. */
  readonly retryAt: number;
  readonly failMs: number;

  /** Good answers of the second that began at `secondFrom`, of the second before it, and the mean of ten or so. */
  readonly secondFrom: number;
  readonly second: number;
  readonly secondBefore: number;
  readonly meanPerSecond: number;
  /** Since when good answers are counted without a gap of three seconds. */
  readonly countedFrom: number;

  /** The latest good answer, and all failures since: their number, first attempts, when the first was sent. */
  readonly goodAt: number;
  readonly fails: number;
  readonly firsts: number;
  readonly failsFrom: number;
  /** Answers with a `Retry-After` since the latest good answer. */
  readonly retryAftersInRow: number;
  /** When answers were told of last. */
  readonly newsAt: number;
  /** The usual response time of good answers, and of the quickest among them. */
  readonly responseMs: number;
  readonly quickMs: number;

  /** When the next request may be sent, by the rates of all reservations so far. */
  readonly nextAt: number;
  /** Until when one request that asks or probes is under way, and the process that sent it. */
  readonly probeUntil: number;
  readonly probeBy: string;
  /** When the next fresh probe is due: unless something else is sent before, and in any case. */
  readonly freshAt: number;
  readonly freshBy: number;
}

/** The sums of an endpoint of which nothing was told yet. */
export const NO_SUMS: PaceSums = {
  from: 0,
  ok: 0,
  over: 0,
  fail: 0,
  okAgain: 0,
  overAgain: 0,
  failAgain: 0,
  retryAfters: 0,
  late: 0,
  waited: 0,
  retryAt: 0,
  failMs: 0,
  secondFrom: 0,
  second: 0,
  secondBefore: 0,
  meanPerSecond: 0,
  countedFrom: 0,
  goodAt: 0,
  fails: 0,
  firsts: 0,
  failsFrom: 0,
  retryAftersInRow: 0,
  newsAt: 0,
  responseMs: 50,
  quickMs: 100_000,
  nextAt: 0,
  probeUntil: 0,
  probeBy: '',
  freshAt: 0,
  freshBy: 0,
};

/** A rate is taken over at least this time. */
const LEAST_SPAN_MS = 200;

/** For how long good answers have been counted, at most two seconds. */
function spanMs(sums: PaceSums, now: number): number {
  const sinceSecond = Math.min(2_000, Math.max(0, now - sums.secondFrom));
  return Math.max(LEAST_SPAN_MS, Math.min(now - sums.countedFrom, 1_000 + sinceSecond));
}

/** Good answers per second over the last one to two seconds, less after a shorter time. */
export function deliveredPerSecond(sums: PaceSums, now: number): number {
  if (now - sums.secondFrom >= 3_000) return 0;
  return ((sums.second + sums.secondBefore) * 1_000) / spanMs(sums, now);
}

/** Whether good answers have been counted for less than a second, so that their rate says little. */
export function isYoung(sums: PaceSums, now: number): boolean {
  return now - sums.countedFrom < 1_000;
}
