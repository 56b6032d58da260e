import type { HistoryEntry, StoredEvent } from './event.ts';
import type { Classification, Outcome } from './outcome.ts';

/** How much of a response is kept while retrying, and in a dead letter; UTF-8 bytes. */
export const RETRY_RESPONSE_BYTES = 512;
export const DEAD_RESPONSE_BYTES = 2048;

/** Cuts a text to a number of UTF-8 bytes at most, at a character's boundary. */
export function cutToBytes(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes) return text;
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return new TextDecoder().decode(bytes.subarray(0, end));
}

/**
 * The event as a dead letter that was too old to be sent. Its history has its attempts alone: this is none.
 *
 * @param now ms since the epoch
 */
export function withExpiry(event: StoredEvent, maxAgeHours: number, now: number): StoredEvent {
  const reason = `older than maxAgeHours: ${maxAgeHours} h; it was not sent`;
  const before = event.response === undefined ? '' : `; the attempt before: ${event.response}`;
  return { ...event, response: cutToBytes(`${reason}${before}`, DEAD_RESPONSE_BYTES), expiredAt: now };
}

/**
 * The event with one more failed attempt in its history and the start of that attempt's response.
 *
 * @param at when the attempt ended, ms since the epoch
 * @param ms how long it took
 */
export function withFailure(
  event: StoredEvent,
  failed: Extract<Classification, { kind: 'failed' }>,
  outcome: Exclude<Outcome, { kind: 'delivered' }>,
  at: number,
  ms: number,
): StoredEvent {
  const entry: HistoryEntry = [at, failed.status, failed.failureClass, Math.round(ms)];
  const limit = outcome.kind === 'dead' ? DEAD_RESPONSE_BYTES : RETRY_RESPONSE_BYTES;
  return {
    ...event,
    history: event.history === undefined ? [entry] : [...event.history, entry],
    response: cutToBytes(failed.response, limit),
  };
}
