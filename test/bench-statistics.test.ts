import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeVerdict, type Estimate, estimate, judge, median, pairedRatios } from './bench/statistics.ts';

const oneTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
const values = fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 60 });

function sure(low: number, high: number): Estimate {
  return { median: (low + high) / 2, low, high, confidence: 0.96 };
}

describe('median', () => {
  it.each([
    [[3], 3],
    [[9, 1, 5], 5],
    [[4, 1, 3, 2], 2.5],
    [[10, 9, 100], 10],
  ])('of %j is %d', (of, expected) => {
    expect(median(of)).toBe(expected);
  });

  it('of nothing is not a number', () => {
    expect(median([])).toBeNaN();
  });

  it('leaves the order of its values alone', () => {
    const given = [3, 1, 2];
    median(given);
    expect(given).toEqual([3, 1, 2]);
  });
});

describe('estimate', () => {
  // Ranks and coverage as in the tables of the sign test (binomial, p = 1/2).
  it.each([
    [6, 1, 6, 0.96875],
    [8, 1, 8, 0.9921875],
    [9, 2, 8, 0.9609375],
    [15, 4, 12, 0.96484375],
    [20, 6, 15, 0.958610534668],
    [25, 8, 18, 0.956714749336],
    [40, 14, 27, 0.961522691716],
  ])('of %d values reaches from rank %d to rank %d', (count, low, high, confidence) => {
    const found = estimate(oneTo(count).reverse());
    expect(found).toMatchObject({ median: (count + 1) / 2, low, high });
    expect(found.confidence).toBeCloseTo(confidence, 9);
  });

  it.each([
    [1, 0],
    [2, 0.5],
    [5, 0.9375],
  ])('of %d values is their whole range, and says how little that is', (count, confidence) => {
    expect(estimate(oneTo(count))).toEqual({ median: (count + 1) / 2, low: 1, high: count, confidence });
  });

  it('of nothing is not a number, and judges nothing', () => {
    const nothing = estimate([]);
    expect(nothing.median).toBeNaN();
    expect(judge(nothing, 1)).toBe('undecided');
  });

  it('holds the median, takes its ends from the values, and never depends on their order', () => {
    fc.assert(
      fc.property(values, fc.nat(), (of, seed) => {
        const found = estimate(of);
        expect(of).toContain(found.low);
        expect(of).toContain(found.high);
        expect(found.low).toBeLessThanOrEqual(found.median);
        expect(found.median).toBeLessThanOrEqual(found.high);
        const cut = seed % of.length;
        expect(estimate([...of.slice(cut), ...of.slice(0, cut)])).toEqual(found);
      }),
    );
  });

  it('is the narrowest that is still sure enough', () => {
    fc.assert(
      fc.property(fc.integer({ min: 6, max: 200 }), (count) => {
        const { low, high, confidence } = estimate(oneTo(count));
        expect(confidence).toBeGreaterThanOrEqual(0.95);
        expect(low + high).toBe(count + 1);
        // One rank less on either side takes away twice the chance that exactly `low` values lie below.
        expect(confidence - 2 * chanceOf(count, low)).toBeLessThan(0.95);
      }),
    );
  });
});

/** The chance that of `count` throws of a coin exactly `heads` show heads. */
function chanceOf(count: number, heads: number): number {
  let chance = 0.5 ** count;
  for (let k = 0; k < heads; k += 1) chance *= (count - k) / (k + 1);
  return chance;
}

describe('pairedRatios', () => {
  it('divides what was measured in the same round', () => {
    expect(pairedRatios([6, 10, 3], [2, 4, 6])).toEqual([3, 2.5, 0.5]);
  });

  it('refuses series that do not pair up', () => {
    expect(() => pairedRatios([1, 2], [1])).toThrow('2 and 1 values do not pair up');
  });
});

describe('judge', () => {
  it.each([
    [sure(0.85, 0.9), 0.85, 'met'],
    [sure(0.84, 0.9), 0.85, 'undecided'],
    [sure(0.7, 0.85), 0.85, 'undecided'],
    [sure(0.7, 0.84), 0.85, 'missed'],
  ])('%j against %d: %s', (measured, atLeast, expected) => {
    expect(judge(measured, atLeast)).toBe(expected);
  });

  it('decides nothing on too few rounds', () => {
    expect(judge(estimate([5, 5, 5, 5, 5]), 1)).toBe('undecided');
    expect(judge(estimate([5, 5, 5, 5, 5, 5]), 1)).toBe('met');
  });
});

describe('describeVerdict', () => {
  it.each([
    [sure(0.86, 0.9), 0.85, 0.75, 'met'],
    [sure(0.8, 0.9), 0.85, 0.75, 'floor met, goal undecided'],
    [sure(0.76, 0.8), 0.85, 0.75, 'floor met, goal missed'],
    [sure(0.7, 0.9), 0.85, 0.75, 'floor undecided, goal undecided'],
    [sure(0.7, 0.8), 0.85, 0.75, 'floor undecided, goal missed'],
    [sure(0.6, 0.7), 0.85, 0.75, 'below floor'],
    [sure(2.9, 3.1), 3, 3, 'undecided'],
    [sure(2.8, 2.9), 3, 3, 'below floor'],
  ])('%j against goal %d and floor %d: %s', (measured, goal, floor, expected) => {
    expect(describeVerdict(measured, goal, floor)).toBe(expected);
  });
});
