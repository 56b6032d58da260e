import { expect, test } from 'vitest';
import type { StoredEvent } from '../../src/core/event.ts';
import { withExpiry, withFailure } from '../../src/core/history.ts';
import type { FinishedEvent } from '../../src/core/settlement.ts';
import { Unsettled } from '../../src/delivery/batch-ledger.ts';

const eventOf = (n: number): StoredEvent => ({ id: `event-${n}`, type: 'x', unit: 'u', body: '{}' });
const delivered = (event: StoredEvent): FinishedEvent => ({
  event,
  outcome: { kind: 'delivered', status: 200 },
});

function failedOnce(event: StoredEvent): FinishedEvent {
  const outcome = { kind: 'retry', dueAt: 1 } as const;
  const failure = { kind: 'failed', failureClass: 'server_error', status: 500, response: '' } as const;
  return { event: withFailure(event, failure, outcome, 0, 0, 'https://acme.example/d'), outcome };
}

test('recalls what became of the events of a batch', () => {
  const unsettled = new Unsettled();
  const [one, two, three] = [eventOf(1), eventOf(2), eventOf(3)];
  const results = [delivered(one), failedOnce(two)];
  unsettled.remember('batch', results);
  expect(unsettled.recall('batch', [one, two, three])).toEqual([
    { event: one, result: results[0] },
    { event: two, result: results[1] },
  ]);
  expect(unsettled.recall('other', [one, two, three])).toEqual([]);
});

test('recalls an event that expired, as often as it had been tried', () => {
  const unsettled = new Unsettled();
  for (const event of [eventOf(1), failedOnce(eventOf(2)).event]) {
    const result: FinishedEvent = {
      event: withExpiry(event, 72, 5, 'https://acme.example/x'),
      outcome: { kind: 'dead' },
    };
    unsettled.remember('batch', [result]);
    expect(unsettled.recall('batch', [event])).toEqual([{ event, result }]);
    expect(unsettled.recall('batch', [failedOnce(event).event])).toEqual([]);
  }
});

test('what is remembered adds up, and the latest result of an event counts', () => {
  const unsettled = new Unsettled();
  const [one, two] = [eventOf(1), eventOf(2)];
  unsettled.remember('batch', [failedOnce(one)]);
  unsettled.remember('batch', [delivered(one)]);
  unsettled.remember('batch', [delivered(two)]);
  unsettled.remember('batch', []);
  expect(unsettled.recall('batch', [one, two]).map(({ result }) => result.outcome.kind)).toEqual([
    'delivered',
    'delivered',
  ]);
});

test('a settled batch is forgotten', () => {
  const unsettled = new Unsettled();
  unsettled.remember('batch', [delivered(eventOf(1))]);
  unsettled.forget('batch');
  expect(unsettled.recall('batch', [eventOf(1)])).toEqual([]);
});

test('an event that another process went on with is not recalled', () => {
  const unsettled = new Unsettled();
  const event = eventOf(1);
  const elsewhere = failedOnce(event).event;
  unsettled.remember('delivered', [delivered(event)]);
  unsettled.remember('failed', [failedOnce(event)]);
  for (const jobId of ['delivered', 'failed']) {
    expect(unsettled.recall(jobId, [event])).toHaveLength(1);
    expect(unsettled.recall(jobId, [elsewhere])).toEqual([]);
    expect(unsettled.recall(jobId, [{ ...event, life: 1 }])).toEqual([]);
  }
});

test('a later attempt of the same life is recalled as such', () => {
  const unsettled = new Unsettled();
  const second = failedOnce(eventOf(1)).event;
  unsettled.remember('batch', [delivered(second)]);
  expect(unsettled.recall('batch', [second])).toHaveLength(1);
  expect(unsettled.recall('batch', [eventOf(1)])).toEqual([]);
});

test('memory is bounded: the batch that was remembered longest ago goes first', () => {
  const unsettled = new Unsettled();
  for (let n = 0; n < 200; n += 1) unsettled.remember(`batch-${n}`, [delivered(eventOf(n))]);
  unsettled.remember('batch-0', [delivered(eventOf(5_000))]);
  unsettled.remember('one-more', [delivered(eventOf(6_000))]);
  expect(unsettled.recall('batch-0', [eventOf(0), eventOf(5_000)])).toHaveLength(2);
  expect(unsettled.recall('batch-1', [eventOf(1)])).toEqual([]);
  expect(unsettled.recall('batch-2', [eventOf(2)])).toHaveLength(1);
});
