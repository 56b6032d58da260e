import type { EventKey } from '../core/idempotency-key.ts';
import type { Problem } from '../core/problem.ts';
import { quoteText } from '../core/quote-text.ts';
import type { WriteOutcome } from '../queue/admit.ts';

/** Why an event was not taken; each code is documented in src/docs/errors.md. */
export type RefusalCode =
  | 'UNKNOWN_CLIENT'
  | 'UNKNOWN_EVENT_TYPE'
  | 'NO_ENDPOINT'
  | 'INVALID_EVENT'
  | 'EVENT_TOO_LARGE'
  | 'IDEMPOTENCY_KEY_INVALID'
  | 'IDEMPOTENCY_KEY_REUSED'
  | 'DEAD_LETTER_STANDS'
  | 'ALREADY_DELIVERED'
  | 'ALREADY_SENT'
  | 'INTAKE_FULL'
  | 'INTAKE_CLOSED'
  | 'REDIS_UNAVAILABLE'
  | 'REDIS_REFUSED';

/** Redis has the event: it will be delivered at least once, or become a dead letter. */
export interface Accepted {
  readonly outcome: 'accepted';
  /** UUIDv7 */
  readonly id: string;
  /** An earlier submission with the same idempotency key was taken: `id` is its event, and there is no second. */
  readonly repeated?: true;
}

/**
 * The event was not taken and will not be delivered. An earlier submission with the same idempotency key may have been
 * accepted all the same.
 */
export interface Refused {
  readonly outcome: 'refused';
  readonly code: RefusalCode;
  readonly problems: readonly Problem[];
}

/**
 * Redis' answer was lost, and the event may have been taken; or it was taken, and too few replicas of Redis confirmed
 * that they have it. Submitting it again may double it, unless it has an idempotency key: then repeating is safe, and
 * the answer names the one event.
 */
export interface Unknown {
  readonly outcome: 'unknown';
  readonly code: 'REDIS_ANSWER_LOST' | 'REDIS_NOT_REPLICATED';
  readonly id: string;
  readonly problems: readonly Problem[];
}

/** What became of a submitted event. */
export type SubmitResult = Accepted | Refused | Unknown;

/** A refusal for one reason that concerns the whole event. */
export function refusal(code: RefusalCode, message: string): Refused {
  return { outcome: 'refused', code, problems: [{ path: '$', message }] };
}

const SHOWN_LENGTH = 100;

/**
 * What became of an event, by the outcome of its write.
 *
 * @param key the idempotency key of the event; if it stands for another event, the result names that one
 */
export function toResult(id: string, key: EventKey | undefined, outcome: WriteOutcome): SubmitResult {
  const holder = key && outcome.holders?.get(id);
  if (key !== undefined && holder !== undefined && holder.fingerprint !== key.fingerprint) {
    const name = `the idempotency key ${quoteText(key.key, SHOWN_LENGTH)}`;
    return refusal(
      'IDEMPOTENCY_KEY_REUSED',
      `${name} stands for event ${holder.id}, which has another type or payload`,
    );
  }
  if (outcome.kind !== 'committed') return toFailure(holder?.id ?? id, key, outcome);
  return holder === undefined
    ? { outcome: 'accepted', id }
    : { outcome: 'accepted', id: holder.id, repeated: true };
}

/** What became of an event that was not written, or perhaps not. */
export function toFailure(
  id: string,
  key: EventKey | undefined,
  { kind, error }: Exclude<WriteOutcome, { kind: 'committed' }>,
): Refused | Unknown {
  if (kind === 'refused') {
    const isAway = error.code === 'REDIS_UNAVAILABLE';
    return refusal(isAway ? 'REDIS_UNAVAILABLE' : 'REDIS_REFUSED', error.message);
  }
  const hint = key === undefined ? '' : '; submitting it again with its idempotency key is safe';
  const code = error.code === 'REDIS_NOT_REPLICATED' ? error.code : 'REDIS_ANSWER_LOST';
  return { outcome: 'unknown', code, id, problems: [{ path: '$', message: `${error.message}${hint}` }] };
}
