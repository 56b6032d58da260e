import { KEPT_HEADERS, type KeptHeaders } from './attempt-result.ts';
import type { HistoryEntry, StoredEvent } from './event.ts';
import { maskUrl } from './mask-url.ts';
import type { Classification, Outcome } from './outcome.ts';

/** Earlier lives of which the attempts are kept. */
const MOST_EARLIER = 10;

/** The failed attempts of each life that is kept, the present one last. */
export function livesOf({ earlier = [], history = [] }: StoredEvent): readonly (readonly HistoryEntry[])[] {
  return [...earlier, history];
}

/**
 * An event as it begins its next life: without a history, so with all retries again; the same id, the same bytes.
 *
 * @param now ms since the epoch
 */
export function inNextLife(event: StoredEvent, now: number): StoredEvent {
  const { id, type, unit, body, life = 0 } = event;
  return {
    id,
    type,
    unit,
    body,
    life: life + 1,
    replayedAt: now,
    earlier: livesOf(event).slice(-MOST_EARLIER),
  };
}

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
 * @param url of its endpoint
 */
export function withExpiry(event: StoredEvent, maxAgeHours: number, now: number, url: string): StoredEvent {
  const reason = `older than maxAgeHours: ${maxAgeHours} h; it was not sent`;
  const before = event.response === undefined ? '' : `; the attempt before: ${event.response}`;
  const response = cutToBytes(`${reason}${before}`, DEAD_RESPONSE_BYTES - sizeOf(event.headers));
  return { ...event, response, url: maskUrl(url), expiredAt: now };
}

/**
 * The event with one more failed attempt in its history, the start of that attempt's response and some of its headers.
 *
 * @param at when the attempt ended, ms since the epoch
 * @param ms how long it took
 * @param url of its endpoint
 */
export function withFailure(
  event: StoredEvent,
  failed: Extract<Classification, { kind: 'failed' }>,
  outcome: Exclude<Outcome, { kind: 'delivered' }>,
  at: number,
  ms: number,
  url: string,
): StoredEvent {
  const entry: HistoryEntry = [at, failed.status, failed.failureClass, Math.round(ms)];
  // Those of the attempt before; a replayed event has the URL, too.
  const { headers: _, url: __, ...before } = event;
  const isDead = outcome.kind === 'dead';
  const headers = cutHeaders(failed.headers);
  // Both together keep within the limit.
  const limit = (isDead ? DEAD_RESPONSE_BYTES : RETRY_RESPONSE_BYTES) - sizeOf(headers);
  return {
    ...before,
    history: event.history === undefined ? [entry] : [...event.history, entry],
    response: cutToBytes(failed.response, limit),
    ...(headers && { headers }),
    ...(isDead && { url: maskUrl(url) }),
  };
}

/** What headers may take as JSON, and a value of theirs. */
const HEADERS_BYTES = 200;
const HEADER_BYTES = 100;

function cutHeaders(headers: KeptHeaders | undefined): KeptHeaders | undefined {
  let kept: KeptHeaders | undefined;
  for (const name of KEPT_HEADERS) {
    const value = headers?.[name];
    if (value === undefined) continue;
    const more = { ...kept, [name]: cutToBytes(value, HEADER_BYTES) };
    if (sizeOf(more) <= HEADERS_BYTES) kept = more;
  }
  return kept;
}

function sizeOf(headers: KeptHeaders | undefined): number {
  return headers === undefined ? 0 : new TextEncoder().encode(JSON.stringify(headers)).length;
}
