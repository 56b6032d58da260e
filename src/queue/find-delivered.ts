import { groupBy } from '../core/group-by.ts';
import { type NotWritten, orNotWritten } from './admit.ts';
import { unavailable } from './connections.ts';
import {
  countEvents,
  type DeliveredEvent,
  deliveredSlot,
  readRecord,
  SLOT_MS,
  type WantedDelivered,
} from './delivered-record.ts';
import { deliveredKey } from './names.ts';
import type { Connection } from './servers.ts';

/** Elements of a list that are read in one go. */
const ELEMENTS = 500;

/** Those of some events that were delivered, with the time of it, ms since the epoch; or why that is not known. */
export type FoundDelivered =
  | { readonly kind: 'answered'; readonly deliveredAt: ReadonlyMap<string, number> }
  | NotWritten;

/**
 * Finds out which of a client's events were delivered, as far as that is remembered. Reads whole lists: events that
 * died together share a few. Never rejects; the errors are `REDIS_UNAVAILABLE` and `REDIS_REFUSED`.
 */
export async function findDelivered(
  redis: Connection,
  client: string,
  ids: readonly string[],
): Promise<FoundDelivered> {
  const found = await orNotWritten(redis, client, 0, async (server) => {
    const deliveredAt = new Map<string, number>();
    for (const [slot, group] of groupBy(ids, deliveredSlot)) {
      const wanted = new Set(group);
      for await (const { events } of readSlot(server, client, slot)) {
        for (const { id, at } of events) if (wanted.has(id)) deliveredAt.set(id, at);
      }
    }
    return { kind: 'answered' as const, deliveredAt };
  });
  // A question that was not answered has written nothing.
  return found.kind === 'unknown' ? { kind: 'refused', error: unavailable(redis, found.error) } : found;
}

/** Some of a client's delivered events, and how many were looked at for them. */
export interface DeliveredPage {
  readonly looked: number;
  readonly events: readonly DeliveredEvent[];
}

/**
 * Reads a client's delivered events, in the order of their acceptance by a minute or so.
 *
 * @param acceptedUntil leaves out lists of events that were accepted later; ms since the epoch
 */
export async function* readDelivered(
  redis: Connection,
  client: string,
  acceptedUntil = Number.POSITIVE_INFINITY,
  wanted?: WantedDelivered,
): AsyncGenerator<DeliveredPage> {
  const slots = await redis.zrange(deliveredKey(client), '0', '-1');
  for (const slot of slots.sort())
    if (Number.parseInt(slot, 16) * SLOT_MS < acceptedUntil) yield* readSlot(redis, client, slot, wanted);
}

async function* readSlot(
  redis: Connection,
  client: string,
  slot: string,
  wanted?: WantedDelivered,
): AsyncGenerator<DeliveredPage> {
  const list = deliveredKey(client, slot);
  for (let from = 0; ; from += ELEMENTS) {
    const elements = await redis.lrangeBuffer(list, from, from + ELEMENTS - 1);
    const looked = elements.reduce((sum, bytes) => sum + countEvents(bytes), 0);
    yield { looked, events: elements.flatMap((bytes) => readRecord(bytes, slot, wanted)) };
    if (elements.length < ELEMENTS) return;
  }
}
