import { expect, test } from 'vitest';
import { recommend } from '../../src/loadtest/recommend.ts';
import { distributionOf, times } from './observations.ts';

test('settings follow from the limit, the service time and the response time, each with its formula', () => {
  const service = distributionOf([...times(2_970, 50), ...times(30, 120)]);
  const response = distributionOf([...times(2_990, 100), ...times(10, 900)]);
  // 1 % of 3,000 is the 30 slow ones: p99 is the last of the others; p99.9 is among the ten.
  expect(recommend(200, { service, response })).toEqual({
    settings: [
      { setting: 'ratePerSecond', value: 140, formula: '0.7 x 200/s' },
      { setting: 'concurrency', value: 7, formula: "140/s x service p99 50 ms, rounded up (Little's law)" },
      { setting: 'timeoutMs', value: 1_800, formula: '2 x response p99.9 900 ms, at least 1000' },
    ],
    drain: { ms: 600_000, usualRatePerSecond: 70, formula: '600 s x 70/s / (140/s - 70/s)' },
  });
});

test('a sample too small for a percentile gives the maximum instead, and the formula says so', () => {
  const few = distributionOf([...times(99, 20), 400]);
  const { settings } = recommend(10, { service: few, response: few });
  expect(settings.map(({ value }) => value)).toEqual([7, 3, 1_000]);
  expect(settings[1]?.formula).toContain('maximum 400 ms (p99 needs 299 events)');
});

test('settings stay within what the configuration allows, and a rate above the limit never drains', () => {
  const slow = distributionOf(times(5_000, 400_000));
  const { settings, drain } = recommend(1_000, { service: slow, response: slow }, 900);
  expect(settings.map(({ value }) => value)).toEqual([700, 1_000, 600_000]);
  expect(drain.ms).toBe(Number.POSITIVE_INFINITY);
  const quick = distributionOf(times(5_000, 0.1));
  expect(recommend(1, { service: quick, response: quick }, 0.175)).toMatchObject({
    settings: [{ value: 0.7 }, { value: 1 }, { value: 1_000 }],
    drain: { ms: 200_000 },
  });
});
