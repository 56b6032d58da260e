import type { FailureClass } from '../core/attempt-result.ts';
import { DURATION_MS } from '../core/delivery-meter.ts';
import type { PaceState } from '../core/pace.ts';
import type { EndpointView } from '../queue/client-view.ts';

/** How failed attempts are told apart. */
export const FAILURE_GROUPS = [
  'client_error',
  'unauthorized',
  'server_error',
  'timeout',
  'network',
  'token_or_local',
] as const;
type FailureGroup = (typeof FAILURE_GROUPS)[number];

const GROUP_OF: Readonly<Partial<Record<string, FailureGroup>>> = {
  client_error: 'client_error',
  redirect: 'client_error',
  unauthorized: 'unauthorized',
  server_error: 'server_error',
  timeout: 'timeout',
  refused: 'network',
  reset: 'network',
  dns: 'network',
  tls: 'network',
  not_http: 'network',
} satisfies Partial<Record<FailureClass, FailureGroup>>;

/** How an endpoint was; `unknown`: nobody looked at that time. */
export const HISTORY_STATES = ['open', 'slowed', 'down', 'recovering', 'unknown'] as const;

/** What a sample adds. */
export interface Change {
  /** Events and attempts since the sample before, and how long attempts took. */
  readonly counted: Readonly<Record<string, number>>;
  /** How it is now, and how it was before. */
  readonly standing: Readonly<Record<string, number>>;
  readonly stood: Readonly<Record<string, number>>;
  readonly isChanged: boolean;
}

/**
 * Compares two readings of an endpoint.
 *
 * @param before undefined: it was not known, and so nothing is known to have changed
 * @param latency attempts by the buckets of DURATION_MS
 */
export function changeOf(now: EndpointView, before = now, latency: readonly number[] = []): Change {
  const [standing, stood] = [standingOf(now), standingOf(before)];
  const counted: Record<string, number> = {
    accepted: rise(now.accepted, before.accepted),
    delivered: rise(now.delivered, before.delivered),
    ...Object.fromEntries(FAILURE_GROUPS.map((group) => [group, 0])),
    ...percentilesOf(latency),
  };
  for (const [failureClass, count] of Object.entries(now.failedAttempts)) {
    const group = GROUP_OF[failureClass] ?? 'token_or_local';
    counted[group] = (counted[group] ?? 0) + rise(count, before.failedAttempts[failureClass] ?? 0);
  }
  const isCounted = Object.values(counted).some((value) => value > 0);
  const isOther = Object.entries(standing).some(([name, value]) => !Object.is(value, stood[name]));
  return { counted, standing, stood, isChanged: isCounted || isOther };
}

/** Counters begin anew if Redis was emptied. */
function rise(now: number, before: number): number {
  return Math.max(0, now - before);
}

/** What stands at an endpoint, as numbers. */
export function standingOf({
  waiting,
  retrying,
  dead,
  pace,
}: EndpointView): Readonly<Record<string, number>> {
  const state: PaceState = pace.state;
  return {
    waiting: waiting + retrying,
    dead,
    state: HISTORY_STATES.indexOf(state),
    rate: pace.ratePerSecond ?? Number.NaN,
  };
}

/** @param counts by the buckets of DURATION_MS; empty: there was no attempt */
function percentilesOf(counts: readonly number[]): Readonly<Record<'p50' | 'p90' | 'p99', number>> {
  const of = (share: number): number => percentileOf(counts, share);
  return { p50: of(0.5), p90: of(0.9), p99: of(0.99) };
}

/** In ms, as if the values of a bucket lay evenly in it; NaN: there are none. */
function percentileOf(counts: readonly number[], share: number): number {
  const total = counts.reduce((all, one) => all + one, 0);
  if (total === 0) return Number.NaN;
  let below = 0;
  for (const [i, count] of counts.entries()) {
    if (count > 0 && below + count >= share * total) {
      const from = DURATION_MS[i - 1] ?? 0;
      return from + ((DURATION_MS[i] ?? from) - from) * ((share * total - below) / count);
    }
    below += count;
  }
  return Number.NaN;
}
