import type { Redis } from 'ioredis';
import { decodeData, encodeBatch } from './admit.ts';
import { defineScript } from './define-script.ts';
import { packDelivered } from './delivered-record.ts';
import {
  deadLettersPrefix,
  deliveredKey,
  type Endpoint,
  endpointPrefix,
  incidentsKey,
  statsKey,
} from './names.ts';
import { SETTLE } from './scripts/settle.ts';
import { FIND_TAKEN } from './scripts/take.ts';
import { type NewLock, orderOf, type SettleCommand } from './settle-order.ts';

const settleScript = defineScript('settle', SETTLE);
const findTakenScript = defineScript('find-taken', FIND_TAKEN);

const HOUR_MS = 3_600_000;

/** What the script for settlements answers, if not with the next batch. */
const DONE = 1;
const DONE_BEFORE = 2;
const BATCH_GONE = -1;

/** A batch as it stands in the queue; it is locked for whoever took it. */
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
 * Finds what was taken with a lock: after a connection was lost, with it the answer may have been that handed a
 * batch over, which would then stay locked, by nobody. The lock lasts anew.
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
  const keys = [statsKey(client), `${prefix}${jobId}:lock`, incidentsKey(client)];
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
