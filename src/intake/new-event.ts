import { createHash } from 'node:crypto';
import { MAX_BATCH_BYTES } from '../config/client-config.ts';
import type { StoredEvent } from '../core/event.ts';
import type { EventType } from '../core/event-type.ts';
import { type EventKey, isIdempotencyKey, MAX_KEY_LENGTH } from '../core/idempotency-key.ts';
import type { JsonSource } from '../core/odd-numbers.ts';
import { quoteText } from '../core/quote-text.ts';
import { validatePayload } from '../core/validate-payload.ts';
import { WaybillError } from '../core/waybill-error.ts';
import type { NewEvent } from './group-commit.ts';
import { type Refused, refusal } from './submit-result.ts';

/** A payload as it was submitted. */
export interface Submission {
  readonly payload: unknown;
  /** The JSON that the payload was read from; undefined: the spelling of its numbers is not checked. */
  readonly source: JsonSource | undefined;
  /** Gives the idempotency key; undefined: there is none. It may give any value and throw. */
  readonly keyOf: (() => unknown) | undefined;
}

/** Validates a payload and makes an event of it, or refuses it. @param newId gives a UUIDv7 */
export function toNewEvent(
  type: EventType,
  { payload, source, keyOf }: Submission,
  newId: () => string,
): NewEvent | Refused {
  if (source !== undefined && source.text.length > MAX_BATCH_BYTES) {
    // Searching the text for numbers takes long: check the size first. Blanks in the text do not count.
    const bytes = Buffer.byteLength(stringify(payload) ?? '');
    if (bytes > MAX_BATCH_BYTES) return refuseSize(bytes);
  }
  const valid = validatePayload(type, payload, source);
  if (!valid.ok) return { outcome: 'refused', code: 'INVALID_EVENT', problems: valid.problems };
  const body = stringify(valid.payload);
  if (body === undefined) return refuseSize('more than a text can hold');
  const bytes = Buffer.byteLength(body);
  if (bytes > MAX_BATCH_BYTES) return refuseSize(bytes);
  const event: StoredEvent = { id: newId(), type: type.name, unit: valid.unit, body };
  const key = keyOf && readKey(keyOf, event);
  return key !== undefined && 'outcome' in key ? key : { event, bytes, key };
}

function refuseSize(found: number | string): Refused {
  return refusal('EVENT_TOO_LARGE', `must be at most ${MAX_BATCH_BYTES} bytes as JSON, found ${found}`);
}

/** Undefined if the text would be longer than JavaScript allows, or the payload is nested too deeply. */
function stringify(payload: unknown): string | undefined {
  try {
    return JSON.stringify(payload);
  } catch {
    // The payload was validated or read from JSON: there is no other cause.
    return undefined;
  }
}

const SHOWN_LENGTH = 100;

function readKey(keyOf: () => unknown, event: StoredEvent): EventKey | Refused | undefined {
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

/** 96 bits: two payloads with the same fingerprint are very unlikely. */
const FINGERPRINT_LENGTH = 16;

function fingerprintOf({ type, body }: StoredEvent): string {
  const hash = createHash('sha256').update(`${type} `).update(body);
  return hash.digest('base64url').slice(0, FINGERPRINT_LENGTH);
}
