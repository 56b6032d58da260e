import type { Redis } from 'ioredis';
import { lastFailure } from '../core/dead-letter-filter.ts';
import { nextAttempt, type StoredEvent } from '../core/event.ts';
import type { FinishedEvent, Settlement } from '../core/settlement.ts';
import { decodeData, encodeBatch } from './admit.ts';
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
  retryJobId,
  statsKey,
} from './names.ts';
import { SETTLE } from './scripts/settle.ts';
import { FIND_TAKEN } from './scripts/take.ts';

const settleScript = defineScript('settle', SETTLE);
const findTakenScript = defineScript('find-taken', FIND_TAKEN);

const HOUR_MS = 3_600_000;

/** What the script for settlements answers, if not with the next batch. */
const DONE = 1;
const DONE_BEFORE = 2;
const BATCH_GONE = -1;

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
  /** Events whose attempt is over; delivered ones are remembered. Absent: none. */
  readonly finished?: readonly FinishedEvent[];
  /** Increments of the client's counters, by field. */
  readonly counters: ReadonlyMap<string, number>;
  /** The latest failure, as the status command shows it; JSON. */
  readonly lastError?: string | undefined;
  /** Failed attempts by `<class>:<status>`; absent: there are none. */
  readonly failures?: Readonly<Record<string, number>> | undefined;
  /** How many of them say that something is wrong with the event. */
  readonly judged?: number;
  /** Takes the next batch in the same step, and locks it so. */
  readonly nextLock?: NewLock;
}

/** A batch as it stands in the queue; it is locked for the process that took it. */
export interface QueuedBatch {
  readonly id: string;
  /** The lock by which it is held. */
  readonly token: string;
  /** Undefined if it is no JSON. */
  readonly data: unknown;
  /** How often a process that held it was lost since one of its events was last settled. */
  readonly stalls: number;
}

/** What settling came to. `settled` false: the lock is gone, nothing was changed. */
export interface Settled {
  readonly settled: boolean;
  /** The next batch, if one was asked for and waits. */
  readonly next?: QueuedBatch;
}

/**
 * Finds what was taken with a lock, and renews the lock. A lost connection may have lost the answer that handed a
 * batch over: the batch would stay locked, in no process.
 */
export async function findTaken(redis: Redis, endpoint: Endpoint, lock: NewLock): Promise<QueuedBatch[]> {
  const prefix = endpointPrefix(endpoint);
  const found = await findTakenScript(redis, [`${prefix}active`], [prefix, lock.token, lock.durationMs]);
  return (found as TakenReply[]).map((reply) => toQueuedBatch(reply, lock));
}

/** A batch as scripts hand it over: its id, its data, its stalls. */
type TakenReply = [id: string, data: string, stalls: string];

function toQueuedBatch([id, data, stalls]: TakenReply, { token }: NewLock): QueuedBatch {
  return { id, token, data: decodeData(data), stalls: Number(stalls) };
}

/**
 * Writes a settlement down in one step.
 *
 * @param name of this settlement: one that is repeated under the same name is applied once
 * @param keepDeliveredHours how long delivered events are remembered; 0: not at all
 * @param firstStream the connection over which this settlement was sent first; if that is lost, it may have been
 *   written down without an answer
 */
export async function settle(
  redis: Redis,
  endpoint: Endpoint,
  command: SettleCommand,
  name: string,
  keepDeliveredHours = 0,
  firstStream: Redis['stream'] = redis.stream,
): Promise<Settled> {
  const { client } = endpoint;
  const { jobId, action, settlement, finished = [], now, nextLock } = command;
  const prefix = endpointPrefix(endpoint);
  const records = keepDeliveredHours > 0 ? packDelivered(finished, now) : [];
  const order = {
    ...orderOf(endpoint.type, command, name),
    // How long delivered events are remembered, and the lists that their records go to.
    keepMs: Math.ceil(keepDeliveredHours * HOUR_MS),
    records: records.map(({ slot }) => deliveredKey(client, slot)),
  };
  const args = [
    prefix,
    deadLettersPrefix(client),
    JSON.stringify(order),
    action === 'complete' ? '' : encodeBatch(settlement.stay),
    ...settlement.dead.map((event) => JSON.stringify(event)),
    ...settlement.apart.map(({ event }) => encodeBatch([event])),
    ...records.map(({ text }) => text),
  ];
  const keys = [statsKey(client), `${prefix}${jobId}:lock`, incidentsKey(client), courseKey(endpoint)];
  const answer = await settleScript(redis, keys, args);
  const wasSentBefore = redis.stream !== firstStream;
  if (Array.isArray(answer) && nextLock !== undefined)
    return { settled: true, next: toQueuedBatch(answer as TakenReply, nextLock) };
  if (answer === DONE) return { settled: true };
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
  const { failures, judged, nextLock } = command;
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
