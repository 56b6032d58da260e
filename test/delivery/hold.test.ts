import { expect, test } from 'vitest';
import type { StoredEvent } from '../../src/core/event.ts';
import type { Classification } from '../../src/core/outcome.ts';
import { Hold } from '../../src/delivery/hold.ts';
import type { Withheld } from '../../src/delivery/make-attempt.ts';
import { createLog } from '../../src/log.ts';
import type { WithheldMark } from '../../src/queue/withheld-mark.ts';
import { captureLogLines } from '../support/log-lines.ts';

const NO_TOKEN: Withheld = { withheld: 'token', blame: 'service', detail: 'answered 503', retryInMs: 5_000 };
const NO_PORT: Withheld = { withheld: 'local', blame: 'local', detail: 'no port', retryInMs: 1_000 };

const DELIVERED: Classification = { kind: 'delivered', status: 200 };
const failed = (status: number, retryAfter?: string): Classification => ({
  ...({ kind: 'failed', failureClass: 'server_error', status, response: '' } as const),
  ...(retryAfter === undefined ? {} : { retryAfter }),
});

/** An event that was accepted at this moment, ms since the epoch. */
function acceptedAt(ms: number): StoredEvent {
  const digits = ms.toString(16).padStart(12, '0');
  const id = `${digits.slice(0, 8)}-${digits.slice(8)}-7000-8000-000000000000`;
  return { id, type: 'x', unit: 'U', body: '{}' };
}

/** A hold of two minutes, its gate, and what it marks and logs. */
function holdOf(mode: 'adaptive' | 'fixed' = 'adaptive') {
  const lines = captureLogLines();
  const marks: (WithheldMark | undefined)[] = [];
  const calls: string[] = [];
  const gate = {
    isHolding: false,
    hold(ms: number) {
      this.isHolding = true;
      calls.push(`hold ${ms}`);
    },
    narrow: (requests?: number) => calls.push(requests === undefined ? 'narrow' : `narrow ${requests}`),
  };
  const hold = new Hold({
    endpoint: { client: 'acme', type: 'x', pace: { mode, holdMs: 120_000 } },
    gate: gate as never,
    log: createLog({ level: 'info', destination: lines.stream }),
    shortages: new Set(),
    mark: (mark) => marks.push(mark),
  });
  const messages = (): unknown[] => lines.lines.map(({ level, msg }) => `${level} ${msg}`);
  return { hold, gate, marks, calls, messages };
}

test('events without a token wait, which is told once and marked at each try', () => {
  const { hold, gate, marks, calls, messages } = holdOf();
  expect(hold.begin(acceptedAt(1_000), NO_TOKEN, 2_000)).toBe(true);
  expect(hold.begin(acceptedAt(1_500), NO_TOKEN, 2_001)).toBe(true);
  gate.isHolding = false;
  expect(hold.begin(acceptedAt(1_000), NO_TOKEN, 7_000)).toBe(true);
  expect(calls).toEqual(['hold 5000', 'hold 5000']);
  expect(marks).toEqual([
    { for: 'token', since: 2_000, blame: 'service', detail: 'answered 503', nextTryAt: 7_000 },
    { for: 'token', since: 2_000, blame: 'service', detail: 'answered 503', nextTryAt: 12_000 },
  ]);
  expect(messages()).toEqual(['warn events wait for a token']);
});

test('an event without a token waits no longer than the longest hold', () => {
  const { hold } = holdOf();
  expect(hold.begin(acceptedAt(1_000), NO_TOKEN, 120_999)).toBe(true);
  expect(hold.begin(acceptedAt(1_000), NO_TOKEN, 121_000)).toBe(false);
  expect(hold.begin(acceptedAt(1_001), NO_TOKEN, 121_000)).toBe(true);
});

test('the longest hold counts from the latest attempt if the event was accepted before it', () => {
  const { hold } = holdOf();
  hold.made(DELIVERED, 100_000);
  expect(hold.begin(acceptedAt(1_000), NO_TOKEN, 219_999)).toBe(true);
  expect(hold.begin(acceptedAt(1_000), NO_TOKEN, 220_000)).toBe(false);
});

test('the first attempt of a process removes what one before it has left behind', () => {
  const { hold, marks } = holdOf();
  hold.made(DELIVERED, 1_000);
  hold.made(failed(500), 2_000);
  expect(marks).toEqual([undefined]);
});

test('the end of a hold is told once an attempt was made after it, and not for one that began before', () => {
  const { hold, gate, marks, messages } = holdOf();
  hold.begin(acceptedAt(1_000), NO_TOKEN, 2_000);
  hold.made(DELIVERED, 3_000);
  expect(marks).toHaveLength(1);
  gate.isHolding = false;
  hold.made(DELIVERED, 8_000);
  hold.made(DELIVERED, 9_000);
  expect(marks.at(-1)).toBeUndefined();
  expect(messages()).toEqual(['warn events wait for a token', 'info events are sent again']);
});

test('a shortage of this machine narrows the gate, and costs an event no attempt for ten minutes', () => {
  const { hold, gate, calls, messages } = holdOf();
  expect(hold.begin(acceptedAt(1_000), NO_PORT, 10_000)).toBe(true);
  expect(calls).toEqual(['narrow', 'hold 1000']);
  gate.isHolding = false;
  expect(hold.begin(acceptedAt(1_000), NO_PORT, 609_999)).toBe(true);
  gate.isHolding = false;
  expect(hold.begin(acceptedAt(1_000), NO_PORT, 610_000)).toBe(false);
  expect(messages()).toEqual(['warn this machine is short of something: fewer requests at once']);
});

test('three answers with Retry-After in a row hold the endpoint until then, and one request asks', () => {
  const { hold, gate, calls, marks, messages } = holdOf();
  hold.made(failed(503, '5'), 1_000);
  hold.made(DELIVERED, 1_001);
  hold.made(failed(503, '5'), 1_002);
  hold.made(failed(503, '5'), 1_003);
  expect(calls).toEqual([]);
  hold.made(failed(429, '7'), 1_004);
  expect(calls).toEqual(['narrow 1', 'hold 7000']);
  expect(marks.at(-1)).toMatchObject({ for: 'retry_after', blame: 'endpoint', nextTryAt: 8_004 });
  gate.isHolding = false;
  hold.made(failed(503, '5'), 8_100);
  gate.isHolding = false;
  hold.made(failed(500), 13_200);
  expect(calls).toEqual(['narrow 1', 'hold 7000', 'narrow 1', 'hold 5000']);
  expect(marks.at(-1)).toBeUndefined();
  expect(messages()).toEqual(['warn endpoint says Retry-After: events wait', 'info events are sent again']);
});

test('Retry-After holds an endpoint for a minute at a time, and not beyond the longest hold', () => {
  const { hold, gate, calls } = holdOf();
  for (let n = 0; n < 3; n += 1) hold.made(failed(503, '86400'), 1_000);
  expect(calls).toEqual(['narrow 1', 'hold 60000']);
  gate.isHolding = false;
  hold.made(failed(503, '86400'), 120_999);
  expect(calls).toHaveLength(4);
  gate.isHolding = false;
  hold.made(failed(503, '86400'), 121_000);
  expect(calls).toHaveLength(4);
});

test('with a fixed pace Retry-After holds no endpoint', () => {
  const { hold, calls } = holdOf('fixed');
  for (let n = 0; n < 10; n += 1) hold.made(failed(503, '5'), 1_000 + n);
  expect(calls).toEqual([]);
});
