import { expect, test } from 'vitest';
import { readPercentile } from '../../src/loadtest/confidence.ts';
import { atLeastVerdict, limitVerdict, noneVerdict } from '../../src/loadtest/find-limit/verdict.ts';
import type { LoadReport } from '../../src/loadtest/load-report.ts';
import { recommend } from '../../src/loadtest/recommend.ts';
import { distributionOf, times } from './observations.ts';

/** Durations as a report has them, from the durations themselves. */
function reported(durations: readonly number[]) {
  const distribution = distributionOf(durations);
  const named = [99, 99.9].map((percentile) => {
    return [`p${percentile}`, readPercentile(distribution, percentile)];
  });
  return { maxMs: Math.max(...durations), percentiles: Object.fromEntries(named) };
}

/** The report of a search that found a limit, confirmed by a probe with these durations. */
function reportOf(limit: number, service: readonly number[], response = service): LoadReport {
  const durations = { service: reported(service), response: reported(response) };
  const probe = { purpose: 'confirm', verdict: 'met', ratePerSecond: limit, ...durations };
  return { probes: [probe], result: { limit: limitVerdict(limit, 2 * limit) } } as unknown as LoadReport;
}

test('settings follow from the limit, the service time and the response time, each with its formula', () => {
  const service = [...times(2_970, 50), ...times(30, 120)];
  const response = [...times(2_990, 100), ...times(10, 900)];
  // 1 % of 3,000 is the 30 slow ones: p99 is the last of the others; p99.9 is among the ten.
  expect(recommend(reportOf(200, service, response))).toEqual({
    settings: [
      { setting: 'ratePerSecond', value: 140, formula: '0.7 x 200/s' },
      { setting: 'concurrency', value: 7, formula: "140/s x service p99 50 ms, rounded up (Little's law)" },
      { setting: 'timeoutMs', value: 1_800, formula: '2 x response p99.9 900 ms, at least 1000' },
    ],
    drain: { ms: 600_000, usualRatePerSecond: 70, formula: '600 s x 70/s / (140/s - 70/s)' },
  });
});

test('a sample too small for a percentile gives the maximum instead, and the formula says so', () => {
  const settings = recommend(reportOf(10, [...times(99, 20), 400]))?.settings ?? [];
  expect(settings.map(({ value }) => value)).toEqual([7, 3, 1_000]);
  expect(settings[1]?.formula).toContain('maximum 400 ms (p99 needs 299 events)');
});

test('settings stay within what the configuration allows', () => {
  const values = (report: LoadReport) => recommend(report)?.settings.map(({ value }) => value);
  expect(values(reportOf(1_000, times(5_000, 400_000)))).toEqual([700, 1_000, 600_000]);
  expect(values(reportOf(1, times(5_000, 0.1)))).toEqual([0.7, 1, 1_000]);
});

test('nothing is recommended if no rate was found, or if no probe held at it', () => {
  const found = reportOf(100, times(5_000, 50));
  const limit = noneVerdict('missed');
  expect(recommend({ ...found, result: { ...found.result, limit } })).toBeUndefined();
  const stopped = { ...found.result, limit: atLeastVerdict(100, 'guard', false) };
  const cut = found.probes.map((probe) => ({ ...probe, cutShort: 'stopped' }));
  expect(recommend({ ...found, result: stopped, probes: cut })).toBeUndefined();
  expect(recommend({ ...found, probes: [] })).toBeUndefined();
});
