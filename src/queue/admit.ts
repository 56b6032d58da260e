import { setTimeout as pause } from 'node:timers/promises';
import { type Redis, ReplyError } from 'ioredis';
import type { Batch, StoredEvent } from '../core/event.ts';
import type { EventKey, KeyHolder } from '../core/idempotency-key.ts';
import type { WaybillError } from '../core/waybill-error.ts';
import { answerLost, connectedServer, refusedByRedis, unavailable } from './connections.ts';
import { defineScript } from './define-script.ts';
import {
  clientPrefix,
  deadLettersPrefix,
  type Endpoint,
  endpointPrefix,
  idempotencyKeyName,
  statsKey,
} from './names.ts';
import { whyNotReplicated } from './replicas.ts';
import { ADMIT, ADMIT_KEYED, RESTORE } from './scripts/admit.ts';
import { type Connection, isCluster, isSlotMoving, refreshSlots } from './servers.ts';

const admitScript = defineScript('admit', ADMIT);
const admitKeyedScript = defineScript('admit-keyed', ADMIT_KEYED);
const restoreScript = defineScript('restore', RESTORE);

/** A batch on its way into the queue; its id is made beforehand, so that sending it again adds it once. */
export interface NewBatch {
  readonly id: string;
  readonly events: readonly StoredEvent[];
  /** The key of each event, where any of them has one. */
  readonly keys?: readonly (EventKey | undefined)[];
}

/** What became of a write. */
export type WriteOutcome =
  | {
      readonly kind: 'committed';
      readonly holders?: Holders;
    }
  | NotWritten;

/** Events by their id that were left out, since their keys stand for these; absent: none. */
type Holders = ReadonlyMap<string, KeyHolder>;

/** `refused`: nothing was written; `unknown`: the answer was lost, or too few replicas confirmed it. */
export interface NotWritten {
  readonly kind: 'refused' | 'unknown';
  readonly error: WaybillError;
  readonly holders?: Holders;
}

/**
 * Writes new batches, all or none but for events whose keys stand for others, on an `intake` connection. Never
 * rejects: the errors are `REDIS_UNAVAILABLE` (nothing was sent), `REDIS_REFUSED` (full, read-only, loading ...) and,
 * for `unknown`, `REDIS_ANSWER_LOST` and `REDIS_NOT_REPLICATED`.
 *
 * @param replicas how many of them must have it
 */
export async function commitBatches(
  redis: Connection,
  endpoint: Endpoint,
  batches: readonly NewBatch[],
  now: number,
  replicas = 0,
): Promise<WriteOutcome> {
  return orNotWritten(redis, endpoint.client, replicas, async (server): Promise<WriteOutcome> => {
    if (batches.every(({ keys }) => keys === undefined)) {
      await admit(server, endpoint, batches, now);
      return { kind: 'committed' };
    }
    const holders = await admitKeyed(server, endpoint, batches, now, replicas > 0);
    return { kind: 'committed', ...(holders.size > 0 && { holders }) };
  });
}

/** How long a write waits for a hash slot that is being moved, and how often it asks. */
const MOVED_WITHIN_MS = 2_000;
const ASK_AGAIN_MS = 50;

/**
 * Runs a write whose script Redis answers with an error only before its first write, on the server that has the client's
 * keys: a Cluster would send it again by itself, and not say whether it did.
 *
 * @param replicas how many of them must have it
 */
export async function orNotWritten<Result extends object>(
  redis: Connection,
  client: string,
  replicas: number,
  write: (server: Redis) => Promise<Result>,
  deadline = performance.now() + MOVED_WITHIN_MS,
): Promise<Result | NotWritten> {
  const server = await connectedServer(redis, client);
  if (server === undefined) return { kind: 'refused', error: unavailable(redis) };
  const { stream } = server;
  let result: Result;
  try {
    result = await write(server);
  } catch (error) {
    if (!(error instanceof ReplyError)) return { kind: 'unknown', error: answerLost(redis, error as Error) };
    const isMoving = isCluster(redis) && isSlotMoving(error as Error) && performance.now() < deadline;
    if (!isMoving) return { kind: 'refused', error: refusedByRedis(error as Error) };
    await pause(ASK_AGAIN_MS);
    await refreshSlots(redis);
    return orNotWritten(redis, client, replicas, write, deadline);
  }
  const error = await whyNotReplicated(server, replicas, stream);
  return error === undefined ? result : { ...result, kind: 'unknown', error };
}

