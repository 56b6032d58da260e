import { expect, test } from 'vitest';
import type { ProbeView } from '../../src/loadtest/probe.ts';
import {
  DEFAULT_ABORT_RULE,
  findFailing,
  onOverload,
  parseAbortRule,
} from '../../src/loadtest/stop-rules.ts';
import { InFlightTrace } from '../../src/loadtest/timeline.ts';

const WARMUP_MS = 1_000;
const PROBE_MS = 4_000;

/** A probe after so many seconds, all of whose answers were deliveries. `inFlight`: by the milliseconds since its start. */
function probeAfter(seconds: number, inFlight: (ms: number) => number): ProbeView {
  const trace = new InFlightTrace();
  for (let ms = 0; ms < seconds * 1_000; ms += 10) trace.note(ms, inFlight(ms));
  const recorder = {
    seconds: { rows: Array(seconds).fill({}) },
    trace,
    counts: { delivered: 500, failed: 0 },
  };
  const view = { recorder, warmupMs: WARMUP_MS, schedule: { durationMs: PROBE_MS + WARMUP_MS } };
  return view as unknown as ProbeView;
}

test('a backlog that grows from the first event on stops a probe, even a short one after a long warm-up', () => {
  expect(onOverload(probeAfter(4, (ms) => ms / 10))?.why).toContain('the backlog grows');
  expect(onOverload(probeAfter(4, () => 200))).toBeUndefined();
  // Too early to tell.
  expect(onOverload(probeAfter(2, (ms) => ms / 10))).toBeUndefined();
});

/** Seconds of ten events each, of which so many failed. */
function seconds(...failed: number[]) {
  return failed.map((each) => ({ delivered: 10 - each, failed: each }));
}

test('a rule for --abort-on is read, or refused with an example', () => {
  expect(parseAbortRule('failed>20% for 3s')).toEqual({ ok: true, value: DEFAULT_ABORT_RULE });
  expect(parseAbortRule(' failed > 0.5%  for 500ms')).toMatchObject({
    value: { share: 0.005, windowMs: 500 },
  });
  for (const text of [
    '',
    'failed>20%',
    'failed>20 for 3s',
    'failed>101% for 3s',
    'failed>20% for 0s',
    'p99>1s for 3s',
  ]) {
    expect(parseAbortRule(text)).toMatchObject({
      problems: [expect.stringContaining('such as "failed>20% for 3s"')],
    });
  }
});

test('a load test stops if more than the share fails within the window, and only then', () => {
  const failing = (...failed: number[]) => findFailing(DEFAULT_ABORT_RULE, seconds(...failed)) !== undefined;
  expect(failing(10, 10)).toBe(false);
  expect(failing(2, 2, 2)).toBe(false);
  expect(failing(2, 2, 3)).toBe(true);
  expect(failing(10, 2, 2, 2)).toBe(false);
  expect(failing(0, 0, 0, 0, 7)).toBe(true);
  expect(findFailing(DEFAULT_ABORT_RULE, [])).toBeUndefined();
  expect(findFailing(DEFAULT_ABORT_RULE, seconds(0, 0, 7))).toBe(
    '7 of the latest 30 events failed, more than 20 % (failed>20% for 3s)',
  );
});

test('at a low rate the window reaches back until it holds ten events', () => {
  const slow = (length: number) => Array.from({ length }, () => ({ delivered: 0, failed: 1 }));
  expect(findFailing(DEFAULT_ABORT_RULE, slow(9))).toBeUndefined();
  expect(findFailing(DEFAULT_ABORT_RULE, slow(10))).toBeDefined();
});
