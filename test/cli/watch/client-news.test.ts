import { expect, test } from 'vitest';
import { NewsSource } from '../../../src/cli/watch/client-news.ts';
import { type Counters, viewWith } from './client-views.ts';

/** News of one client, one poll after another. */
function newsOf(windowMs: number) {
  const source = new NewsSource(windowMs);
  return (at: number, counters: Partial<Counters>) =>
    source.add(new Map([['acme', viewWith({}, counters)]]), at)[0];
}

test('rates are differences over the time that really passed, whatever the gap', () => {
  const poll = newsOf(0);
  expect(poll(1_000, { accepted: 500, delivered: 400 })?.rates).toBeUndefined();
  expect(poll(2_000, { accepted: 530, delivered: 410, failed: 5, attemptMs: 300 })?.rates).toEqual({
    ...{ acceptedPerSecond: 30, deliveredPerSecond: 10, failedPerSecond: 5 },
    attemptMs: 20,
  });
  const after = poll(42_000, { accepted: 530, delivered: 610, failed: 25, attemptMs: 300 });
  expect(after?.rates).toMatchObject({ acceptedPerSecond: 0, deliveredPerSecond: 5, failedPerSecond: 0.5 });
  expect(poll(43_000, { accepted: 530, delivered: 610, failed: 25, attemptMs: 300 })?.rates).toEqual({
    ...{ acceptedPerSecond: 0, deliveredPerSecond: 0, failedPerSecond: 0 },
  });
});

test('over a window, they compare with the latest view that is so old', () => {
  const poll = newsOf(5_000);
  const perSecond = [0, 1, 2, 3, 4, 5, 6, 7].map((second) => {
    const delivered = second < 4 ? 0 : 10 * (second - 3);
    return poll(second * 1_000, { delivered })?.rates?.deliveredPerSecond;
  });
  expect(perSecond).toEqual([undefined, 0, 0, 0, 2.5, 4, 6, 8]);
});

test('counters that went back begin anew: there is no rate of it', () => {
  const poll = newsOf(5_000);
  poll(0, { delivered: 100 });
  poll(1_000, { delivered: 110 });
  expect(poll(2_000, { delivered: 7 })?.rates).toBeUndefined();
  expect(poll(3_000, { delivered: 9 })?.rates?.deliveredPerSecond).toBe(2);
});
