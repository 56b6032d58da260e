import { decodeData } from './admit.ts';
import { defineScript } from './define-script.ts';
import { type Endpoint, endpointPrefix } from './names.ts';
import { FIND_TAKEN, TAKE_PACED } from './scripts/take.ts';
import type { Connection } from './servers.ts';

const takePacedScript = defineScript('take-paced', TAKE_PACED);
const findTakenScript = defineScript('find-taken', FIND_TAKEN);

/** A lock that is not taken yet. */
export interface NewLock {
  readonly token: string;
  readonly durationMs: number;
  /** When it was made, before it is asked for; ms of the monotonic clock. */
  readonly askedAt: number;
}

/** A batch as it stands in the queue; it is locked for the process that took it. */
export interface QueuedBatch {
  readonly id: string;
  /** The lock by which it is held. */
  readonly token: string;
  /** When that was asked for; ms of the monotonic clock. */
  readonly askedAt: number;
  /** Undefined if it is no JSON. */
  readonly data: unknown;
  /** How often a process that held it was lost since one of its events was last settled. */
  readonly stalls: number;
}

/**
 * Finds what was taken with a lock, and renews the lock. A lost connection may have lost the answer that handed a
 * batch over: the batch would stay locked, in no process.
 */
export async function findTaken(
  redis: Connection,
  endpoint: Endpoint,
  lock: NewLock,
): Promise<QueuedBatch[]> {
  const prefix = endpointPrefix(endpoint);
  const found = await findTakenScript(redis, [`${prefix}active`], [prefix, lock.token, lock.durationMs]);
  return (found as TakenReply[]).map((reply) => toQueuedBatch(reply, lock));
}

/** What may be taken of an endpoint that is not `open`. */
export interface Takes {
  readonly retries: boolean;
  /** Fresh batches that were added by then, ms since the epoch. */
  readonly freshUntil: number;
  /** Otherwise a fresh batch is taken first, if there are both. */
  readonly retriesFirst: boolean;
}

/** What waits, if nothing could be taken; ms since the epoch, 0: nothing of its kind. */
export interface Waits {
  /** When the next retry is due. */
  readonly retryAt: number;
  /** When the first of the fresh batches was added. */
  readonly freshSince: number;
}

/** Takes a batch of an endpoint that is not `open`. @param now ms since the epoch */
export async function takePaced(
  redis: Connection,
  endpoint: Endpoint,
  { retries, freshUntil, retriesFirst }: Takes,
  lock: NewLock,
  now: number,
): Promise<QueuedBatch | Waits> {
  const prefix = endpointPrefix(endpoint);
  const kinds = [Number(retries), freshUntil, Number(retriesFirst)];
  const args = [prefix, lock.token, lock.durationMs, now, ...kinds];
  const reply = (await takePacedScript(redis, [`${prefix}active`], args)) as TakenReply | [number, number];
  if (reply.length === 2) return { retryAt: reply[0], freshSince: reply[1] };
  return toQueuedBatch(reply, lock);
}

/** A batch as scripts hand it over: its id, its data, its stalls. */
export type TakenReply = [id: string, data: string, stalls: string];

/** Reads what a script hands over. */
export function toQueuedBatch([id, data, stalls]: TakenReply, { token, askedAt }: NewLock): QueuedBatch {
  return { id, token, askedAt, data: decodeData(data), stalls: Number(stalls) };
}
