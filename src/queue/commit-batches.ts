import { type Redis, ReplyError } from 'ioredis';
import type { KeyHolder } from '../core/idempotency-key.ts';
import type { WaybillError } from '../core/waybill-error.ts';
import { admitKeyed } from './admit-keyed.ts';
import { isConnected } from './connections.ts';
import { admit, type NewBatch } from './delivery-queue.ts';
import { answerLost, refusedByRedis, unavailable } from './write-errors.ts';

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
  client: string,
  batches: readonly NewBatch[],
  now: number,
): Promise<WriteOutcome> {
  if (!isConnected(redis)) return { kind: 'refused', error: unavailable(redis) };
  try {
    if (batches.some(({ keys }) => keys !== undefined)) {
      const holders = await admitKeyed(redis, client, batches, now);
      return holders.size > 0 ? { kind: 'committed', holders } : COMMITTED;
    }
    await admit(redis, client, batches, now);
    return COMMITTED;
  } catch (error) {
    // Redis answers an admission with an error before its first write.
    if (error instanceof ReplyError) return { kind: 'refused', error: refusedByRedis(error as Error) };
    return { kind: 'unknown', error: answerLost(redis, error as Error) };
  }
}
