import type { Problem } from '../core/problem.ts';

/** Why an event was not taken; each code is documented in README.md. */
export type RefusalCode =
  | 'UNKNOWN_CLIENT'
  | 'UNKNOWN_EVENT_TYPE'
  | 'NO_ENDPOINT'
  | 'INVALID_EVENT'
  | 'EVENT_TOO_LARGE'
  | 'IDEMPOTENCY_KEY_INVALID'
  | 'IDEMPOTENCY_KEY_REUSED'
  | 'DEAD_LETTER_STANDS'
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
 * The event was not taken and will not be delivered. What became of an earlier submission with the same
 * idempotency key is another matter.
 */
export interface Refused {
  readonly outcome: 'refused';
  readonly code: RefusalCode;
  readonly problems: readonly Problem[];
}

/**
 * Redis' answer was lost: the event may have been taken. Submitting it again may double it, unless it has an
 * idempotency key: with that, repeating is safe, and the answer names the one event that there is.
 */
export interface Unknown {
  readonly outcome: 'unknown';
  readonly id: string;
  readonly problems: readonly Problem[];
}

/** What became of a submitted event. */
export type SubmitResult = Accepted | Refused | Unknown;

/** A refusal for one reason that concerns the whole event. */
export function refusal(code: RefusalCode, message: string): Refused {
  return { outcome: 'refused', code, problems: [{ path: '$', message }] };
}
