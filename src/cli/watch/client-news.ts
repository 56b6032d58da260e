import type { ClientView } from '../../queue/client-view.ts';
import { oneLine, shortAge } from '../terminal.ts';

/** The latest view of a client, and how fast its counters move. */
export interface ClientNews {
  readonly client: string;
  readonly view: ClientView;
  /** Events that are still to be delivered: waiting, in flight or retrying. */
  readonly backlog: number;
  /** The backlog in each of the last spans of 5 s, oldest first; undefined: no poll. */
  readonly trend: readonly (number | undefined)[];
  /** Absent at the first poll. */
  readonly rates?: Rates;
}

/** What happened between two polls. */
export interface Rates {
  readonly acceptedPerSecond: number;
  readonly deliveredPerSecond: number;
  /** Failed attempts. */
  readonly failedPerSecond: number;
  /** Events that became dead letters. */
  readonly diedPerSecond: number;
  /** The mean duration of an attempt, in milliseconds; absent: none ended. */
  readonly attemptMs?: number;
}

/** What there is to show once an interval. */
export interface WatchTick {
  /** ms since the epoch */
  readonly at: number;
  /** Of the latest poll; empty before the first. */
  readonly news: readonly ClientNews[];
  readonly services: number | undefined;
  /** Redis could not be polled: since when, ms since the epoch, and why, a sentence. */
  readonly away?: { readonly since: number; readonly reason: string };
}

/** A minute. */
const TREND_SPANS = 12;
const SPAN_MS = 5_000;

type Counters = ReturnType<typeof countersOf>;

interface Point {
  readonly at: number;
  readonly counters: Counters;
}

/** What only ever grows. */
function countersOf({ accepted, delivered, replayed, attemptMs, failedAttempts, diedByClass }: ClientView) {
  return { accepted, delivered, replayed, attemptMs, failed: sum(failedAttempts), died: sum(diedByClass) };
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

/** Compares each view with an earlier one. */
export class NewsSource {
  /** Of each client: the counters of the window, and the latest backlog by number of the span. */
  readonly #tracks = new Map<string, { points: Point[]; spans: Map<number, number> }>();
  readonly #windowMs: number;

  /** @param windowMs rates compare with the latest view that is so old, or with the first */
  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** @param at ms of a monotonic clock */
  add(views: ReadonlyMap<string, ClientView>, at: number): readonly ClientNews[] {
    return [...views].map(([client, view]) => {
      const { points, spans } = this.#tracks.get(client) ?? { points: [], spans: new Map() };
      this.#tracks.set(client, { points, spans });
      const backlog = view.waiting + view.inFlight + view.retrying;
      const counters = countersOf(view);
      const since = keepPoint(points, { at, counters }, this.#windowMs);
      const rates = since === undefined ? {} : { rates: ratesBetween(since, counters, at) };
      return { client, view, backlog, trend: keepSpan(spans, backlog, at), ...rates };
    });
  }
}

/** @returns the point to compare with */
function keepPoint(points: Point[], point: Point, windowMs: number): Point | undefined {
  const last = points.at(-1);
  // A Redis that was emptied, or that lost its last second, counts anew.
  if (last !== undefined && wentBack(last.counters, point.counters)) points.length = 0;
  points.push(point);
  while (points.length > 2 && (points[1]?.at ?? 0) <= point.at - windowMs) points.shift();
  return points.length > 1 ? points[0] : undefined;
}

function wentBack(before: Counters, now: Counters): boolean {
  return (Object.keys(before) as (keyof Counters)[]).some((name) => now[name] < before[name]);
}

/** An elapsed time of 0 counts as 1 ms. */
function ratesBetween({ at: since, counters: before }: Point, now: Counters, at: number): Rates {
  const seconds = Math.max(1, at - since) / 1_000;
  const perSecond = (name: keyof Counters): number => (now[name] - before[name]) / seconds;
  const attempts = now.delivered - before.delivered + now.failed - before.failed;
  return {
    acceptedPerSecond: perSecond('accepted'),
    deliveredPerSecond: perSecond('delivered'),
    failedPerSecond: perSecond('failed'),
    diedPerSecond: perSecond('died'),
    ...(attempts > 0 ? { attemptMs: (now.attemptMs - before.attemptMs) / attempts } : {}),
  };
}

function keepSpan(spans: Map<number, number>, backlog: number, at: number): (number | undefined)[] {
  const current = Math.floor(at / SPAN_MS);
  spans.set(current, backlog);
  for (const span of spans.keys()) if (span <= current - TREND_SPANS) spans.delete(span);
  return Array.from({ length: TREND_SPANS }, (_, i) => spans.get(current - TREND_SPANS + 1 + i));
}

const LONG_WAIT_MS = 60_000;

/**
 * Judges a client: 4, events die or an incident is open; 3, attempts fail; 2, events retry, have waited for more than
 * a minute or are broken, or the client is paused; 1, it has dead letters or something to do; 0, it is quiet.
 */
export function troubleOf({ view, rates, backlog }: ClientNews): number {
  if ((rates?.diedPerSecond ?? 0) > 0 || view.incidents.length > 0) return 4;
  if ((rates?.failedPerSecond ?? 0) > 0) return 3;
  const { retrying, oldestMs, broken, pausedAt, dead } = view;
  if (retrying > 0 || oldestMs > LONG_WAIT_MS || broken > 0 || pausedAt !== undefined) return 2;
  const moves = (rates?.acceptedPerSecond ?? 0) + (rates?.deliveredPerSecond ?? 0) > 0;
  return dead > 0 || backlog > 0 || moves ? 1 : 0;
}

/**
 * The most troubled first, the quiet last; among the equally troubled those with ten times as much to do, and then by
 * name, so that rows keep their places while figures change.
 */
export function byTrouble(news: readonly ClientNews[]): ClientNews[] {
  const keyed = news.map((one) => {
    const size = Math.floor(Math.log10(1 + one.backlog + one.view.dead));
    return { one, client: one.client, rank: -(troubleOf(one) * 100 + size) };
  });
  keyed.sort((a, b) => a.rank - b.rank || Number(a.client > b.client) - Number(a.client < b.client));
  return keyed.map(({ one }) => one);
}

/** `503 server_error, 3 s ago`; empty for a client that is quiet by now. */
export function lastErrorOf(news: ClientNews, now: number): string {
  const { lastError } = news.view;
  if (lastError === undefined || troubleOf(news) === 0) return '';
  const { status, class: failureClass, at, detail } = lastError;
  const what = status === 0 ? failureClass : `${status} ${failureClass}`;
  const ago = `${shortAge(now - at)} ago`;
  return oneLine(`${what}, ${ago}${detail === '' ? '' : `: ${detail}`}`);
}
