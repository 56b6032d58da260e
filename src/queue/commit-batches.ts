import { type Redis, ReplyError } from 'ioredis';
import { WaybillError } from '../core/waybill-error.ts';
import { admit, type NewBatch } from './delivery-queue.ts';

/** Redis cannot be reached: nothing was sent. */
export class RedisUnavailableError extends WaybillError {
  constructor(status: string) {
    super('REDIS_UNAVAILABLE', `Redis cannot be reached (connection ${status}): nothing was written`);
    this.name = 'RedisUnavailableError';
  }
}

/** What became of a write: `refused`, nothing was written; `unknown`, the answer was lost. */
export type WriteOutcome =
  | { readonly kind: 'committed' }
  | { readonly kind: 'refused' | 'unknown'; readonly error: Error };

/** Writes new batches, all or none, on a connection that fails fast. Never rejects. */
export async function commitBatches(
  redis: Redis,
  client: string,
  batches: readonly NewBatch[],
  now: number,
): Promise<WriteOutcome> {
  if (redis.status !== 'ready') return { kind: 'refused', error: new RedisUnavailableError(redis.status) };
  try {
    await admit(redis, client, batches, now);
    return { kind: 'committed' };
  } catch (error) {
    if (error instanceof ReplyError) return { kind: 'refused', error: refusedByRedis(error as Error) };
    return { kind: 'unknown', error: answerLost(error as Error) };
  }
}

function refusedByRedis(error: Error): WaybillError {
  return new WaybillError('REDIS_REFUSED', `Redis refused the write: ${error.message}`, { cause: error });
}

function answerLost(error: Error): WaybillError {
  return new WaybillError('REDIS_ANSWER_LOST', `the answer of Redis was lost: ${error.message}`, {
    cause: error,
  });
}
