import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  advanceSearch,
  BASELINE_EVENTS,
  beginSearch,
  recheckRoom,
} from '../../src/loadtest/find-limit/search.ts';
import { eventsOf, recordProbe } from '../../src/loadtest/find-limit/search-probe.ts';
import type { ProbeStep, SearchOptions, SearchState } from '../../src/loadtest/find-limit/search-state.ts';
import type { Verdict } from '../../src/loadtest/find-limit/verdict.ts';
import { parseObjectives } from '../../src/loadtest/objectives.ts';
import {
  behindGenerator,
  failingEndpoint,
  limitingEndpoint,
  noisy,
  queueingEndpoint,
  type SimulatedEndpoint,
  slowKnee,
  slowOneIn,
} from './simulated-endpoints.ts';

const objectives = parseObjectives(['delivered>99%', 'p99<300ms']);
const OPTIONS: SearchOptions = {
  startRate: 10,
  maxRate: 2_000,
  precision: 0.1,
  arrivals: 'constant',
  seed: 1,
  warmupMs: 0,
  probeMs: 15_000,
  confirmMs: 60_000,
  budgetMs: 900_000,
  maxRequests: 1_000_000,
  objectives: objectives.ok ? objectives.value : [],
};

interface Ending {
  readonly state: SearchState;
  readonly verdict: Verdict;
}

/** Runs a search to its end, and holds it to what it must never do on the way. */
function search(endpoint: SimulatedEndpoint, changes: Partial<SearchOptions> = {}): Ending {
  const options = { ...OPTIONS, ...changes };
  let [spentMs, requests] = [0, 1];
  let state = beginSearch(options, { ms: spentMs, requests });
  let passed = options.startRate / 2;
  while (state.step.kind === 'probe') {
    const step: ProbeStep = state.step;
    expect(step.ratePerSecond).toBeLessThanOrEqual(Math.min(options.maxRate, 2 * passed));
    spentMs += step.durationMs;
    expect(spentMs).toBeLessThanOrEqual(options.budgetMs);
    requests += eventsOf(step, options);
    expect(requests).toBeLessThanOrEqual(options.maxRequests);
    state = advanceSearch(state, recordProbe(step, endpoint(step), options), { ms: spentMs, requests });
    if (state.step.kind === 'probe') {
      // The events of the wait for the endpoint.
      requests += BASELINE_EVENTS;
      state = recheckRoom(state, { ms: spentMs, requests });
    }
    if (state.probes.at(-1)?.passed) passed = Math.max(passed, step.ratePerSecond);
  }
  return { state, verdict: state.step };
}

function stepAt(ratePerSecond: number): ProbeStep {
  return { kind: 'probe', purpose: 'ramp', ratePerSecond, durationMs: 30_000 };
}

function found({ verdict }: Ending): number {
  return verdict.kind === 'none' ? 0 : verdict.ratePerSecond;
}

const capacity = fc.double({ min: 15, max: 500, noNaN: true });
const RUNS = { numRuns: 25 };

