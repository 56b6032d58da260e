import { sum } from '../../core/sum.ts';
import type { ClientView, EndpointView } from '../../queue/client-view.ts';

/** The latest view of a client, and how fast its counters move. */
export interface ClientNews {
  readonly client: string;
  readonly view: ClientView;
  /** Absent at the first poll. */
  readonly rates?: Rates;
}

/** What happened between two polls. */
export type Rates = ReturnType<typeof ratesBetween>;

/** What there is to show once an interval. */
export interface WatchTick {
  /** ms since the epoch */
  readonly at: number;
  /** Of the latest poll; empty before the first. */
  readonly news: readonly ClientNews[];
  readonly services: number | undefined;
  /** Redis could not be polled: since when, ms since the epoch, and why, a sentence. */
  readonly away?: { readonly since: number; readonly reason: string };
  /** A server of a Cluster could not be polled, a sentence: the news of its clients are from before. */
  readonly partly?: string;
}

/** What only ever grows. @param at ms of a monotonic clock */
function countersOf({ accepted, delivered, attemptMs, failedAttempts }: ClientView, at: number) {
  const failed = sum(failedAttempts);
  return { at, accepted, delivered, failed, attemptMs };
}

type Counters = ReturnType<typeof countersOf>;

/** Compares each view with an earlier one. */
export class NewsSource {
  readonly #countersByClient = new Map<string, Counters[]>();
  readonly #windowMs: number;

  /** @param windowMs rates compare with the latest view that is so old, or with the first */
  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** @param at ms of a monotonic clock */
  add(views: ReadonlyMap<string, ClientView>, at: number): readonly ClientNews[] {
    return [...views].map(([client, view]) => {
      const earlier = this.#countersByClient.get(client) ?? [];
      const kept = keepWindow([...earlier, countersOf(view, at)], at - this.#windowMs);
      this.#countersByClient.set(client, kept);
      const [first, last] = [kept[0], kept.at(-1)];
      if (first === undefined || last === undefined || first === last) return { client, view };
      return { client, view, rates: ratesBetween(first, last) };
    });
  }
}

/** @returns the latest that is from `since` or before, or the first, and all later ones */
function keepWindow(counters: Counters[], since: number): Counters[] {
  const [before, now] = counters.slice(-2);
  // A Redis that was emptied, or that lost its last second, counts anew.
  if (before && now && (Object.keys(now) as (keyof Counters)[]).some((name) => now[name] < before[name])) {
    return [now];
  }
  const first = counters.findLastIndex((one, index) => one.at <= since && index < counters.length - 1);
  return counters.slice(Math.max(0, first));
}

/** An elapsed time of 0 counts as 1 ms; `attemptMs` is the mean duration of an attempt, absent if none ended. */
function ratesBetween(before: Counters, now: Counters) {
  const perSecond = (name: keyof Counters): number =>
    ((now[name] - before[name]) / Math.max(1, now.at - before.at)) * 1_000;
  const attempts = now.delivered - before.delivered + now.failed - before.failed;
  return {
    acceptedPerSecond: perSecond('accepted'),
    deliveredPerSecond: perSecond('delivered'),
    /** Failed attempts. */
    failedPerSecond: perSecond('failed'),
    ...(attempts > 0 ? { attemptMs: (now.attemptMs - before.attemptMs) / attempts } : {}),
  };
}

const LONG_WAIT_MS = 60_000;

/** Whether events of a client fail, wait for more than a minute, or are held up. Dead letters alone are history. */
export function isInTrouble({ view, rates }: ClientNews): boolean {
  const { retrying, oldestMs, broken, incidents, pausedAt } = view;
  if (retrying + broken + incidents.length > 0 || pausedAt !== undefined) return true;
  const isHeldUp = ({ withheld, pace }: EndpointView): boolean =>
    withheld !== undefined || pace.state !== 'open';
  if (Object.values(view.endpoints).some(isHeldUp)) return true;
  return oldestMs > LONG_WAIT_MS || (rates?.failedPerSecond ?? 0) > 0;
}
