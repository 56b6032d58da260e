import type { PaceState, Verdict } from './pace.ts';
import { LONGEST_HOLD_MS } from './pace-case.ts';
import { deliveredPerSecond, type PaceSums } from './pace-sums.ts';

/** The pace of an endpoint as operators see it. Times in ms since the epoch. */
export interface EndpointPace {
  readonly state: PaceState;
  /** 0: it has always been open. */
  readonly since: number;
  /** Whether it keeps events waiting; false with `pace: fixed`, whatever the state. */
  readonly holds: boolean;
  /** Nothing is sent before this, as the endpoint's `Retry-After` says; 0: there is no hold. */
  readonly holdUntil: number;
  /** Requests per second over all processes; absent: no rate holds. */
  readonly ratePerSecond?: number;
  /** When something is sent next; absent: at any time, or nobody knows. */
  readonly nextTryAt?: number;
  /** Events that wait for the pace now. */
  readonly paced: number;
  /** Until when the oldest of them waits at most; absent: there is no such end. */
  readonly pacedUntil?: number;
  /** How long the backlog takes at the present rate; absent: there is none, or nobody knows. */
  readonly drainSeconds?: number;
}

/** What an endpoint's pace is told from. Times in ms of Redis' clock. */
export interface PaceFacts {
  readonly verdict: Verdict;
  readonly sums: PaceSums;
  readonly now: number;
  /** Whether the configuration lets the pace keep events waiting. */
  readonly isAdaptive: boolean;
  /** The longest hold, in ms; absent: it is not known. */
  readonly holdMs?: number;
  /** Events that were not sent yet. */
  readonly waiting: number;
  /** Events that failed before, and whose retry is due. */
  readonly dueRetries: number;
  /** When the next retry is due; absent: there is none. */
  readonly nextRetryAt?: number;
  /** When the oldest event that waits was accepted or replayed; absent: none waits. */
  readonly oldestAt?: number;
}

/** Tells the pace of an endpoint. */
export function describePace(facts: PaceFacts): EndpointPace {
  const { verdict, now, isAdaptive } = facts;
  const { state } = verdict;
  const holds = isAdaptive && state !== 'open';
  const isHeld = verdict.holdUntil > 0;
  const pace = {
    state,
    since: Math.min(verdict.since, now),
    holds,
    // One that lies further ahead is of another clock.
    holdUntil: verdict.holdUntil > now ? Math.min(verdict.holdUntil, now + LONGEST_HOLD_MS) : 0,
    paced: holds ? facts.waiting + (isHeld ? facts.dueRetries : 0) : 0,
  };
  const hasRate = (state === 'slowed' || state === 'recovering') && !isHeld;
  return {
    ...pace,
    ...known('ratePerSecond', hasRate ? verdict.rate : undefined),
    ...known('nextTryAt', holds ? nextTryAt(facts, pace.holdUntil) : undefined),
    ...known('pacedUntil', pace.paced > 0 && (isHeld || state === 'down') ? pacedUntil(facts) : undefined),
    ...known('drainSeconds', drainSeconds(facts)),
  };
}

function known<Name extends string>(name: Name, value: number | undefined): { [key in Name]?: number } {
  return (value === undefined ? {} : { [name]: value }) as { [key in Name]?: number };
}

/** In `down` due retries go on; a fresh event finds out only now and then. */
function nextTryAt(
  { verdict, sums, now, waiting, nextRetryAt }: PaceFacts,
  holdUntil: number,
): number | undefined {
  if (holdUntil > 0) return holdUntil;
  if (verdict.state !== 'down') return undefined;
  const tries = [
    ...(waiting > 0 ? [Math.min(sums.freshAt, sums.freshBy)] : []),
    ...(nextRetryAt === undefined ? [] : [nextRetryAt]),
  ];
  return tries.length === 0 ? undefined : Math.max(now, Math.min(...tries));
}

/** The clock of a hold begins with the event's acceptance or replay, or with the endpoint's last delivery. */
function pacedUntil({ sums, oldestAt, holdMs }: PaceFacts): number | undefined {
  if (oldestAt === undefined || holdMs === undefined) return undefined;
  return Math.max(oldestAt, sums.goodAt) + holdMs;
}

function drainSeconds({ verdict, sums, now, waiting, isAdaptive }: PaceFacts): number | undefined {
  const { state, failing, holdUntil } = verdict;
  if (waiting === 0 || (isAdaptive && (state === 'down' || failing || holdUntil > 0))) return undefined;
  const delivered = deliveredPerSecond(sums, now);
  const perSecond = delivered === 0 && isAdaptive ? verdict.rate : delivered;
  return perSecond > 0 ? Math.ceil(waiting / perSecond) : undefined;
}

/** A pace as machines read it: times in ISO 8601; null is what there is not. */
export function paceValue(pace: EndpointPace) {
  const {
    state,
    since,
    ratePerSecond,
    nextTryAt: nextAt,
    paced,
    pacedUntil: until,
    drainSeconds: drain,
  } = pace;
  return {
    state,
    since: isoTime(since === 0 ? undefined : since),
    ratePerSecond: ratePerSecond === undefined ? null : Math.round(ratePerSecond * 1_000) / 1_000,
    nextTryAt: isoTime(nextAt),
    paced,
    pacedUntil: isoTime(until),
    drainSeconds: drain ?? null,
  };
}

function isoTime(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