describe('find-limit', () => {
  test('ends in 0.85 C to C if events beyond the capacity fail', () => {
    fc.assert(
      fc.property(capacity, (C) => {
        const ending = search(failingEndpoint(C));
        expect(ending.verdict).toMatchObject({ kind: 'limit' });
        expect(found(ending)).toBeGreaterThanOrEqual(0.85 * C);
        expect(found(ending)).toBeLessThanOrEqual(C);
      }),
      RUNS,
    );
  });

  test('ends in 0.85 C to C if events beyond the capacity wait', () => {
    fc.assert(
      fc.property(capacity, (C) => {
        const ending = search(queueingEndpoint(C, 50));
        expect(ending.verdict).toMatchObject({ kind: 'limit' });
        expect(found(ending)).toBeGreaterThanOrEqual(0.85 * C);
        // A hundredth more than it serves is a line of a third of a second at the end of the confirmation.
        expect(found(ending)).toBeLessThanOrEqual(1.01 * C);
      }),
      RUNS,
    );
  });

  test('ends in 0.85 C to C in nine of ten searches for a slow knee, and never far above it', () => {
    const shares = Array.from({ length: 20 }, (_, seed) => found(search(slowKnee(300, 300, seed))) / 300);
    expect(shares.filter((share) => share >= 0.85 && share <= 1).length).toBeGreaterThanOrEqual(18);
    expect(Math.max(...shares)).toBeLessThanOrEqual(1.05);
  });

  test('ends in 0.85 C to C in nine of ten searches if half of the allowed share is slow by chance', () => {
    const endings = Array.from({ length: 20 }, (_, seed) =>
      search(noisy(queueingEndpoint(200 + 9 * seed, 50), 0.005, seed)),
    );
    const shares = endings.map((ending, seed) => found(ending) / (200 + 9 * seed));
    expect(shares.filter((share) => share >= 0.85 && share <= 1.01).length).toBeGreaterThanOrEqual(18);
  });

  test('ends at the limit that an endpoint declares', () => {
    fc.assert(
      fc.property(fc.double({ min: 11, max: 500, noNaN: true }), (C) => {
        const ending = search(limitingEndpoint(C));
        expect(ending.verdict).toMatchObject({ kind: 'rate-limited', status: 429 });
        expect(found(ending) / C).toBeGreaterThan(0.98);
        expect(found(ending) / C).toBeLessThan(1.02);
      }),
      RUNS,
    );
    expect(search(limitingEndpoint(80)).verdict.sentence).toBe(
      'rate limited by the endpoint at about 80/s (429)',
    );
  });

  test("ends at the generator's limit if that is lower", () => {
    fc.assert(
      fc.property(fc.double({ min: 12, max: 500, noNaN: true }), (most) => {
        const ending = search(behindGenerator(queueingEndpoint(5_000, 50), most));
        expect(ending.verdict).toMatchObject({ kind: 'at-least', because: 'generator', confirmed: true });
        // What is 1 % short of the plan still counts as kept up with.
        expect(found(ending)).toBeLessThanOrEqual(most / 0.989);
        expect(found(ending)).toBeGreaterThanOrEqual(most / 1.5);
      }),
      RUNS,
    );
    const hopeless = search(behindGenerator(queueingEndpoint(5_000, 50), 3));
    expect(hopeless.verdict).toMatchObject({ kind: 'none', because: 'generator' });
  });

  test('stops at the highest rate that is allowed', () => {
    const ending = search(queueingEndpoint(500, 50), { maxRate: 90 });
    expect(ending.verdict).toMatchObject({ kind: 'at-least', ratePerSecond: 90, because: 'max-rate' });
    expect(ending.state.probes.map(({ purpose, ratePerSecond }) => `${purpose} ${ratePerSecond}`)).toEqual([
      'ramp 10',
      'ramp 20',
      'ramp 40',
      'ramp 80',
      'ramp 90',
      'confirm 90',
    ]);
  });

  test('keeps to its budget of time and requests, and keeps room for a confirmation', () => {
    fc.assert(
      fc.property(fc.integer({ min: 100_000, max: 400_000 }), (budgetMs) => {
        const { verdict } = search(failingEndpoint(450), { budgetMs });
        if (verdict.kind === 'at-least')
          expect(verdict).toMatchObject({ because: 'budget', confirmed: true });
      }),
      RUNS,
    );
    const few = search(queueingEndpoint(450, 50), { maxRequests: 5_000 });
    expect(few.verdict).toMatchObject({ kind: 'at-least', ratePerSecond: 40, because: 'max-requests' });
    expect(search(queueingEndpoint(450, 50), { budgetMs: 20_000 }).verdict).toMatchObject({
      because: 'budget',
    });
  });

  test('counts warm-ups and random gaps, so that every confirmation that begins can end', () => {
    const plans = fc.record({
      maxRequests: fc.integer({ min: 4_000, max: 40_000 }),
      warmupMs: fc.constantFrom(0, 1_000, 5_000),
      arrivals: fc.constantFrom('constant' as const, 'poisson' as const),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(plans, (changes) => {
        const { verdict } = search(queueingEndpoint(5_000, 50), changes);
        expect(verdict).toMatchObject({ kind: 'at-least', because: 'max-requests', confirmed: true });
      }),
      RUNS,
    );
  });

  test('leaves out a probe that no longer fits after a long wait for the endpoint', () => {
    const options = { ...OPTIONS, maxRequests: 5_000 };
    const spent = { ms: 0, requests: 1 };
    const probe = recordProbe(stepAt(10), queueingEndpoint(5_000, 50)(stepAt(10)), options);
    const ramped = advanceSearch(beginSearch(options, spent), probe, { ms: 30_000, requests: 300 });
    expect(ramped.step).toMatchObject({ purpose: 'ramp', ratePerSecond: 20 });
    expect(recheckRoom(ramped, { ms: 60_000, requests: 305 }).step).toBe(ramped.step);
    expect(recheckRoom(ramped, { ms: 60_000, requests: 4_000 }).step).toMatchObject({ purpose: 'confirm' });
    expect(recheckRoom(ramped, { ms: 60_000, requests: 4_900 }).step).toMatchObject({
      sentence: expect.stringMatching(/^at least 10\/s \(.*used up\), not confirmed$/),
    });
  });

  test('makes a probe as long as its sample needs, and extends an undecided one', () => {
    // Of 299 events one slow one leaves p99 open, and so do 2 of 450, which lie within it: the ramp goes on.
    const lucky = search(slowOneIn(200), { maxRate: 500 });
    expect(lucky.state.probes.slice(0, 3)).toMatchObject([
      { ratePerSecond: 10, durationMs: 29_900, verdict: 'undecided', passed: false },
      { ratePerSecond: 10, durationMs: 45_000, verdict: 'undecided', passed: true },
      { ratePerSecond: 20, durationMs: 15_000 },
    ]);
    expect(lucky.verdict).toMatchObject({ kind: 'at-least', ratePerSecond: 500, confirmed: true });
    // 5 of 450 leave it open as well, but lie beyond it.
    expect(search(slowOneIn(90)).verdict).toMatchObject({ kind: 'none', because: 'undecided' });
    const slow = search(slowOneIn(20), { startRate: 1 }).verdict;
    expect(slow.sentence).toContain('; probes of this length decide from 6.64/s on');
  });

  test('confirms no rate at which the objectives are undecided', () => {
    // 3 of 450 let the search go on; 12 of 1,800 are still too many to be sure of 1 %.
    const { state, verdict } = search(slowOneIn(150), { maxRate: 10 });
    expect(state.probes[1]).toMatchObject({ purpose: 'ramp', verdict: 'undecided', passed: true });
    expect(state.probes[3]).toMatchObject({ purpose: 'confirm', durationMs: 180_000, passed: false });
    expect(verdict).toMatchObject({ kind: 'none', because: 'unconfirmed' });
  });

  test('lowers a rate that does not hold by one step, three times at most', () => {
    const holdsBelow =
      (rate: number): SimulatedEndpoint =>
      (step) =>
        failingEndpoint(step.purpose === 'confirm' ? rate : 100)(step);
    const lowered = search(holdsBelow(80));
    const confirmations = lowered.state.probes.filter(({ purpose }) => purpose === 'confirm');
    expect(confirmations.map(({ verdict }) => verdict)).toEqual(['missed', 'missed', 'met']);
    expect(lowered.verdict).toMatchObject({ kind: 'limit', missedAt: confirmations[1]?.ratePerSecond });
    expect(search(holdsBelow(50)).verdict).toMatchObject({ kind: 'none', because: 'unconfirmed' });
  });

  test('repeats an inconclusive probe once, at half the step', () => {
    let hiccups = 0;
    const { state, verdict } = search((step) => {
      const hasHiccup = step.ratePerSecond === 40 && hiccups++ === 0;
      return behindGenerator(failingEndpoint(100), hasHiccup ? 1 : 1e6)(step);
    });
    expect(state.probes.slice(2, 4)).toMatchObject([
      { ratePerSecond: 40, verdict: 'inconclusive' },
      { ratePerSecond: 28.28, verdict: 'met' },
    ]);
    expect(verdict.kind).toBe('limit');
  });

  test('finds no limit if the start rate is missed', () => {
    expect(search(queueingEndpoint(5, 50)).verdict).toMatchObject({ kind: 'none', because: 'missed' });
  });
});
