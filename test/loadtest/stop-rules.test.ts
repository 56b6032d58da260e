import { expect, test } from 'vitest';
import type { ProbeView } from '../../src/loadtest/drive.ts';
import { createInFlightTrace } from '../../src/loadtest/in-flight-trace.ts';
import { onOverload } from '../../src/loadtest/stop-rules.ts';

const WARMUP_MS = 1_000;
const PROBE_MS = 4_000;

/** A probe after so many seconds, all of whose answers were deliveries. `inFlight`: by the milliseconds since its start. */
function probeAfter(seconds: number, inFlight: (ms: number) => number): ProbeView {
  const trace = createInFlightTrace();
  for (let ms = 0; ms < seconds * 1_000; ms += 10) trace.note(ms, inFlight(ms));
  const recorder = { rows: Array(seconds).fill({}), trace, counts: { delivered: 500, failed: 0 } };
  const view = { probe: { recorder }, warmupMs: WARMUP_MS, schedule: { durationMs: PROBE_MS + WARMUP_MS } };
  return view as unknown as ProbeView;
}

test('a backlog that grows since the first event stops a probe, however short it is beside its warm-up', () => {
  expect(onOverload(probeAfter(4, (ms) => ms / 10))?.why).toContain('the backlog grows');
  expect(onOverload(probeAfter(4, () => 200))).toBeUndefined();
  // Too early to tell.
  expect(onOverload(probeAfter(2, (ms) => ms / 10))).toBeUndefined();
});
