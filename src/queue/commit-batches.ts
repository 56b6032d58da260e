import { type Redis, ReplyError } from 'ioredis';
import { WaybillError } from '../core/waybill-error.ts';
import { isConnected, whyAway } from './connections.ts';
import { admit, type NewBatch } from './delivery-queue.ts';
import { reasonOf } from './until-writable.ts';

/** What became of a write: `refused`, nothing was written; `unknown`, the answer was lost. */
export type WriteOutcome =
  | { readonly kind: 'committed' }
  | { readonly kind: 'refused' | 'unknown'; readonly error: WaybillError };

/**
 * Writes new batches, all or none, on an `intake` connection. Never rejects: the errors are
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
    await admit(redis, client, batches, now);
    return { kind: 'committed' };
  } catch (error) {
    // Redis answers an admission with an error before its first write.
    if (error instanceof ReplyError) return { kind: 'refused', error: refusedByRedis(error as Error) };
    return { kind: 'unknown', error: answerLost(redis, error as Error) };
  }
}

/** Says that Redis cannot be reached just now, and why. */
export function unavailable(redis: Redis, cause?: unknown): WaybillError {
  return new WaybillError('REDIS_UNAVAILABLE', `Redis cannot be reached: ${whyAway(redis)}`, { cause });
}

function refusedByRedis(error: Error): WaybillError {
  return new WaybillError('REDIS_REFUSED', `Redis refused the write: ${reasonOf(error)}`, { cause: error });
}

function answerLost(redis: Redis, error: Error): WaybillError {
  const message = `Redis did not confirm the write: ${whyAway(redis)}; it may or may not have been written`;
  return new WaybillError('REDIS_ANSWER_LOST', message, { cause: error });
}
