import { expect, test } from 'vitest';
import type { StoredEvent } from '../../src/core/event.ts';
import type { Classification } from '../../src/core/outcome.ts';
import type { ProbeView } from '../../src/loadtest/probe.ts';
import { Recorder } from '../../src/loadtest/recorder.ts';
import { onTimeouts, onUnauthorized } from '../../src/loadtest/stop-rules.ts';

const EVENT: StoredEvent = { id: 'e', type: 'disposition_update', unit: 'LOADTEST-1', body: '{}' };
const WARMUP_MS = 1_000;

const failed = (failureClass: 'timeout' | 'unauthorized' | 'proxy', status: number): Classification =>
  ({ kind: 'failed', failureClass, status, response: '' }) as Classification;
const TIMEOUT = failed('timeout', 0);
const UNAUTHORIZED = failed('unauthorized', 401);
const DELIVERED = { kind: 'delivered', status: 200 } as Classification;

/** A recorder that has seen events end so, one after another; `rule` is asked once, at the end. */
function afterEndings(...endings: Classification[]) {
  const recorder = new Recorder({ startedAt: 0, warmupMs: WARMUP_MS, durationMs: 9_000, timeoutMs: 15_000 });
  for (const classification of endings) {
    recorder.sent(0, 0);
    recorder.finished(EVENT, { classification, tokenMs: 0 }, { intended: 0, sent: 0, finished: 1 });
  }
  const view = { recorder } as unknown as ProbeView;
  return { timeouts: onTimeouts(view)?.why, unauthorized: onUnauthorized(view)?.why };
}

test('five failures in a row stop a probe, even if a success follows before the rule is asked', () => {
  expect(afterEndings(...Array(5).fill(TIMEOUT), DELIVERED).timeouts).toContain('5 requests in a row');
  expect(afterEndings(...Array(5).fill(UNAUTHORIZED), DELIVERED).unauthorized).toContain('answered 401');
  const broken = [TIMEOUT, TIMEOUT, DELIVERED, TIMEOUT, TIMEOUT, UNAUTHORIZED, TIMEOUT];
  expect(afterEndings(...broken)).toEqual({ timeouts: undefined, unauthorized: undefined });
});

test.each([429, 503])(
  'a %i of our proxy is no answer of the endpoint, and declares no limit of it',
  (status) => {
    const recorder = new Recorder({ startedAt: 0, warmupMs: 0, durationMs: 9_000, timeoutMs: 15_000 });
    const classification = { ...failed('proxy', status), retryAfter: '1' } as Classification;
    recorder.sent(0, 0);
    recorder.finished(EVENT, { classification, tokenMs: 0 }, { intended: 0, sent: 0, finished: 1 });
    expect(recorder.refusal).toBeUndefined();
    expect(recorder.seconds.at(1).failures).toEqual({ proxy: 1 });
    expect(recorder.response.percentileMs(50)).toBeGreaterThanOrEqual(15_000);
  },
);

test('events that are called off are counted as dropped, and neither as sent nor as offered', () => {
  const recorder = new Recorder({ startedAt: 0, warmupMs: WARMUP_MS, durationMs: 9_000, timeoutMs: 15_000 });
  const intended = [500, 1_500, 1_600];
  for (const at of intended) recorder.sent(at, at);
  expect(recorder.counts).toMatchObject({ sent: 2, dropped: 0 });
  for (const at of intended.slice(0, 2)) recorder.dropped(at);
  expect(recorder.counts).toMatchObject({ sent: 1, dropped: 1 });
  expect(recorder.inFlight).toBe(1);
});
