import { expect, test } from 'vitest';
import { NewsSource } from '../../../src/cli/watch/client-news.ts';
import { type Counters, viewWith } from './client-views.ts';

/** News of one client, one poll after another. */
function newsOf(windowMs: number) {
  const source = new NewsSource(windowMs);
  return (at: number, counters: Partial<Counters>, waiting = 0) =>
    source.add(new Map([['acme', viewWith({ waiting }, counters)]]), at)[0];
}

test('rates are differences over the time that really passed, whatever the gap', () => {
  const poll = newsOf(0);
  expect(poll(1_000, { accepted: 500, delivered: 400 })?.rates).toBeUndefined();
  expect(poll(2_000, { accepted: 530, delivered: 410, failed: 5, attemptMs: 300 })?.rates).toEqual({
    ...{ acceptedPerSecond: 30, deliveredPerSecond: 10, failedPerSecond: 5, diedPerSecond: 0 },
    attemptMs: 20,
  });
  const after = poll(42_000, { accepted: 530, delivered: 610, failed: 5, died: 20, attemptMs: 300 });
  expect(after?.rates).toMatchObject({ acceptedPerSecond: 0, deliveredPerSecond: 5, diedPerSecond: 0.5 });
  expect(poll(43_000, { accepted: 530, delivered: 610, failed: 5, died: 20, attemptMs: 300 })?.rates).toEqual(
    {
      ...{ acceptedPerSecond: 0, deliveredPerSecond: 0, failedPerSecond: 0, diedPerSecond: 0 },
    },
  );
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

test('the trend is the backlog in spans of five seconds, with blanks where nobody looked', () => {
  const poll = newsOf(0);
  for (let second = 0; second < 20; second += 1) poll(second * 1_000, {}, second);
  const blank = undefined;
  expect(poll(42_000, {}, 50)?.trend).toEqual([
    ...[blank, blank, blank, 4, 9, 14, 19, blank, blank, blank, blank, 50],
  ]);
});
