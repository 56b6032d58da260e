import type { Redis } from 'ioredis';
import type { StoredEvent } from '../core/event.ts';
import { type EventKey, KEY_LIFETIME_SECONDS, type KeyHolder } from '../core/idempotency-key.ts';
import { defineScript } from './define-script.ts';
import type { NewBatch } from './delivery-queue.ts';
import { DELIVERIES, idempotencyKeyName, queuePrefix, statsKey } from './names.ts';
import { ADMIT_KEYED } from './scripts/admit-keyed.ts';

const admitKeyedScript = defineScript('admit-keyed', ADMIT_KEYED);

/**
 * Puts batches into a client's queue, all or none, but for events whose keys stand for other events already; the
 * keys of the rest stand for them from the same step on, for 24 h.
 *
 * @returns the events that the keys of those left out stand for, by the id of the event that was left out
 * @throws errors of Redis
 */
export async function admitKeyed(
  redis: Redis,
  client: string,
  batches: readonly NewBatch[],
  now: number,
): Promise<ReadonlyMap<string, KeyHolder>> {
  const keyed: string[] = [];
  function argsOf(event: StoredEvent, key: EventKey | undefined): string[] {
    const json = JSON.stringify(event);
    if (key === undefined) return ['', '', json, event.type];
    keyed.push(event.id);
    return [idempotencyKeyName(client, key.key), `${event.id} ${key.fingerprint}`, json, event.type];
  }
  const args: (string | number)[] = [queuePrefix(client, DELIVERIES), now, KEY_LIFETIME_SECONDS];
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
