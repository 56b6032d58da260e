import { expect, test } from 'vitest';
import {
  openProgressView,
  percentilesOf,
  progressLine,
  screenLines,
} from '../../src/cli/loadtest/progress-view.ts';
import { finalText } from '../../src/cli/loadtest/tell-result.ts';
import { LatencyHistogram } from '../../src/loadtest/latency-histogram.ts';
import type { LoadReport } from '../../src/loadtest/load-report.ts';
import type { ProbeView } from '../../src/loadtest/probe.ts';
import { Recorder } from '../../src/loadtest/recorder.ts';
import { createSchedule } from '../../src/loadtest/schedule.ts';
import { sampleSearch } from '../loadtest/sample-report.ts';
import { fakeTerminal } from '../support/screen.ts';

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
  const result = { verdict: 'met', exitCode: 0, sentence: '100/s is the limit', reasons: [] } as const;
  const recommended = {
    settings: [
      { setting: 'ratePerSecond', value: 70, formula: '0.7 x 100/s' },
      { setting: 'concurrency', value: 4, formula: '70/s x service p99 50 ms' },
    ],
    drain: { ms: 600_000, usualRatePerSecond: 35, formula: '600 s x 35/s / (70/s - 35/s)' },
  } as const;
  const lines = textOf({ result, recommended });
  expect(lines.slice(-4, -1)).toEqual([
    'settings    ratePerSecond: 70     # 0.7 x 100/s',
    '            concurrency: 4        # 70/s x service p99 50 ms',
    'drain       where 35/s usually arrive, an outage of 10 minutes drains in 10 min',
  ]);
});

test('the percentiles of a small sample fit 80 columns with their label', () => {
  const histogram = new LatencyHistogram();
  histogram.record(1_234);
  expect(percentilesOf(histogram).length).toBeLessThanOrEqual(70);
});

test('a search fits a screen; durations of probes that fell behind are not quoted, nor what a sample cannot carry', () => {
  const whole = sampleSearch();
  const lines = finalText(whole, ['report.json']);
  expect(lines).toHaveLength(12);
  expect(lines.join('\n')).toMatch(
    /^response {4}p50 \S+ ms {2}p95 \S+ ms {2}p99 \S+ ms {2}p99.9 \S+ ms {2}max/m,
  );
  const [behind] = whole.probes.filter(({ cutShort }) => cutShort !== undefined);
  if (behind === undefined) throw new Error('no probe fell behind');
  const { limit: _, ...result } = whole.result;
  const text = finalText({ ...whole, result, probes: [behind] }, []).join('\n');
  expect(text).toContain('response    not quoted: this probe was cut short');
  expect(text).toContain('objectives  p99<150ms, delivered>99%');
  expect(text).not.toMatch(/^service|p99 \d+ ms\b(?!,)/m);
  const few = { ...behind.response, percentiles: { p50: 40, p95: 44, p99: null, 'p99.9': null }, maxMs: 51 };
  const run = { ...behind, purpose: 'run', dropped: 3, response: few } as const;
  const told = finalText({ ...whole, result, kind: 'run', probes: [run] }, []).join('\n');
  expect(told).toContain('response    p50 40 ms  p95 44 ms  p99 n/a (needs 299)  max 51 ms');
  expect(told).toContain(' sent, 3 called off, ');
});

const frame = {
  title: 'acme  disposition_update  127.0.0.1:4080',
  objectives: ['p99<150ms'],
  tokenRequests: new LatencyHistogram(),
  hasQueue: true,
  probes: [],
};

/** A probe of two minutes at 1,000 a second, before its first event. */
function twoMinutes() {
  const recorder = new Recorder({ startedAt: 0, warmupMs: 0, durationMs: 120_000, timeoutMs: 15_000 });
  const stages = [{ durationMs: 120_000, fromRate: 1_000, toRate: 1_000 }];
  const schedule = createSchedule(stages, { arrivals: 'constant', seed: 1 });
  recorder.utilisation = () => 0.123;
  const plan = { label: 'confirm', schedule, warmupMs: 0, plannedRatePerSecond: 1_000 };
  return { recorder, view: { ...plan, recorder } as unknown as ProbeView };
}

test('the last frame is cleared before the result is told', () => {
  const terminal = fakeTerminal(80, 24);
  terminal.stream.write('$ waybill loadtest\n');
  const view = openProgressView(Object.assign(terminal.stream, { isTTY: true }), frame);
  view.show(twoMinutes().view, false);
  expect(terminal.rows().length).toBeGreaterThan(5);
  view.end();
  expect(terminal.rows()).toEqual(['$ waybill loadtest']);
  expect(terminal.cursorShown).toBe(true);
});

test('the screen fits 80 columns after a minute, whatever its numbers are, and nothing in it moves', () => {
  const { recorder, view } = twoMinutes();
  const columns = 79;
  const before = screenLines(frame, view, 0, columns);
  const event = { id: 'e', type: 'disposition_update', unit: 'u', body: '' };
  for (let n = 0; n < 62_000; n += 1) {
    recorder.sent(n, n);
    const attempt = {
      classification: { kind: 'delivered', status: 200 },
      tokenMs: 0,
      queueMs: 0.1234,
    } as const;
    recorder.finished(event, attempt, { intended: n, sent: n, finished: n + 0.5231 });
  }
  const after = screenLines(frame, view, 62_000, columns, 'stopping');
  expect(after.length).toBe(before.length);
  expect(after.filter((line) => line.length > columns)).toEqual([]);
  expect(after.join('\n')).toMatch(/^p99 by second {2}█{40,} {2}up to 0\.523 ms$/m);
  expect(after.join('\n')).toMatch(/^generator lag p99 \S+ ms .* event loop 12 % busy$/m);
  const places = (lines: string[], word: string) => lines.map((line) => line.indexOf(word));
  for (const word of ['sent', 'in flight', 'unsent', 'now'])
    expect(places(after, word)).toEqual(places(before, word));
  expect(progressLine(view, 62_000)).toMatch(/p50 0\.523 ms, p99 0\.523 ms, max 0\.523 ms$/);
});

test('a second of few events has no p99', () => {
  const recorder = new Recorder({ startedAt: 0, warmupMs: 0, durationMs: 120_000, timeoutMs: 15_000 });
  const event = { id: 'e', type: 'disposition_update', unit: 'u', body: '' };
  for (let n = 0; n < 20; n += 1) {
    recorder.sent(n, n);
    const attempt = { classification: { kind: 'delivered', status: 200 }, tokenMs: 0 } as const;
    recorder.finished(event, attempt, { intended: n, sent: n, finished: n + 50 });
  }
  recorder.seconds.close();
  const view = { label: 'run', recorder, plannedRatePerSecond: 20 };
  expect(progressLine(view as unknown as ProbeView, 1_000)).toMatch(
    /p50 50 ms, p99 n\/a \(needs 299\), max 50 ms$/,
  );
});
