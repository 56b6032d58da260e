import { lastFailure } from '../core/dead-letter-filter.ts';
import { nextAttempt, type StoredEvent } from '../core/event.ts';
import type { FinishedEvent, Settlement } from '../core/settlement.ts';
import { deadLetterJobId, retryJobId } from './names.ts';

/** What becomes of the job: it goes on, waits for its retries, goes back for others to take, or is done. */
export type SettleAction = 'keep' | 'delay' | 'put_back' | 'complete';

/** A lock that is not taken yet. */
export interface NewLock {
  readonly token: string;
  readonly durationMs: number;
}

/** A settlement with all that the queue needs to write it down. */
export interface SettleCommand {
  readonly jobId: string;
  readonly token: string;
  /** ms since the epoch */
  readonly now: number;
  readonly action: SettleAction;
  readonly settlement: Settlement;
  /** Events whose attempt is over: those that were delivered are remembered. Absent: none. */
  readonly finished?: readonly FinishedEvent[];
  /** Increments of the client's counters, by field. */
  readonly counters: ReadonlyMap<string, number>;
  /** The latest failure, as the status command shows it; JSON. */
  readonly lastError?: string;
  /** Takes the next batch in the same step, and locks it so. */
  readonly nextLock?: NewLock;
}

/**
 * A settlement as the script takes it, but for the records of delivered events. `SETTLE` says what stands beside this
 * JSON. Durations in ms.
 *
 * @param name of this write
 */
export function orderOf(type: string, command: SettleCommand, name: string) {
  const { jobId, token, now, action, settlement, finished = [], counters, lastError, nextLock } = command;
  const { dead, apart, stay, dueAt = now } = settlement;
  const keeps = action !== 'complete';
  return {
    id: jobId,
    /** That of all its events. */
    type,
    token,
    now,
    action,
    /** How long what stays waits. */
    delay: Math.max(0, dueAt - now),
    /** Events that stay, and how many of them have failed before. */
    events: stay.length,
    retried: stay.filter(hasFailed).length,
    /** Names this write if there is a batch afterwards. */
    write: keeps ? name : '',
    /** An event of a batch that goes on is settled: its lost processes count from 0 again. */
    isNews: keeps && finished.length > 0,
    counters: { ...Object.fromEntries(counters), ...changeOf(`retrying:${type}`, finished) },
    lastError: lastError === undefined ? {} : { [`lastError:${type}`]: lastError },
    dead: dead.map(deadLetterJobId),
    apart: apart.map(({ event, dueAt }) => ({
      id: retryJobId(event),
      delay: Math.max(0, dueAt - now),
      hasFailed: hasFailed(event),
    })),
    deaths: deathGroups(dead, now),
    next: nextLock,
  };
}

function hasFailed(event: StoredEvent): boolean {
  return nextAttempt(event) > 1;
}

/** By how much the number of events grows that have failed before and will be tried again. */
function changeOf(field: string, finished: readonly FinishedEvent[]): Record<string, number> {
  let change = 0;
  for (const { event, outcome } of finished) {
    const failures = event.history?.length ?? 0;
    const failedBefore = outcome.kind === 'delivered' ? failures > 0 : failures > 1;
    change += Number(outcome.kind === 'retry') - Number(failedBefore);
  }
  return change === 0 ? {} : { [field]: change };
}

/** Deaths of one cause; `since`: when the first attempt of any of them failed, ms since the epoch. */
interface DeathGroup {
  /** `<class>:<status>` */
  readonly cause: string;
  count: number;
  since: number;
}

/** Groups dead events by their cause. Those without a history began to fail now. */
function deathGroups(dead: readonly StoredEvent[], now: number): DeathGroup[] {
  const groups = new Map<string, DeathGroup>();
  for (const event of dead) {
    const { status, failureClass } = lastFailure(event);
    const cause = `${failureClass}:${status}`;
    const since = event.history?.[0]?.[0] ?? now;
    const group = groups.get(cause) ?? { cause, count: 0, since };
    group.count += 1;
    group.since = Math.min(group.since, since);
    groups.set(cause, group);
  }
  return [...groups.values()];
}
