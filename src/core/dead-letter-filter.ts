import { FAILURE_CLASSES } from './attempt-result.ts';
import type { StoredEvent } from './event.ts';

/** Which dead letters are meant; what is absent does not matter. Times in ms since the epoch. */
export interface DeadLetterFilter {
  readonly type?: string | undefined;
  /** A status (`422`), a range of them (`5xx`) or a failure class (`timeout`). */
  readonly status?: string | undefined;
  readonly unit?: string | undefined;
  readonly id?: string | undefined;
  /** Died at or after. */
  readonly since?: number | undefined;
  /** Died before. */
  readonly until?: number | undefined;
  /** With an attempt that failed at or after, and before `failedUntil`. */
  readonly failedSince?: number | undefined;
  /** With an attempt that failed before, and at or after `failedSince`. */
  readonly failedUntil?: number | undefined;
}

const STATUS = /^[1-9]\d\d$/;
const RANGE = /^[1-9]xx$/;

/** Whether a text can stand for a status in a filter. */
export function isStatusFilter(text: string): boolean {
  return STATUS.test(text) || RANGE.test(text) || (FAILURE_CLASSES as readonly string[]).includes(text);
}

/** When the event was given up on: at its expiry or the end of its last attempt, ms since the epoch. */
export function diedAt(event: StoredEvent): number {
  return event.expiredAt ?? event.history?.at(-1)?.[0] ?? 0;
}

/** What the event failed with: the status of its last attempt (0: none) and its failure class, or that it expired. */
export function lastFailure(event: StoredEvent): { status: number; failureClass: string } {
  if (event.expiredAt !== undefined) return { status: 0, failureClass: 'expired' };
  const last = event.history?.at(-1);
  return { status: last?.[1] ?? 0, failureClass: last?.[2] ?? '' };
}

/** The statuses that a filter's `status` stands for, both included; undefined: it is a failure class. */
export function wantedStatuses(wanted: string): { least: number; most: number } | undefined {
  if (STATUS.test(wanted)) return { least: Number(wanted), most: Number(wanted) };
  if (!RANGE.test(wanted)) return undefined;
  const least = Number(wanted[0]) * 100;
  return { least, most: least + 99 };
}

/** Whether an attempt with this status (0: none) and class is meant by a filter's `status`. */
export function isStatus(wanted: string, status: number, failureClass: string): boolean {
  const statuses = wantedStatuses(wanted);
  if (statuses === undefined) return failureClass === wanted;
  return status >= statuses.least && status <= statuses.most;
}

/** Whether one of its attempts failed in a period. */
function failedWithin({ history = [] }: StoredEvent, since = -Infinity, until = Infinity): boolean {
  return history.some(([at]) => at >= since && at < until);
}

/** Whether a dead letter is among those that a filter means. */
export function matchesFilter(event: StoredEvent, filter: DeadLetterFilter): boolean {
  if (filter.id !== undefined && event.id !== filter.id) return false;
  if (filter.type !== undefined && event.type !== filter.type) return false;
  if (filter.unit !== undefined && event.unit !== filter.unit) return false;
  if (filter.since !== undefined && diedAt(event) < filter.since) return false;
  if (filter.until !== undefined && diedAt(event) >= filter.until) return false;
  const { failedSince, failedUntil } = filter;
  const asksForFailure = failedSince !== undefined || failedUntil !== undefined;
  if (asksForFailure && !failedWithin(event, failedSince, failedUntil)) return false;
  const { status, failureClass } = lastFailure(event);
  return filter.status === undefined || isStatus(filter.status, status, failureClass);
}
