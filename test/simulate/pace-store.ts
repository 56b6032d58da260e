import type { Verdict } from '../../src/core/pace.ts';
import type { PaceNews, PaceSums } from '../../src/core/pace-sums.ts';

/*
 * What Redis does with the pace of an endpoint, step by step as its script does it: numbers, comparisons, sums. `now`
 * is Redis' TIME in ms. The verdict is only read here, except by `write`.
 */

/** What a process wants to send. */
export interface Want {
  readonly fresh: number;
  readonly retry: number;
  /** Name of the process. */
  readonly by: string;
  readonly timeoutMs: number;
}

/** What it may send; all zero or empty but what is granted. */
export interface Grant {
  /** 1: as much as it likes. */
  readonly free: number;
  /** So many requests, the first at `at`, then one every `everyMs`. */
  readonly count: number;
  readonly at: number;
  readonly everyMs: number;
  /** 'fresh' or 'retry': one request of this kind, which finds out how the endpoint is. */
  readonly probe: string;
  /** When to ask again, if nothing was granted. */
  readonly againAt: number;
}

const NOTHING: Grant = { free: 0, count: 0, at: 0, everyMs: 0, probe: '', againAt: 0 };

/** One reservation takes requests of the next 200 ms. */
const AHEAD_MS = 200;
/** A fresh probe after a tenth of the outage, within these; and one a minute in any case. */
const PROBE_FIRST_MS = 2_000;
const PROBE_EVERY_MS = 15_000;
const PROBE_ANYWAY_MS = 60_000;

type Mutable = { -readonly [Key in keyof PaceSums]: PaceSums[Key] };

function beginWindow(sums: Mutable, now: number): void {
  sums.from = now;
  sums.ok = 0;
  sums.over = 0;
  sums.fail = 0;
  sums.okAgain = 0;
  sums.overAgain = 0;
  sums.failAgain = 0;
  sums.retryAfters = 0;
  sums.late = 0;
  sums.waited = 0;
  sums.retryAt = 0;
  sums.failMs = 0;
}

function countGood(sums: Mutable, good: number, now: number): void {
  if (now - sums.secondFrom >= 3_000 || sums.secondFrom > now) {
    sums.countedFrom = now - 20;
    sums.secondFrom = now;
    sums.second = 0;
    sums.secondBefore = 0;
  }
  while (now - sums.secondFrom >= 1_000) {
    sums.meanPerSecond = sums.meanPerSecond + (sums.second - sums.meanPerSecond) * 0.1;
    sums.secondBefore = sums.second;
    sums.second = 0;
    sums.secondFrom = sums.secondFrom + 1_000;
  }
  sums.second = sums.second + good;
}

function probeGapMs(verdict: Verdict, now: number): number {
  return Math.min(PROBE_EVERY_MS, Math.max(PROBE_FIRST_MS, (now - verdict.downFrom) / 10));
}

/** Times ahead are of another clock. */
function cutTimesAhead(sums: Mutable, now: number): void {
  sums.goodAt = Math.min(sums.goodAt, now);
  sums.failsFrom = Math.min(sums.failsFrom, now);
  sums.countedFrom = Math.min(sums.countedFrom, now);
  sums.newsAt = Math.min(sums.newsAt, now);
}

/** Adds news. In `open`, a window older than a second is begun anew before, so that it need not be judged. */
export function tell(verdict: Verdict, before: PaceSums, news: PaceNews, now: number): PaceSums {
  const sums = { ...before };
  if (sums.from > now || (verdict.state === 'open' && now - sums.from >= 1_000)) beginWindow(sums, now);
  cutTimesAhead(sums, now);
  const good = news.ok + news.okAgain + news.okOld;
  const bad = news.over + news.fail + news.overAgain + news.failAgain + news.badOld;
  countGood(sums, good, now);
  if (good > 0) {
    const weight = news.responseMs < sums.quickMs ? 0.5 : 0.0005;
    sums.quickMs = sums.quickMs + (news.responseMs - sums.quickMs) * weight;
    sums.responseMs = sums.responseMs + (news.responseMs - sums.responseMs) * 0.2;
    sums.goodAt = now;
    sums.newsAt = now;
    sums.fails = news.tail;
    sums.firsts = news.firstsInTail;
    sums.failsFrom = now - news.tailAgeMs;
    sums.retryAftersInRow = 0;
  } else if (bad > 0) {
    sums.newsAt = now;
    if (sums.fails === 0) {
      sums.firsts = 0;
      sums.failsFrom = now - news.tailAgeMs;
    }
    sums.fails = sums.fails + bad;
    sums.firsts = sums.firsts + news.firstsInTail;
    sums.retryAftersInRow = sums.retryAftersInRow + news.retryAfters;
    // Something was sent while it was down: the next fresh probe can wait.
    if (verdict.state === 'down') {
      sums.freshAt = Math.max(sums.freshAt, now - news.tailAgeMs + probeGapMs(verdict, now));
    }
  }
  if (news.epoch === verdict.epoch) {
    sums.ok = sums.ok + news.ok;
    sums.over = sums.over + news.over;
    sums.fail = sums.fail + news.fail;
    sums.okAgain = sums.okAgain + news.okAgain;
    sums.overAgain = sums.overAgain + news.overAgain;
    sums.failAgain = sums.failAgain + news.failAgain;
    sums.retryAfters = sums.retryAfters + news.retryAfters;
    sums.late = sums.late + news.late;
    sums.retryAt = Math.max(sums.retryAt, news.retryAt);
    sums.failMs = Math.max(sums.failMs, news.failMs);
  }
  // After a hold the lease stays until the verdict, unless the request was never sent.
  const isEnd = verdict.holdUntil === 0 || verdict.state === 'down' || good + bad === 0;
  if (news.probe !== '' && news.probe === sums.probeBy && isEnd) sums.probeUntil = 0;
  return sums;
}