/** The data of a job. */
export function encodeBatch(events: readonly StoredEvent[]): string {
  const batch: Batch = { events };
  return JSON.stringify(batch);
}

/** What the data of a job says; undefined for what is no JSON. */
export function decodeData(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}

/** Puts batches without keys into an endpoint's queue, all or none; resolves once Redis has them. */
export async function admit(
  redis: Connection,
  endpoint: Endpoint,
  batches: readonly NewBatch[],
  now: number,
): Promise<void> {
  const args: (string | number)[] = [endpointPrefix(endpoint), endpoint.type, now];
  for (const { id, events } of batches) args.push(id, events.length, encodeBatch(events));
  await admitScript(redis, [statsKey(endpoint.client)], args);
}

/**
 * Puts batches into an endpoint's queue, all or none, but for events whose keys stand for other events already; the
 * keys of the rest stand for them from the same step on, for 24 h.
 *
 * @param isToBeConfirmed replicas are asked for it then
 * @returns the events that the keys of those left out stand for, by the id of the event that was left out
 */
export async function admitKeyed(
  redis: Connection,
  endpoint: Endpoint,
  batches: readonly NewBatch[],
  now: number,
  isToBeConfirmed = false,
): Promise<Holders> {
  const { client, type } = endpoint;
  const args: (string | number)[] = [endpointPrefix(endpoint), type, now, Number(isToBeConfirmed)];
  for (const { id, events, keys } of batches) {
    args.push(id, events.length);
    for (const [index, event] of events.entries()) {
      const key = keys?.[index];
      if (key === undefined) args.push('', '');
      else args.push(idempotencyKeyName(client, key.key), `${event.id} ${key.fingerprint}`);
      args.push(JSON.stringify(event));
    }
  }
  const values = (await admitKeyedScript(redis, [statsKey(client)], args)) as string[];
  const holders = new Map<string, KeyHolder>();
  for (const [index, { id }] of batches.flatMap(({ events }) => events).entries()) {
    const [holder = '', fingerprint = ''] = values[index]?.split(' ') ?? [];
    if (holder !== '' && holder !== id) holders.set(id, { id: holder, fingerprint });
  }
  return holders;
}

/** What became of an exported event. */
export type Restored = 'restored' | 'dead_letter_stands' | 'already_sent';

/** What became of a batch of them. */
export type RestoreOutcome = { readonly kind: 'answered'; readonly events: readonly Restored[] } | NotWritten;

const RESULTS: readonly Restored[] = ['restored', 'dead_letter_stands', 'already_sent'];

/** The mark of an event that was restored: the first time, or once more though it had been delivered. */
const MARKS = { once: 1, again: 2 } as const;

/**
 * Puts exported events of one type into their endpoint's queue as one batch, each at the beginning of its next life;
 * not events whose dead letter stands, nor events restored during the last 24 h. Never rejects; errors as those of
 * `commitBatches`.
 *
 * @param events as they were exported: `life` is that of their dead letter
 * @param delivered ids of those that were delivered and are restored once more in 24 h; undefined: none of them is
 * known to be delivered, and what this call restores may be restored once more
 * @param replicas how many of them must have it
 */
export async function restoreEvents(
  redis: Connection,
  endpoint: Endpoint,
  batchId: string,
  events: readonly StoredEvent[],
  now: number,
  delivered?: ReadonlySet<string>,
  replicas = 0,
): Promise<RestoreOutcome> {
  const { client, type } = endpoint;
  const markPrefix = `${clientPrefix(client)}:restored:`;
  const prefixes = [endpointPrefix(endpoint), deadLettersPrefix(client), markPrefix];
  const mark = delivered === undefined ? MARKS.once : MARKS.again;
  const args: (string | number)[] = [...prefixes, type, batchId, now, mark];
  for (const event of events) {
    const life = event.life ?? 0;
    const refusedFrom = delivered?.has(event.id) ? MARKS.again : MARKS.once;
    args.push(event.id, life, refusedFrom, JSON.stringify({ ...event, life: life + 1, replayedAt: now }));
  }
  return orNotWritten(redis, client, replicas, async (server): Promise<RestoreOutcome> => {
    const answer = (await restoreScript(server, [statsKey(client)], args)) as readonly number[];
    return { kind: 'answered', events: answer.map((code) => RESULTS[code] ?? 'restored') };
  });
}
