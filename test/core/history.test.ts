import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FAILURE_CLASSES, KEPT_HEADERS } from '../../src/core/attempt-result.ts';
import { nextAttempt, type StoredEvent } from '../../src/core/event.ts';
import {
  cutToBytes,
  DEAD_RESPONSE_BYTES,
  RETRY_RESPONSE_BYTES,
  withExpiry,
  withFailure,
} from '../../src/core/history.ts';
import { maskUrl } from '../../src/core/mask-url.ts';

const EVENT: StoredEvent = { id: 'event-1', type: 'x', unit: 'unit-1', body: '{}' };
const ENDPOINT = 'https://user:secret@acme.example/d?key=secret';
const LAST_TIMESTAMP = Date.UTC(9999, 0, 1);
const bytesOf = (text: string): number => Buffer.byteLength(text);
/** Whole characters of one to four bytes. */
const texts = fc.string({
  unit: fc.constantFrom('a', 'ä', '€', '🏭', '\u0000', 'e\u0301'),
  maxLength: 1_500,
});

const failures = fc.record({
  kind: fc.constant('failed' as const),
  failureClass: fc.constantFrom(...FAILURE_CLASSES),
  status: fc.constantFrom(0, 302, 599),
  response: texts,
  headers: fc.dictionary(fc.constantFrom(...KEPT_HEADERS), texts, { minKeys: 1 }),
});

test('a cut text is a beginning of it, whole characters, as long as fits', () => {
  fc.assert(
    fc.property(texts, fc.nat(4_000), (text, most) => {
      const cut = cutToBytes(text, most);
      expect(text.startsWith(cut)).toBe(true);
      expect(bytesOf(cut)).toBeLessThanOrEqual(most);
      expect(cut).not.toContain('\uFFFD');
      if (cut !== text) expect(bytesOf(cut)).toBeGreaterThan(most - 4);
    }),
  );
});

test.each([
  ['', 0, ''],
  ['abc', 3, 'abc'],
  ['abc', 2, 'ab'],
  ['ä', 1, ''],
  ['aä', 2, 'a'],
  ['🏭🏭', 7, '🏭'],
  ['🏭', 3, ''],
])('%o cut to %i bytes is %o', (text, most, cut) => {
  expect(cutToBytes(text, most)).toBe(cut);
});

test('an entry takes at most 64 bytes, and the response stays within its bounds', () => {
  const times = fc.record({
    at: fc.integer({ min: 0, max: LAST_TIMESTAMP }),
    // Twice the longest time that a request may take.
    ms: fc.double({ min: 0, max: 1_200_000, noNaN: true }),
  });
  fc.assert(
    fc.property(failures, fc.boolean(), times, (failed, dies, { at, ms }) => {
      const outcome = dies ? ({ kind: 'dead' } as const) : ({ kind: 'retry', dueAt: at + 1 } as const);
      // As a replayed event has them from its last life.
      const event = { ...EVENT, url: 'https://acme.example/before', headers: { server: 'before' } };
      const after = withFailure(event, failed, outcome, at, ms, ENDPOINT);
      expect(after.history).toEqual([[at, failed.status, failed.failureClass, Math.round(ms)]]);
      expect(bytesOf(JSON.stringify(after.history?.[0]))).toBeLessThanOrEqual(64);
      const most = dies ? DEAD_RESPONSE_BYTES : RETRY_RESPONSE_BYTES;
      const headers = after.headers === undefined ? '' : JSON.stringify(after.headers);
      expect(bytesOf(headers)).toBeLessThanOrEqual(200);
      expect(bytesOf(after.response ?? '') + bytesOf(headers)).toBeLessThanOrEqual(most);
      expect(after.url).toBe(dies ? 'https://acme.example/d?key=***' : undefined);
      expect(failed.response.startsWith(after.response ?? 'nothing')).toBe(true);
      expect(JSON.parse(JSON.stringify(after))).toEqual(after);
    }),
  );
});

test('each failure adds one entry, and nothing else of the event changes', () => {
  fc.assert(
    fc.property(fc.array(failures, { maxLength: 21 }), (row) => {
      let event = EVENT;
      for (const [i, failed] of row.entries()) {
        const before = JSON.stringify(event);
        const next = withFailure(event, failed, { kind: 'retry', dueAt: i }, i, i, ENDPOINT);
        expect(JSON.stringify(event)).toBe(before);
        event = next;
      }
      expect(nextAttempt(event)).toBe(row.length + 1);
      expect(event).toMatchObject(EVENT);
      expect(event.history?.map((entry) => entry[0]) ?? []).toEqual(row.map((_, i) => i));
    }),
  );
});

test('an event that expires keeps its attempts, and says why it was not sent', () => {
  const reason = 'older than maxAgeHours: 72 h; it was not sent';
  const dead = { url: maskUrl(ENDPOINT), expiredAt: 5 };
  expect(withExpiry(EVENT, 72, 5, ENDPOINT)).toEqual({ ...EVENT, ...dead, response: reason });
  fc.assert(
    fc.property(failures, (failed) => {
      const retried = withFailure(EVENT, failed, { kind: 'retry', dueAt: 2 }, 1, 1, ENDPOINT);
      const expired = withExpiry(retried, 72, 5, ENDPOINT);
      expect(expired.history).toEqual(retried.history);
      expect(nextAttempt(expired)).toBe(2);
      expect(expired.response).toBe(`${reason}; the attempt before: ${retried.response}`);
      expect(bytesOf(expired.response ?? '')).toBeLessThanOrEqual(DEAD_RESPONSE_BYTES);
    }),
  );
});

test('headers are those of the latest attempt, as many as fit, each cut to 100 bytes', () => {
  const failed = { kind: 'failed', failureClass: 'server_error', status: 500, response: 'no' } as const;
  const retry = { kind: 'retry', dueAt: 2 } as const;
  const headers = { 'content-type': 'c'.repeat(200), server: 's'.repeat(200), 'x-request-id': 'r-1' };
  const first = withFailure(EVENT, { ...failed, headers }, retry, 1, 1, ENDPOINT);
  expect(first.headers).toEqual({ 'x-request-id': 'r-1', server: 's'.repeat(100) });
  expect(withFailure(first, failed, retry, 2, 1, ENDPOINT)).not.toHaveProperty('headers');
});