/** Grants what a process may send now. */
export function reserve(
  verdict: Verdict,
  before: PaceSums,
  want: Want,
  now: number,
): { readonly grant: Grant; readonly sums: PaceSums } {
  const sums = { ...before };
  if (verdict.state === 'open') return { grant: { ...NOTHING, free: 1 }, sums };
  if (verdict.holdUntil > now) {
    sums.waited = 1;
    return { grant: { ...NOTHING, againAt: Math.min(verdict.holdUntil, now + 60_000) }, sums };
  }
  if (verdict.holdUntil > 0 || verdict.state === 'down') return reserveProbe(verdict, sums, want, now);

  const everyMs = 1_000 / verdict.rate;
  const nextAt = Math.min(Math.max(sums.nextAt, now), now + AHEAD_MS + everyMs);
  const asked = verdict.failing ? want.fresh : want.fresh + want.retry;
  let count = 0;
  if (nextAt <= now + AHEAD_MS) count = Math.min(asked, Math.floor((now + AHEAD_MS - nextAt) / everyMs) + 1);
  sums.nextAt = nextAt + count * everyMs;
  // A request due within 50 ms waits for its slot rather than for the pace.
  if (count < asked || sums.nextAt > now + 50) sums.waited = 1;
  if (count === 0) return { grant: { ...NOTHING, againAt: nextAt - AHEAD_MS / 2 }, sums };
  return { grant: { ...NOTHING, count, at: nextAt, everyMs }, sums };
}

/** One request at a time: it asks after a hold, or probes an endpoint that is down. */
function reserveProbe(verdict: Verdict, sums: Mutable, want: Want, now: number) {
  const leaseMs = want.timeoutMs + 1_000;
  sums.waited = 1;
  if (sums.probeUntil > now && sums.probeUntil <= now + leaseMs) {
    return { grant: { ...NOTHING, againAt: Math.min(sums.probeUntil, now + 1_000) }, sums };
  }
  let probe = want.fresh > 0 ? 'fresh' : '';
  if (verdict.state === 'down') {
    const gapMs = probeGapMs(verdict, now);
    sums.freshAt = Math.min(sums.freshAt, now + PROBE_EVERY_MS);
    sums.freshBy = Math.min(sums.freshBy, now + PROBE_ANYWAY_MS);
    const dueAt = Math.min(sums.freshAt, sums.freshBy);
    if (dueAt > now || want.fresh === 0)
      return { grant: { ...NOTHING, againAt: Math.max(dueAt, now + 1_000) }, sums };
    sums.freshAt = now + gapMs;
    sums.freshBy = now + PROBE_ANYWAY_MS;
  } else if (want.retry > 0) {
    probe = 'retry';
  }
  if (probe !== '') {
    sums.probeUntil = now + leaseMs;
    sums.probeBy = want.by;
  }
  return { grant: { ...NOTHING, probe }, sums };
}

/** Replaces the verdict if nobody else did so meanwhile, and begins the window anew; undefined: somebody did. */
export function write(verdict: Verdict, before: PaceSums, next: Verdict, now: number): PaceSums | undefined {
  if (next.number !== verdict.number + 1) return undefined;
  const sums = { ...before };
  beginWindow(sums, now);
  sums.nextAt = Math.max(now, Math.min(sums.nextAt, now + AHEAD_MS));
  if (next.state === 'down' && verdict.state !== 'down') {
    sums.freshAt = now + probeGapMs(next, now);
    sums.freshBy = now + PROBE_ANYWAY_MS;
  }
  if (next.epoch !== verdict.epoch) sums.probeUntil = 0;
  return sums;
}
