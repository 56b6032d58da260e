import fc from 'fast-check';
import { expect, test } from 'vitest';
import { holdRate } from '../../src/dead-letters/replay-rate.ts';

/** Steps at a rate on a clock of the test's own; each takes so long. Returns when each began, and what went. */
function run(perSecond: number, steps: readonly { readonly tookMs: number; readonly share: number }[]) {
  let now = 5_000;
  const rate = holdRate(perSecond, () => now);
  const began = steps.map(({ tookMs, share }) => {
    now += rate.waitMs();
    const at = now;
    now += tookMs;
    const count = Math.round(rate.stepSize * share);
    rate.went(count);
    return { at, count };
  });
  return { began, now, stepSize: rate.stepSize };
}

test('whatever the steps take, no stretch of time has more than its rate, two steps and what is caught up', () => {
  const step = fc.record({ tookMs: fc.integer({ min: 0, max: 2_000 }), share: fc.constantFrom(0, 0.5, 1) });
  fc.assert(
    fc.property(fc.double({ min: 0.1, max: 50_000, noNaN: true }), fc.array(step), (perSecond, steps) => {
      const { began, stepSize } = run(perSecond, steps);
      for (const [from, first] of began.entries()) {
        let went = 0;
        for (const { at, count } of began.slice(from)) {
          went += count;
          const due = ((at - first.at + 250) / 1_000) * perSecond;
          expect(went).toBeLessThanOrEqual(due + 2 * stepSize + 0.001);
        }
      }
    }),
  );
});

test('the rate is held over the whole run, and steps are small', () => {
  const steps = Array.from({ length: 400 }, () => ({ tookMs: 3, share: 1 }));
  const { began, now, stepSize } = run(100, steps);
  expect(stepSize).toBe(25);
  const seconds = (now - (began[0]?.at ?? 0)) / 1_000;
  expect((400 * 25) / seconds).toBeGreaterThan(99);
  expect((399 * 25) / seconds).toBeLessThan(100.1);
  expect(run(0.5, steps.slice(0, 1)).stepSize).toBe(1);
});

test('a pause is not made up for by a burst', () => {
  const paused = [
    { tookMs: 60_000, share: 1 },
    ...Array.from({ length: 8 }, () => ({ tookMs: 0, share: 1 })),
  ];
  const { began } = run(100, paused);
  const after = began.slice(1).map(({ at }) => at - (began[1]?.at ?? 0));
  expect(after).toEqual([0, 250, 500, 750, 1_000, 1_250, 1_500, 1_750]);
});
