import { lastFailure } from '../core/dead-letter-filter.ts';
import { nextAttempt, type StoredEvent } from '../core/event.ts';
import type { PaceNews } from '../core/pace-sums.ts';
import type { FinishedEvent, Settlement } from '../core/settlement.ts';
import { encodeBatch } from './admit.ts';
import { defineScript } from './define-script.ts';
import { packDelivered } from './delivered-record.ts';
import {
  courseKey,
  deadLetterJobId,
  deadLettersPrefix,
  deliveredKey,
  type Endpoint,
  endpointPrefix,
  incidentsKey,
  paceKey,
  retryJobId,
  statsKey,
} from './names.ts';
import { type PaceAnswer, type PaceReply, toPaceAnswer } from './pace-store.ts';
import { SETTLE } from './scripts/settle.ts';
import { type Connection, lossesOf } from './servers.ts';
import { findTaken, type NewLock, type QueuedBatch, type TakenReply, toQueuedBatch } from './take-batch.ts';

const settleScript = defineScript('settle', SETTLE);

const HOUR_MS = 3_600_000;

/** What the script for settlements answers, if not with the next batch. */
const DONE = 1;
const DONE_BEFORE = 2;
const BATCH_GONE = -1;

/** What becomes of the job: it goes on, waits for its retries, goes back for others to take, or is done. */
export type SettleAction = 'keep' | 'delay' | 'put_back' | 'complete';

/** A settlement with all that the queue needs to write it down. */
export interface SettleCommand {
  readonly jobId: string;
  readonly token: string;
  /** ms since the epoch */
  readonly now: number;
  readonly action: SettleAction;
  readonly settlement: Settlement;
  /** Events whose attempt is over; delivered ones are remembered. Absent: none. */
  readonly finished?: readonly FinishedEvent[];
  /** Increments of the client's counters, by field. */
  readonly counters: ReadonlyMap<string, number>;
  /** The latest failure (`ToldError` as JSON), and how many events of this settlement were delivered after it. */
  readonly lastError?: { readonly text: string; readonly deliveredAfter: number } | undefined;
  /** Failed attempts by `<class>:<status>`; absent: there are none. */
  readonly failures?: Readonly<Record<string, number>> | undefined;
  /** How many of them say that something is wrong with the event. */
  readonly judged?: number;
  /** How many deliveries were answered with a web page; absent: none. */
  readonly webPages?: number;
  /** Takes the next batch in the same step, and locks it so. */
  readonly nextLock?: NewLock;
  /** What is told of the endpoint's pace in the same step. */
  readonly news?: PaceNews | undefined;
}

/** What settling came to. `settled` false: the lock is gone, nothing was changed. */
export interface Settled {
  readonly settled: boolean;
  /** The next batch, if one was asked for and waits. */
  readonly next?: QueuedBatch;
  /** If news were told. */
  readonly pace?: PaceAnswer;
}

/**
 * Writes a settlement down in one step.
 *
 * @param name of this settlement: one that is repeated under the same name is applied once
 * @param keepDeliveredHours how long delivered events are remembered; 0: not at all
 * @param firstLosses `lossesOf` when this settlement was sent first; if more are lost, it may have been written down
 *   without an answer
 */
export async function settle(
  redis: Connection,
  endpoint: Endpoint,
  command: SettleCommand,
  name: string,
  keepDeliveredHours = 0,
  firstLosses = lossesOf(redis),
): Promise<Settled> {
  const { client } = endpoint;
  const { jobId, action, settlement, finished = [], now, nextLock } = command;
  const prefix = endpointPrefix(endpoint);
  const records = keepDeliveredHours > 0 ? packDelivered(finished, now) : [];
  const order = {
    ...orderOf(endpoint.type, command, name),
    // How long delivered events are remembered, and which lists their records go to.
    keepMs: Math.ceil(keepDeliveredHours * HOUR_MS),
    slots: records.map(({ slot }) => slot),
  };
  const args = [
    prefix,
    deadLettersPrefix(client),
    JSON.stringify(order),
    action === 'complete' ? '' : encodeBatch(settlement.stay),
    ...settlement.dead.map((event) => JSON.stringify(event)),
    ...settlement.apart.map(({ event }) => encodeBatch([event])),
    ...records.map(({ bytes }) => bytes),
  ];
  const shared = [incidentsKey(client), courseKey(endpoint), paceKey(endpoint), deliveredKey(client)];
  const keys = [statsKey(client), `${prefix}${jobId}:lock`, ...shared];
  const answer = (await settleScript(redis, keys, args)) as number | [typeof DONE | TakenReply, PaceReply?];
  const wasSentBefore = lossesOf(redis) !== firstLosses;
  if (Array.isArray(answer)) {
    const [taken, told] = answer;
    const pace = told && { pace: toPaceAnswer(told) };
    if (taken === DONE || nextLock === undefined) return { settled: true, ...pace };
    return { settled: true, next: toQueuedBatch(taken, nextLock), ...pace };
  }
  // If it was sent again after its answer was lost, what it brought in has the new lock.
  const [next] = nextLock === undefined ? [] : await findTaken(redis, endpoint, nextLock);
  if (next !== undefined) return { settled: true, next };
  return { settled: answer === DONE_BEFORE || (answer === BATCH_GONE && action !== 'keep' && wasSentBefore) };
}

/**
 * A settlement as the script takes it, but for the records of delivered events. `SETTLE` says what stands beside this
 * JSON. Durations in ms.
 *
 * @param name of this write
 */
function orderOf(type: string, command: SettleCommand, name: string) {
  const { jobId, token, now, action, settlement, finished = [], counters, lastError } = command;
  const { failures, judged, webPages, nextLock } = command;
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
    lastError,
    dead: dead.map(deadLetterJobId),
    /** 0: never. */
    replayedAt: dead.map((event) => event.replayedAt ?? 0),
    apart: apart.map(({ event, dueAt }) => ({
      id: retryJobId(event),
      delay: Math.max(0, dueAt - now),
      hasFailed: hasFailed(event),
    })),
    deaths: deathGroups(dead, now),
    failures,
    judged,
    webPages,
    next: nextLock,
    news: command.news,
  };
}

function hasFailed(event: StoredEvent): boolean {
  return nextAttempt(event) > 1;
}

/** By how much the number of events grows that have failed before and will be tried again. */
function changeOf(field: string, finished: readonly FinishedEvent[]): Record<string, number> {
  let change = 0;
  for (const { event, outcome } of finished) {
    // The last entry is that of the attempt that is settled, if that failed.
    const failures = event.history?.length ?? 0;
    const isOwn = outcome.kind !== 'delivered' && event.expiredAt === undefined;
    const failedBefore = failures > Number(isOwn);
    change += Number(outcome.kind === 'retry') - Number(failedBefore);
  }
  return change === 0 ? {} : { [field]: change };
}

/** Groups dead events by their cause, `<class>:<status>`; `since`: when the first attempt of any of them failed. */
function deathGroups(dead: readonly StoredEvent[], now: number) {
  const groups = new Map<string, { cause: string; count: number; since: number }>();
  for (const event of dead) {
    const { status, failureClass } = lastFailure(event);
    const cause = `${failureClass}:${status}`;
    // Without a history it began to fail now.
    const since = event.history?.[0]?.[0] ?? now;
    const group = groups.get(cause) ?? { cause, count: 0, since };
    group.count += 1;
    group.since = Math.min(group.since, since);
    groups.set(cause, group);
  }
  return [...groups.values()];
}
