import type { ClientLook, LookCounters } from '../../queue/look-at-clients.ts';

/** What is new of a client: the latest look at it, and how fast its counters move. */
export interface ClientNews {
  readonly client: string;
  readonly look: ClientLook;
  /** Events that are still to be delivered: waiting, in flight or retrying. */
  readonly backlog: number;
  /** The backlog in each of the last spans of 5 s, oldest first; undefined: nobody looked. */
  readonly trend: readonly (number | undefined)[];
  /** Undefined where there was no look before. */
  readonly rates?: Rates;
}

/** What happened between two looks. */
export interface Rates {
  readonly acceptedPerSecond: number;
  readonly deliveredPerSecond: number;
  /** Failed attempts. */
  readonly failedPerSecond: number;
  /** Events that became dead letters. */
  readonly diedPerSecond: number;
  /** How long an attempt took on the average, in milliseconds; absent: none ended. */
  readonly attemptMs?: number;
}

/** Makes news of looks. */
export interface NewsSource {
  /** @param at when it was looked, in ms of a clock that never goes back */
  add(looks: ReadonlyMap<string, ClientLook>, at: number): readonly ClientNews[];
}

/** A minute. */
export const TREND_SPANS = 12;
export const SPAN_MS = 5_000;

interface Point {
  readonly at: number;
  readonly counters: LookCounters;
}

/** What is kept of a client. */
interface Track {
  readonly points: Point[];
  /** The latest backlog by number of the span. */
  readonly spans: Map<number, number>;
}

/**
 * Compares each look with an earlier one.
 *
 * @param windowMs the span that rates are told of: from the latest look that is so old, or from the first
 */
export function createNewsSource(windowMs: number): NewsSource {
  const tracks = new Map<string, Track>();
  return {
    add: (looks, at) =>
      [...looks].map(([client, look]) => {
        const track = tracks.get(client) ?? { points: [], spans: new Map() };
        tracks.set(client, track);
        const backlog = look.waiting + look.inFlight + look.retrying;
        const since = keepPoint(track.points, { at, counters: look.counters }, windowMs);
        const rates = since === undefined ? {} : { rates: ratesBetween(since, look.counters, at) };
        return { client, look, backlog, trend: keepSpan(track.spans, backlog, at), ...rates };
      }),
  };
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

function wentBack(before: LookCounters, now: LookCounters): boolean {
  return (Object.keys(before) as (keyof LookCounters)[]).some((name) => now[name] < before[name]);
}

/** An elapsed time of 0 counts as 1 ms. */
function ratesBetween({ at: since, counters: before }: Point, now: LookCounters, at: number): Rates {
  const seconds = Math.max(1, at - since) / 1_000;
  const perSecond = (name: keyof LookCounters): number => (now[name] - before[name]) / seconds;
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
