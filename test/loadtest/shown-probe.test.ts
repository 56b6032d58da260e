import { expect, test } from 'vitest';
import { type Speaker, speakingProbe } from '../../src/loadtest/shown-probe.ts';
import { atLeastVerdict, limitVerdict, rateLimitedVerdict } from '../../src/loadtest/verdicts.ts';
import { observationOf, times } from './observations.ts';

function probe(purpose: Speaker['purpose'], ratePerSecond: number, verdict: Speaker['verdict']): Speaker {
  return { purpose, ratePerSecond, verdict };
}

const RAMP = [
  probe('preflight', 10, 'met'),
  probe('ramp', 10, 'met'),
  probe('ramp', 20, 'undecided'),
  probe('ramp', 40, 'missed'),
];

test('the probe at the rate that was found speaks, its confirmation before the one that passed', () => {
  const confirmed = probe('confirm', 10, 'met');
  expect(speakingProbe([...RAMP, confirmed], limitVerdict(10, 40))).toBe(confirmed);
  // One that let the search go on, though its sample was small, is what was found.
  expect(speakingProbe(RAMP, atLeastVerdict(20, 'budget', false))).toBe(RAMP[2]);
  const cut: Speaker = { ...probe('confirm', 20, 'undecided'), cutShort: 'interrupted' };
  expect(speakingProbe([...RAMP, cut], atLeastVerdict(20, 'interrupted', false))).toBe(RAMP[2]);
});

test('where no probe was made at that rate, the last that met the objectives speaks, or the last of all', () => {
  const refused = probe('ramp', 40, 'declared');
  const step = { purpose: 'ramp', ratePerSecond: 40, durationMs: 10_000 } as const;
  const observation = observationOf(times(400, 40), { durationMs: 10_000, delivered: 300 });
  const record = { ...step, verdict: 'declared', passed: false, reason: '', observation } as const;
  const limit = rateLimitedVerdict(record, 429, 20);
  expect(speakingProbe([...RAMP, refused], limit)).toBe(RAMP[1]);
  expect(speakingProbe(RAMP.slice(2), undefined)).toBe(RAMP[3]);
  expect(speakingProbe(RAMP.slice(0, 1), undefined)).toBe(RAMP[0]);
});
