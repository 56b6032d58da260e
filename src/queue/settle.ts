import type { Redis } from 'ioredis';
import { lastFailure } from '../core/dead-letter-filter.ts';
import type { StoredEvent } from '../core/event.ts';
import type { FinishedEvent, Settlement } from '../core/settlement.ts';
import { encodeBatch } from './admit.ts';
import { defineScript } from './define-script.ts';
import { packDelivered } from './delivered-record.ts';
import { DEAD_LETTERS, DELIVERIES, deliveredKey, incidentsKey, queuePrefix, statsKey } from './names.ts';
import { SETTLE } from './scripts/settle.ts';
import { FIND_TAKEN } from './scripts/take.ts';

const settleScript = defineScript('settle', SETTLE);
const findTakenScript = defineScript('find-taken', FIND_TAKEN);

const HOUR_MS = 3_600_000;

/** What the script for settlements answers, where it is not the next batch. */
const DONE = 1;
const DONE_BEFORE = 2;
const BATCH_GONE = -1;

/** What becomes of the job: it goes on, waits for its retries, goes back for others to take, or is done. */
export type SettleAction = 'keep' | 'delay' | 'put_back' | 'complete';

/** A batch as it stands in the queue; it is locked for whoever took it. */
export interface QueuedBatch {
  readonly id: string;
  /** The lock by which it is held. */
  readonly token: string;
  /** JSON, as it was written */
  readonly data: string;
  /** How often a process that held it was lost since one of its events was last settled. */
  readonly stalls: number;
}

/** What settling came to. `settled` false: the lock is gone, nothing was changed. */
export interface Settled {
  readonly settled: boolean;
  /** The next batch, where one was asked for and waits. */
  readonly next?: QueuedBatch;
}

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

/** The job id of a retry that leaves its batch: the same for the same attempt, however often it is added. */
export function retryJobId(event: StoredEvent): string {
  return `${event.id}.${event.life ?? 0}.${event.history?.length ?? 0}`;
}

/** The job id of a dead letter: the same for the same life, so that writing it twice is once. */
export function deadLetterJobId(event: StoredEvent): string {
  return `${event.id}.${event.life ?? 0}`;
}

/**
 * Finds what was taken with a lock: after a connection was lost, with it the answer may have been that handed a
 * batch over, which would then stay locked, by nobody. The lock lasts anew.
 *
 * @throws errors of Redis
 */
export async function findTaken(redis: Redis, client: string, lock: NewLock): Promise<QueuedBatch[]> {
  const prefix = queuePrefix(client, DELIVERIES);
  const found = await findTakenScript(redis, [`${prefix}active`], [prefix, lock.token, lock.durationMs]);
  return (found as TakenReply[]).map((reply) => toQueuedBatch(reply, lock));
}

/** A batch as scripts hand it over: its id, its data, its stalls. */
type TakenReply = readonly [id: string, data: string, stalls: string];

function toQueuedBatch([id, data, stalls]: TakenReply, { token }: NewLock): QueuedBatch {
  return { id, token, data, stalls: Number(stalls) };
}

/**
 * Writes a settlement down in one step.
 *
 * @param name of this settlement: one that is repeated under the same name is applied once
 * @param keepDeliveredHours how long delivered events are remembered; 0: not at all
 * @param firstStream the connection over which this settlement was sent first; once that is lost, it may have been
 *   written down without an answer
 * @throws errors of Redis
 */
export async function settle(
  redis: Redis,
  client: string,
  command: SettleCommand,
  name: string,
  keepDeliveredHours = 0,
  firstStream: Redis['stream'] = redis.stream,
): Promise<Settled> {
  const { jobId, token, now, action, settlement, counters, lastError, nextLock, finished = [] } = command;
  const prefix = queuePrefix(client, DELIVERIES);
  const { dead, apart, stay, dueAt } = settlement;
  const keeps = action !== 'complete';
  const args: (string | number)[] = [
    prefix,
    queuePrefix(client, DEAD_LETTERS),
    jobId,
    token,
    now,
    action,
    Math.max(0, (dueAt ?? now) - now),
    keeps ? String(stay.length) : '',
    keeps ? encodeBatch(stay) : '',
    lastError ?? '',
    nextLock?.token ?? '',
    nextLock?.durationMs ?? 0,
    keeps ? name : '',
    keeps && finished.length > 0 ? 1 : 0,
  ];
  args.push(counters.size);
  for (const [field, increment] of counters) args.push(field, increment);
  args.push(dead.length);
  for (const event of dead) args.push(deadLetterJobId(event), JSON.stringify(event));
  args.push(apart.length);
  for (const { event, dueAt: due } of apart) {
    args.push(retryJobId(event), encodeBatch([event]), Math.max(0, due - now));
  }
  const deaths = deathGroups(dead, now);
  args.push(deaths.length, ...deaths.flat());
  args.push(...deliveredArguments(client, command, keepDeliveredHours));
  const keys = [statsKey(client), `${prefix}${jobId}:lock`, incidentsKey(client)];
  const answer = await settleScript(redis, keys, args);
  const wasSentBefore = redis.stream !== firstStream;
  return settledBy(redis, client, command, answer, wasSentBefore);
}

/** What a settlement came to, by the script's answer. */
async function settledBy(
  redis: Redis,
  client: string,
  { action, nextLock }: SettleCommand,
  answer: unknown,
  wasSentBefore: boolean,
): Promise<Settled> {
  if (Array.isArray(answer) && nextLock !== undefined)
    return { settled: true, next: toQueuedBatch(answer as unknown as TakenReply, nextLock) };
  if (answer === DONE) return { settled: true };
  // Where it was sent again after its answer was lost, what it brought in has the new lock.
  const [next] = nextLock === undefined ? [] : await findTaken(redis, client, nextLock);
  if (next !== undefined) return { settled: true, next };
  const settled = answer === DONE_BEFORE || (answer === BATCH_GONE && action !== 'keep' && wasSentBefore);
  return { settled };
}

function deliveredArguments(client: string, { finished = [], now }: SettleCommand, keepHours: number) {
  const records = keepHours > 0 ? packDelivered(finished, now) : [];
  const args = records.flatMap(({ slot, text }) => [deliveredKey(client, slot), text]);
  return [Math.ceil(keepHours * HOUR_MS), ...args];
}

/** Deaths of one kind, as scripts take them; `failingSince` in ms since the epoch. */
type DeathGroup = readonly [type: string, kind: string, count: number, failingSince: number];

/**
 * Dead events by type, class and status, with when the first attempt of any of them failed.
 *
 * @param now for those without a history
 */
function deathGroups(dead: readonly StoredEvent[], now: number): DeathGroup[] {
  const groups = new Map<string, DeathGroup>();
  for (const event of dead) {
    const { status, failureClass } = lastFailure(event);
    const kind = `${failureClass}:${status}`;
    const since = event.history?.[0]?.[0] ?? now;
    const [, , count, first] = groups.get(`${event.type} ${kind}`) ?? [event.type, kind, 0, since];
    groups.set(`${event.type} ${kind}`, [event.type, kind, count + 1, Math.min(first, since)]);
  }
  return [...groups.values()];
}
