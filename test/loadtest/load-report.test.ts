import { expect, test } from 'vitest';
import { estimateDeclaredLimit } from '../../src/loadtest/find-limit/search-probe.ts';
import { atLeastVerdict, limitVerdict, rateLimitedVerdict } from '../../src/loadtest/find-limit/verdict.ts';
import { type LoadReport, type ReportProbe, shownProbe } from '../../src/loadtest/load-report.ts';
import { observationOf, times } from './observations.ts';

function probe(
  purpose: ReportProbe['purpose'],
  ratePerSecond: number,
  verdict: ReportProbe['verdict'],
): ReportProbe {
  return { purpose, ratePerSecond, verdict } as ReportProbe;
}

function chooseProbe(probes: readonly ReportProbe[], limit?: LoadReport['result']['limit']) {
  return shownProbe({ probes, result: { limit } } as LoadReport);
}

const RAMP = [
  probe('preflight', 10, 'met'),
  probe('ramp', 10, 'met'),
  probe('ramp', 20, 'undecided'),
  probe('ramp', 40, 'missed'),
];

test('the last whole probe at the rate that was found stands for the load test', () => {
  const confirmed = probe('confirm', 10, 'met');
  expect(chooseProbe([...RAMP, confirmed], limitVerdict(10, 40))).toBe(confirmed);
  // An undecided probe that let the search go on counts as whole; one that was cut short does not.
  expect(chooseProbe(RAMP, atLeastVerdict(20, 'budget', false))).toBe(RAMP[2]);
  const cut: ReportProbe = { ...probe('confirm', 20, 'undecided'), cutShort: 'interrupted' };
  expect(chooseProbe([...RAMP, cut], atLeastVerdict(20, 'interrupted', false))).toBe(RAMP[2]);
});

test('without a probe at that rate, the last one that met the objectives stands for it, or the last of all', () => {
  const refused = probe('ramp', 40, 'declared');
  const step = { kind: 'probe', purpose: 'ramp', ratePerSecond: 40, durationMs: 10_000 } as const;
  const observation = observationOf(times(400, 40), { durationMs: 10_000, delivered: 300 });
  const record = {
    ...step,
    verdict: 'declared',
    passed: false,
    observation,
    objectives: [],
    reasons: [],
  } as const;
  const limit = rateLimitedVerdict(estimateDeclaredLimit(record, 20), 429);
  expect(chooseProbe([...RAMP, refused], limit)).toBe(RAMP[1]);
  expect(chooseProbe(RAMP.slice(2))).toBe(RAMP[3]);
  expect(chooseProbe(RAMP.slice(0, 1))).toBe(RAMP[0]);
});
