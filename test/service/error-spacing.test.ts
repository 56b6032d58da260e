import { expect, test } from 'vitest';
import { createErrorSpacing } from '../../src/service/error-spacing.ts';

/** An error every 100 ms from `from` to `to`. @returns when errors were passed on, and how many were not */
function spacing() {
  let now = 0;
  const reported: [atMs: number, unreported: number][] = [];
  const errors = createErrorSpacing(
    (_error, unreported) => reported.push([now, unreported]),
    () => now,
  );
  return {
    errors,
    reported,
    storm(from: number, to: number) {
      for (now = from; now <= to; now += 100) errors.add(new Error('connect ECONNREFUSED'));
    },
  };
}

test('an outage is told at once, then ever more rarely, with the number of errors in between', () => {
  const { storm, reported } = spacing();
  storm(0, 120_000);
  expect(reported).toEqual([
    [0, 0],
    [1_000, 9],
    [3_000, 19],
    [7_000, 39],
    [15_000, 79],
    [31_000, 159],
    [61_000, 299],
    [91_000, 299],
  ]);
});

test('an error after a quiet time is told at once', () => {
  const { storm, reported } = spacing();
  storm(0, 20_000);
  storm(30_100, 30_100);
  expect(reported.at(-1)).toEqual([30_100, 0]);
  expect(reported.at(-2)).toEqual([15_000, 79]);
});

test('an error after the end of an outage is told at once, the end only where there was one', () => {
  const { storm, reported, errors } = spacing();
  expect(errors.over()).toBe(false);
  storm(0, 20_000);
  expect(errors.over()).toBe(true);
  expect(errors.over()).toBe(false);
  storm(20_100, 20_100);
  expect(reported.at(-1)).toEqual([20_100, 0]);
});
