import { createHash } from 'node:crypto';
import type { StoredEvent } from '../core/event.ts';
import { type EventKey, isIdempotencyKey, MAX_KEY_LENGTH } from '../core/idempotency-key.ts';
import { quoteText } from '../core/quote-text.ts';
import { WaybillError } from '../core/waybill-error.ts';
import { type Refused, refusal } from './submit-result.ts';

/** 96 bits: two payloads under one key are not taken for the same. */
const FINGERPRINT_LENGTH = 16;
const SHOWN_LENGTH = 100;

/**
 * Takes the key of an event from whoever knows it.
 *
 * @param keyOf may give anything and throw, as a program in JavaScript may; the sentence of a WaybillError is told
 * @returns undefined: the event has no key
 */
export function takeEventKey(keyOf: () => unknown, event: StoredEvent): EventKey | Refused | undefined {
  let key: unknown;
  try {
    key = keyOf();
  } catch (error) {
    const reason =
      error instanceof WaybillError ? error.message : 'the function that makes it throws an error';
    return refusal('IDEMPOTENCY_KEY_INVALID', `there is no idempotency key: ${reason}`);
  }
  if (key === undefined) return undefined;
  if (isIdempotencyKey(key)) return { key, fingerprint: fingerprintOf(event) };
  const found = typeof key === 'string' ? quoteText(key, SHOWN_LENGTH) : `a value of type ${typeof key}`;
  return refusal(
    'IDEMPOTENCY_KEY_INVALID',
    `the idempotency key must be 1 to ${MAX_KEY_LENGTH} printable ASCII characters, found ${found}`,
  );
}

function fingerprintOf({ type, body }: StoredEvent): string {
  const hash = createHash('sha256').update(`${type} `).update(body);
  return hash.digest('base64url').slice(0, FINGERPRINT_LENGTH);
}
