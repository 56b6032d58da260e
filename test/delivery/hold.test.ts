import { expect, test } from 'vitest';
import type { StoredEvent } from '../../src/core/event.ts';
import { Hold } from '../../src/delivery/hold.ts';
import type { Withheld } from '../../src/delivery/make-attempt.ts';
import { createLog } from '../../src/log.ts';
import type { WithheldMark } from '../../src/queue/withheld-mark.ts';
import { captureLogLines } from '../support/log-lines.ts';

const NO_TOKEN: Withheld = { withheld: 'token', blame: 'service', detail: 'answered 503', retryInMs: 5_000 };
const NO_PROXY: Withheld = { withheld: 'proxy', blame: 'proxy', detail: 'no connection', retryInMs: 0 };
const NO_PORT: Withheld = { withheld: 'local', blame: 'local', detail: 'no port', retryInMs: 1_000 };

/** An event that was accepted at this moment, ms since the epoch. */
function acceptedAt(ms: number): StoredEvent {
  const digits = ms.toString(16).padStart(12, '0');
  const id = `${digits.slice(0, 8)}-${digits.slice(8)}-7000-8000-000000000000`;
  return { id, type: 'x', unit: 'U', body: '{}' };
}

/** A hold of two minutes, its gate, and what it marks and logs. */
function holdOf(goodAt = 0) {
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
    endpoint: { client: 'acme', type: 'x', pace: { mode: 'adaptive', holdMs: 120_000, minPerSecond: 0 } },
    gate: gate as never,
    pace: { goodAt, recover: async (ms) => void calls.push(`recover ${ms}`) },
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
  expect(calls).toEqual(['narrow 1', 'hold 5000', 'narrow 1', 'hold 5000']);
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
  hold.made(100_000);
  expect(hold.begin(acceptedAt(1_000), NO_TOKEN, 219_999)).toBe(true);
  expect(hold.begin(acceptedAt(1_000), NO_TOKEN, 220_000)).toBe(false);
});

test('the longest hold counts from the latest good answer to any process, also after a restart', () => {
  const { hold } = holdOf(100_000);
  expect(hold.begin(acceptedAt(1_000), NO_TOKEN, 219_999)).toBe(true);
  expect(hold.begin(acceptedAt(1_000), NO_TOKEN, 220_000)).toBe(false);
});

test('the first attempt of a process removes what one before it has left behind', () => {
  const { hold, marks } = holdOf();
  hold.made(1_000);
  hold.made(2_000);
  expect(marks).toEqual([undefined]);
});

test('the end of a hold is told once an attempt was made after it, and not for one that began before', () => {
  const { hold, gate, marks, calls, messages } = holdOf();
  hold.begin(acceptedAt(1_000), NO_TOKEN, 2_000);
  hold.made(3_000);
  expect(marks).toHaveLength(1);
  gate.isHolding = false;
  hold.made(8_000);
  hold.made(9_000);
  expect(marks.at(-1)).toBeUndefined();
  expect(calls).toEqual(['narrow 1', 'hold 5000', 'recover 6000']);
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

test('the proxy is asked after 5 s, each time after twice as long, 60 s at most, and anew after an attempt', () => {
  const { hold, gate, calls, marks, messages } = holdOf();
  const ask = (now: number): void => {
    gate.isHolding = false;
    expect(hold.begin(acceptedAt(now), NO_PROXY, now)).toBe(true);
    // A neighbour that comes back later than the first one lengthens nothing.
    expect(hold.begin(acceptedAt(now), NO_PROXY, now + 1)).toBe(true);
  };
  for (let n = 1; n <= 6; n += 1) ask(n * 100_000);
  gate.isHolding = false;
  hold.made(700_000);
  ask(800_000);
  const holds = calls.filter((call) => call.startsWith('hold'));
  expect(holds).toEqual([5, 10, 20, 40, 60, 60, 5].map((seconds) => `hold ${seconds}000`));
  expect(calls.filter((call) => call.startsWith('narrow'))).toEqual(Array(7).fill('narrow 1'));
  expect(calls).toContain('recover 600000');
  expect(marks[1]).toEqual({
    for: 'proxy',
    since: 100_000,
    blame: 'proxy',
    detail: 'no connection',
    nextTryAt: 210_000,
  });
  expect(messages()).toEqual([
    'warn events wait for the proxy',
    'info events are sent again',
    'warn events wait for the proxy',
  ]);
});

test('an event without the proxy waits no longer than the longest hold', () => {
  const { hold } = holdOf();
  expect(hold.begin(acceptedAt(1_000), NO_PROXY, 120_999)).toBe(true);
  expect(hold.begin(acceptedAt(1_000), NO_PROXY, 121_000)).toBe(false);
});
