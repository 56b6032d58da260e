import fc from 'fast-check';
import { v7 as uuidv7 } from 'uuid';
import { expect, test } from 'vitest';
import type { FAILURE_CLASSES } from '../../src/core/attempt-result.ts';
import { DeliveryMeter, DURATION_MS } from '../../src/core/delivery-meter.ts';
import type { StoredEvent } from '../../src/core/event.ts';
import { acceptedAt } from '../../src/core/event-id.ts';
import { Histogram } from '../../src/core/metric.ts';
import type { Classification } from '../../src/core/outcome.ts';

const AT = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const TYPE = 'disposition_update';
const DELIVERED = { kind: 'delivered', status: 200 } as const;
const DEAD = { kind: 'dead' } as const;

function eventOf(changes: Partial<StoredEvent> = {}): StoredEvent {
  return { id: uuidv7({ msecs: AT }), type: TYPE, unit: 'U1', body: '{}', ...changes };
}

function failed(failureClass: (typeof FAILURE_CLASSES)[number]): Classification {
  return { kind: 'failed', failureClass, status: 0, response: '' };
}

test('the time of acceptance is read from any event id', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 48 - 1 }), (ms) => {
      expect(acceptedAt(uuidv7({ msecs: ms }))).toBe(ms);
    }),
  );
});

test('a value on the bound of a bucket belongs to it, one above all bounds to the last', () => {
  const histogram = new Histogram([1, 10]);
  for (const value of [0, 1, 1.5, 10, 11]) histogram.observe(value);
  expect(histogram.counts).toEqual([2, 2, 1]);
  expect(histogram.sum).toBe(23.5);
});

test('attempts are counted by type, outcome and class', () => {
  const meter = new DeliveryMeter();
  const client = meter.client('acme');
  expect(meter.client('acme')).toBe(client);
  client.attempted(eventOf(), DELIVERED, DELIVERED, 5, AT);
  client.attempted(eventOf(), failed('timeout'), { kind: 'retry', dueAt: AT }, 5, AT);
  client.attempted(eventOf(), failed('server_error'), DEAD, 5, AT);
  client.attempted(eventOf({ type: 'inventory_receipt' }), DELIVERED, DELIVERED, 5, AT);
  const counts = client.types.get(TYPE);
  expect(counts?.delivered).toBe(1);
  expect([...(counts?.retry ?? [])]).toEqual([['timeout', 1]]);
  expect([...(counts?.dead ?? [])]).toEqual([['server_error', 1]]);
  expect(client.types.get('inventory_receipt')?.delivered).toBe(1);
});

test('the latency is that of first attempts, up to their start; durations are of requests that were sent', () => {
  const meter = new DeliveryMeter();
  const client = meter.client('acme');
  client.attempted(eventOf(), DELIVERED, DELIVERED, 200, AT + 1_200);
  client.attempted(eventOf({ history: [[AT, 503, 'server_error', 1]] }), DELIVERED, DELIVERED, 1, AT + 9_000);
  client.attempted(eventOf({ life: 1 }), failed('token'), DEAD, 2_000, AT + 9_000);
  // A producer whose clock is ahead accepts in the future.
  client.attempted(eventOf(), DELIVERED, DELIVERED, 1, AT - 5_000);
  expect(meter.latencies.sum).toBe(1_000);
  expect(meter.latencies.counts.reduce((sum, count) => sum + count)).toBe(2);
  expect(meter.durations.sum).toBe(202);
});

test('durations are taken by endpoint, once each', () => {
  const meter = new DeliveryMeter();
  for (const ms of [1, 40, 400_000]) meter.client('acme').attempted(eventOf(), DELIVERED, DELIVERED, ms, AT);
  meter.client('acme').attempted(eventOf(), failed('timeout'), DEAD, 40, AT);
  // No request was sent.
  meter.client('other').attempted(eventOf(), failed('token'), DEAD, 40, AT);
  const counts = DURATION_MS.map((bound) => ({ 1: 1, 50: 2 })[bound] ?? 0);
  expect(meter.takeDurations()).toEqual([['acme', TYPE, [...counts, 1]]]);
  expect(meter.takeDurations()).toEqual([]);
});
