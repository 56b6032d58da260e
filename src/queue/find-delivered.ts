import type { Redis } from 'ioredis';
import { groupBy } from '../core/group-by.ts';
import { type NotWritten, orNotWritten } from './admit.ts';
import { unavailable } from './connections.ts';
import {
  deliveredSlot,
  deliveredTail,
  RECORD_HEAD,
  readRecordHead,
  readRecordTails,
} from './delivered-record.ts';
import { deliveredKey } from './names.ts';

/** Elements of a list that are read in one go. */
const ELEMENTS = 1_000;

/** Those of some events that were delivered, with the time of it, ms since the epoch; or why that is not known. */
export type FoundDelivered =
  | { readonly kind: 'answered'; readonly deliveredAt: ReadonlyMap<string, number> }
  | NotWritten;

/**
 * Finds out which of a client's events were delivered, as far as that is remembered. Reads whole lists: events that
 * died together share a few. Never rejects; the errors are `REDIS_UNAVAILABLE` and `REDIS_REFUSED`.
 */
export async function findDelivered(
  redis: Redis,
  client: string,
  ids: readonly string[],
): Promise<FoundDelivered> {
  const found = await orNotWritten(redis, async () => {
    const deliveredAt = new Map<string, number>();
    for (const [slot, group] of groupBy(ids, deliveredSlot)) {
      const idsByTail = new Map(group.map((id) => [deliveredTail(id), id]));
      for await (const text of recordsOf(redis, deliveredKey(client, slot))) {
        const { at } = readRecordHead(text.slice(0, RECORD_HEAD));
        for (const tail of readRecordTails(text)) {
          const id = idsByTail.get(tail);
          if (id !== undefined) deliveredAt.set(id, at);
        }
      }
    }
    return { kind: 'answered' as const, deliveredAt };
  });
  // A question that was not answered has written nothing.
  return found.kind === 'unknown' ? { kind: 'refused', error: unavailable(redis, found.error) } : found;
}

async function* recordsOf(redis: Redis, list: string): AsyncGenerator<string> {
  for (let from = 0; ; from += ELEMENTS) {
    const texts = await redis.lrange(list, from, from + ELEMENTS - 1);
    yield* texts;
    if (texts.length < ELEMENTS) return;
  }
}
