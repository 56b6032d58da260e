import { type Redis, ReplyError } from 'ioredis';
import type { Batch, StoredEvent } from '../core/event.ts';
import { type EventKey, KEY_LIFETIME_SECONDS, type KeyHolder } from '../core/idempotency-key.ts';
import type { WaybillError } from '../core/waybill-error.ts';
import { isConnected } from './connections.ts';
import { defineScript } from './define-script.ts';
import { type Endpoint, endpointPrefix, idempotencyKeyName, statsKey } from './names.ts';
import { ADMIT, ADMIT_KEYED } from './scripts/admit.ts';
import { answerLost, refusedByRedis, unavailable } from './write-errors.ts';

const admitScript = defineScript('admit', ADMIT);
const admitKeyedScript = defineScript('admit-keyed', ADMIT_KEYED);

/** A batch on its way into the queue; its id is made beforehand, so that sending it again adds it once. */
export interface NewBatch {
  readonly id: string;
  readonly events: readonly StoredEvent[];
  /** The key of each event, where any of them has one. */
  readonly keys?: readonly (EventKey | undefined)[];
}

/** What became of a write: `refused`, nothing was written; `unknown`, the answer was lost. */
export type WriteOutcome =
  | {
      readonly kind: 'committed';
      /** Events by their id that were left out, since their keys stand for these; absent: none. */
      readonly holders?: ReadonlyMap<string, KeyHolder>;
    }
  | { readonly kind: 'refused' | 'unknown'; readonly error: WaybillError };

const COMMITTED: WriteOutcome = { kind: 'committed' };

/**
 * Writes new batches, all or none but for events whose keys stand for others, on an `intake` connection. Never rejects: the errors are
 * `REDIS_UNAVAILABLE` (nothing was sent), `REDIS_REFUSED` (full, read-only, loading ...) and, for `unknown`,
 * `REDIS_ANSWER_LOST`.
 */
export async function commitBatches(
  redis: Redis,
  endpoint: Endpoint,
  batches: readonly NewBatch[],
  now: number,
): Promise<WriteOutcome> {
  if (!isConnected(redis)) return { kind: 'refused', error: unavailable(redis) };
  try {
    if (batches.some(({ keys }) => keys !== undefined)) {
      const holders = await admitKeyed(redis, endpoint, batches, now);
      return holders.size > 0 ? { kind: 'committed', holders } : COMMITTED;
    }
    await admit(redis, endpoint, batches, now);
    return COMMITTED;
  } catch (error) {
    // Redis answers an admission with an error before its first write.
    if (error instanceof ReplyError) return { kind: 'refused', error: refusedByRedis(error as Error) };
    return { kind: 'unknown', error: answerLost(redis, error as Error) };
  }
}

/** The data of a job. */
export function encodeBatch(events: readonly StoredEvent[]): string {
  const batch: Batch = { events };
  return JSON.stringify(batch);
}

/**
 * Puts batches without keys into an endpoint's queue, all or none; resolves once Redis has them.
 *
 * @throws errors of Redis
 */
export async function admit(
  redis: Redis,
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
 * @returns the events that the keys of those left out stand for, by the id of the event that was left out
 * @throws errors of Redis
 */
export async function admitKeyed(
  redis: Redis,
  endpoint: Endpoint,
  batches: readonly NewBatch[],
  now: number,
): Promise<ReadonlyMap<string, KeyHolder>> {
  const keyed: string[] = [];
  function argsOf(event: StoredEvent, key: EventKey | undefined): string[] {
    const json = JSON.stringify(event);
    if (key === undefined) return ['', '', json];
    keyed.push(event.id);
    return [idempotencyKeyName(client, key.key), `${event.id} ${key.fingerprint}`, json];
  }
  const { client, type } = endpoint;
  const args: (string | number)[] = [endpointPrefix(endpoint), type, now, KEY_LIFETIME_SECONDS];
  for (const { id, events, keys } of batches) {
    args.push(id, events.length);
    for (const [index, event] of events.entries()) args.push(...argsOf(event, keys?.[index]));
  }
  const values = (await admitKeyedScript(redis, [statsKey(client)], args)) as string[];
  const holders = new Map<string, KeyHolder>();
  for (const [index, id] of keyed.entries()) {
    const [holder = '', fingerprint = ''] = values[index]?.split(' ') ?? [];
    if (holder !== id) holders.set(id, { id: holder, fingerprint });
  }
  return holders;
}
