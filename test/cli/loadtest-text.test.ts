import { expect, test } from 'vitest';
import {
  openProgressView,
  percentilesOf,
  progressLine,
  screenLines,
} from '../../src/cli/loadtest/progress-view.ts';
import { finalText, toBreak } from '../../src/cli/loadtest/tell-result.ts';
import { breakLines } from '../../src/cli/terminal.ts';
import { LatencyHistogram } from '../../src/loadtest/latency-histogram.ts';
import type { LoadReport } from '../../src/loadtest/load-report.ts';
import type { ProbeView } from '../../src/loadtest/probe.ts';
import { Recorder } from '../../src/loadtest/recorder.ts';
import { createSchedule, withWarmup } from '../../src/loadtest/schedule.ts';
import { sampleRun, sampleSearch } from '../loadtest/sample-report.ts';
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
  const plan = { label: 'confirm', stages, schedule, warmupMs: 0, plannedRatePerSecond: 1_000 };
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
  const stages = [{ durationMs: 120_000, fromRate: 20, toRate: 20 }];
  const view = { label: 'run', stages, warmupMs: 0, recorder, plannedRatePerSecond: 20 };
  expect(progressLine(view as unknown as ProbeView, 1_000)).toMatch(
    /p50 50 ms, p99 n\/a \(needs 299\), max 50 ms$/,
  );
});

const STAGES = [
  { durationMs: 10_000, fromRate: 0, toRate: 200 },
  { durationMs: 125_000, fromRate: 200, toRate: 200 },
  { durationMs: 10_000, fromRate: 200, toRate: 0 },
];

test('the result of a staged plan names each stage by what it offered, and where it was cut short', () => {
  const run = sampleRun();
  const load = (cutShort?: string) => {
    const probes = run.probes.map((probe) => (cutShort === undefined ? probe : { ...probe, cutShort }));
    const lines = finalText({ ...run, plan: { ...run.plan, stages: STAGES }, probes }, []);
    return lines.find((line) => line.startsWith('load '));
  };
  const named = 'load        0 to 200/s for 10 s, 200/s for 2 min 5 s, 200 to 0/s for 10 s';
  expect(load()).toContain(`${named}: 12,000 sent, `);
  expect(load('interrupted')).toContain(`${named}, cut short after 1 min: 12,000 sent, `);
});

test('while a staged plan is sent, the stage under way is named by what it offers, with its number', () => {
  const warmupMs = 5_000;
  const recorder = new Recorder({ startedAt: 0, warmupMs, durationMs: 150_000, timeoutMs: 15_000 });
  const schedule = createSchedule(withWarmup(STAGES, warmupMs), { arrivals: 'constant', seed: 1 });
  const plan = { label: 'run', stages: STAGES, schedule, warmupMs, plannedRatePerSecond: 200 };
  const view = { ...plan, recorder } as unknown as ProbeView;
  const at = (now: number) => screenLines(frame, view, now, 79).filter((line) => /^(run|stage) /.test(line));
  expect(at(1_000)).toEqual([
    expect.stringMatching(/^run {7}0 to 200\/s .* 1 s of 150 s {2}warming up$/),
    'stage     warm-up: 20/s for 5 s',
  ]);
  expect(at(5_000)[1]).toBe('stage     1 of 3: 0 to 200/s for 10 s');
  expect(at(139_999)[1]).toBe('stage     2 of 3: 200/s for 2 min 5 s');
  expect(at(160_000)[1]).toBe('stage     3 of 3: 200 to 0/s for 10 s');
  expect(at(1_000).every((line) => line.length <= 79)).toBe(true);
  expect(progressLine(view, 7_000)).toMatch(/^run 0 to 200\/s 7 s: /);
  expect(screenLines(frame, twoMinutes().view, 0, 79).join('\n')).not.toContain('stage ');
});

test('at 80 columns figures stay with their names, and what goes on behind a setting is a comment', () => {
  const lines = (text: string) => {
    const [line, hang] = toBreak(text);
    return breakLines(line, 80, hang).replaceAll('\u00a0', ' ').split(/ *\n/);
  };
  expect(
    lines('response    p50 45.5 ms  p95 80.6 ms  p99 109 ms  p99.9 n/a (needs 2995)  max 125 ms'),
  ).toEqual([
    'response    p50 45.5 ms  p95 80.6 ms  p99 109 ms  p99.9 n/a (needs 2995)',
    '            max 125 ms',
  ]);
  const probes = '20/s undecided, 40/s met, 80/s missed, 56.6/s inconclusive, 47.6/s met';
  expect(lines(`probes      ${probes}`)).toEqual([
    'probes      20/s undecided, 40/s met, 80/s missed, 56.6/s inconclusive,',
    '            47.6/s met',
  ]);
  const formula = "39.2/s x service p99 99 ms, rounded up (Little's law)";
  expect(lines(`settings    concurrency: 4        # ${formula}`)).toEqual([
    'settings    concurrency: 4        # 39.2/s x service p99 99 ms, rounded up',
    "                                  # (Little's law)",
  ]);
  expect(lines(`            concurrency: 4        # ${formula}`)[1]).toBe(
    "                                  # (Little's law)",
  );
});
