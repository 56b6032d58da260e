import type { Redis } from 'ioredis';
import { WaybillError } from '../core/waybill-error.ts';
import { whyAway } from './connections.ts';
import { reasonOf } from './until-writable.ts';

/** Says that Redis cannot be reached just now, and why. */
export function unavailable(redis: Redis, cause?: unknown): WaybillError {
  return new WaybillError('REDIS_UNAVAILABLE', `Redis cannot be reached: ${whyAway(redis)}`, { cause });
}

/** Says why Redis did not take a write. */
export function refusedByRedis(error: Error): WaybillError {
  return new WaybillError('REDIS_REFUSED', `Redis refused the write: ${reasonOf(error)}`, { cause: error });
}

/** Says that it is not known whether Redis took a write. */
export function answerLost(redis: Redis, error: Error): WaybillError {
  const message = `Redis did not confirm the write: ${whyAway(redis)}; it may or may not have been written`;
  return new WaybillError('REDIS_ANSWER_LOST', message, { cause: error });
}
