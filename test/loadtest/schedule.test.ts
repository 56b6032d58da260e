import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSchedule, parseStages, type Schedule, type Stage } from '../../src/loadtest/schedule.ts';

const EVEN = { arrivals: 'constant', seed: 1 } as const;

const stage = fc.record({
  durationMs: fc.integer({ min: 1, max: 20_000 }),
  fromRate: fc.oneof(fc.constant(0), fc.double({ min: 0.1, max: 300, noNaN: true })),
  toRate: fc.oneof(fc.constant(0), fc.double({ min: 0.1, max: 300, noNaN: true })),
});
const stages = fc.array(stage, { minLength: 1, maxLength: 5 });

function dueTimes(schedule: Schedule): number[] {
  return Array.from({ length: schedule.total }, (_, n) => schedule.intendedAt(n));
}

/** The planned arrivals before a time: the integral of the rate, by the trapezoids of the stages. */
function plannedBefore(plan: readonly Stage[], ms: number): number {
  let [start, sum] = [0, 0];
  for (const { durationMs, fromRate, toRate } of plan) {
    const spent = Math.min(Math.max(ms - start, 0), durationMs);
    const rateThen = fromRate + ((toRate - fromRate) * spent) / durationMs;
    sum += ((fromRate + rateThen) / 2) * (spent / 1_000);
    start += durationMs;
  }
  return sum;
}

describe('schedule', () => {
  test('spaces a constant rate evenly, from the first moment on', () => {
    const schedule = createSchedule([{ durationMs: 4_000, fromRate: 50, toRate: 50 }], EVEN);
    expect(schedule.total).toBe(200);
    expect(schedule.intendedAt(0)).toBe(0);
    for (const [n, at] of dueTimes(schedule).entries()) expect(at).toBeCloseTo(n * 20, 6);
    expect(schedule.intendedAt(200)).toBe(Number.POSITIVE_INFINITY);
  });

  test('solves a ramp: half of its time brings a quarter of its arrivals', () => {
    const schedule = createSchedule([{ durationMs: 10_000, fromRate: 0, toRate: 200 }], EVEN);
    expect(schedule.total).toBe(1_000);
    expect(schedule.intendedAt(250)).toBeCloseTo(5_000, 6);
    expect(schedule.rateAt(5_000)).toBe(100);
    expect(schedule.rateAt(10_000)).toBe(0);
  });

  test('has no arrival in a pause between two stages', () => {
    const plan = parseStages('1s:10,5s:0,1s:10');
    const schedule = createSchedule(plan.ok ? plan.value : [], EVEN);
    expect(schedule.total).toBe(20);
    expect(dueTimes(schedule).filter((at) => at >= 1_000 && at < 6_000)).toEqual([]);
    expect(schedule.intendedAt(10)).toBe(6_000);
  });

  test('plans as many arrivals as rate × time, each when the integral of the rate reaches it', () => {
    fc.assert(
      fc.property(stages, (plan) => {
        const schedule = createSchedule(plan, EVEN);
        const area = plannedBefore(plan, Number.POSITIVE_INFINITY);
        expect(Math.abs(schedule.total - area)).toBeLessThan(1);
        const due = dueTimes(schedule);
        expect(due).toEqual([...due].sort((earlier, later) => earlier - later));
        expect(due.at(-1) ?? 0).toBeLessThanOrEqual(schedule.durationMs);
        // Near a rate of 0 a wide span of time holds next to nothing.
        const isOff = (at: number, n: number) => Math.abs(plannedBefore(plan, at) - n) > 1e-5 * (1 + n);
        expect(due.filter(isOff)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  test('draws the same Poisson arrivals from the same seed, asked for in any order', () => {
    fc.assert(
      fc.property(
        stages,
        fc.integer(),
        fc.array(fc.nat({ max: 500 }), { maxLength: 20 }),
        (plan, seed, asked) => {
          const times = dueTimes(createSchedule(plan, { arrivals: 'poisson', seed }));
          const schedule = createSchedule(plan, { arrivals: 'poisson', seed });
          expect(times).toEqual([...times].sort((a, b) => a - b));
          for (const n of asked) expect(schedule.intendedAt(n)).toBe(times[n] ?? Number.POSITIVE_INFINITY);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('has Poisson arrivals whose counts have a variance equal to their mean, also in ramps', () => {
    const plan = [
      { durationMs: 100_000, fromRate: 0, toRate: 200 },
      { durationMs: 100_000, fromRate: 200, toRate: 0 },
    ];
    const schedule = createSchedule(plan, { arrivals: 'poisson', seed: 7 });
    const windows = new Array<number>(200).fill(0);
    for (const at of dueTimes(schedule)) {
      const second = Math.floor(at / 1_000);
      windows[second] = (windows[second] ?? 0) + 1;
    }
    // Each count has its mean for its variance, so that these sum to 200, ± 20: five times that is allowed.
    const deviations = windows.map((count, second) => {
      const mean = schedule.rateAt(second * 1_000 + 500);
      return (count - mean) ** 2 / mean;
    });
    const sum = deviations.reduce((total, each) => total + each, 0);
    expect(sum).toBeGreaterThan(100);
    expect(sum).toBeLessThan(300);
    expect(Math.abs(schedule.total - 20_000)).toBeLessThan(5 * Math.sqrt(20_000));
    expect(createSchedule(plan, { arrivals: 'poisson', seed: 8 }).total).not.toBe(schedule.total);
  });
});

describe('parseStages', () => {
  test('reads constant stages and ramps', () => {
    expect(parseStages('10s:0-200, 2m:200,500ms:200/s-0')).toEqual({
      ok: true,
      value: [
        { durationMs: 10_000, fromRate: 0, toRate: 200 },
        { durationMs: 120_000, fromRate: 200, toRate: 200 },
        { durationMs: 500, fromRate: 200, toRate: 0 },
      ],
    });
  });

  test('names the problem of every wrong stage', () => {
    const read = parseStages('10s,2m:200,x:1-2,0s:5');
    expect(read.ok ? [] : read.problems).toEqual([
      expect.stringContaining('stage "10s" is not a duration and a rate'),
      expect.stringContaining('stage "x:1-2"'),
      expect.stringContaining('stage "0s:5"'),
    ]);
    expect(parseStages('10s:0')).toMatchObject({ problems: [expect.stringContaining('send nothing')] });
    expect(parseStages('').ok).toBe(false);
  });
});
