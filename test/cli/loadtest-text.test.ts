import { expect, test } from 'vitest';
import { finalText } from '../../src/cli/loadtest/final-text.ts';
import { percentilesOf } from '../../src/cli/loadtest/screen-lines.ts';
import { createLatencyHistogram } from '../../src/loadtest/latency-histogram.ts';
import { recommend } from '../../src/loadtest/recommend.ts';
import type { LoadReport } from '../../src/loadtest/report.ts';

function textOf(changes: Partial<LoadReport>): string[] {
  const report = {
    kind: 'find-limit',
    target: { client: 'acme', types: ['disposition_update'], urls: ['https://acme.example/d'], auth: 'none' },
    plan: { objectives: ['delivered>99%'] },
    probes: [],
    tokenRequests: { total: 0 },
    command: 'waybill loadtest find-limit acme disposition_update',
    ...changes,
  };
  return finalText(report as unknown as LoadReport, []);
}

test('nothing is said twice: neither the verdict nor its reason', () => {
  const why = 'the first event was not delivered (unauthorized, status 401)';
  const sentence = `stopped before the run: ${why}`;
  const lines = textOf({ result: { verdict: 'stopped', exitCode: 4, sentence, reasons: [why] } });
  expect(lines.slice(0, 3)).toEqual([
    sentence,
    'target      acme disposition_update  https://acme.example/d',
    'objectives  delivered>99%',
  ]);
  expect(lines.join()).not.toContain('tokens');
});

test('settings stand on lines to be pasted, and the drain says what it takes for granted', () => {
  const [service, response] = [createLatencyHistogram(), createLatencyHistogram()];
  for (let n = 0; n < 3_000; n += 1) for (const histogram of [service, response]) histogram.record(50);
  const result = { verdict: 'met', exitCode: 0, sentence: '100/s is the limit', reasons: [] } as const;
  const recommended = recommend(100, { service, response });
  const lines = textOf({ result, recommended });
  expect(lines.slice(-5, -1).map((line) => line.replace(/p99(\.9)? \S+ ms/, 'p99 50 ms'))).toEqual([
    'settings    ratePerSecond: 70     # 0.7 x 100/s',
    "            concurrency: 4        # 70/s x service p99 50 ms, rounded up (Little's law)",
    '            timeoutMs: 1000       # 2 x response p99 50 ms, at least 1000',
    'drain       where 35/s usually arrive, an outage of 10 minutes drains in 10 min',
  ]);
});

test('the percentiles of a small sample fit 80 columns with their label', () => {
  const histogram = createLatencyHistogram();
  histogram.record(1_234);
  expect(percentilesOf(histogram).length).toBeLessThanOrEqual(70);
});
