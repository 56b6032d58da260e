import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Capacity } from './bench/all/capacity.ts';
import { timeGate } from './bench/all/gate-loop.ts';
import { followUp } from './bench/all/pace-outage.ts';
import { deliveredPerSecond, sumUp } from './bench/all/request-counts.ts';
import { rowOfValue, rowToTell } from './bench/all/row.ts';
import { toRowsTable } from './bench/all/rows-table.ts';

const LIMITS = { atOnce: 12, workMs: 40, queued: 50 };

/** What becomes of so many requests that arrive at one time. */
function burst(capacity: Capacity, count: number, now: number): (number | undefined)[] {
  return Array.from({ length: count }, () => capacity.admit(now));
}

describe('an endpoint of limited capacity', () => {
  it('serves as many at once as it can, has some wait, and refuses the others', () => {
    const done = burst(new Capacity(LIMITS), 100, 1_000);
    expect(done.slice(0, 12)).toEqual(Array(12).fill(1_040));
    expect(done.slice(12, 24)).toEqual(Array(12).fill(1_080));
    expect(done.slice(60, 63)).toEqual([1_240, 1_240, undefined]);
    expect(done.filter((at) => at === undefined)).toHaveLength(38);
  });

  it('has room again as work on waiting requests begins', () => {
    const capacity = new Capacity(LIMITS);
    burst(capacity, 62, 1_000);
    expect(burst(capacity, 13, 1_039)).toEqual(Array(13).fill(undefined));
    expect(burst(capacity, 13, 1_040)).toEqual([
      ...Array(10).fill(1_240),
      ...Array(2).fill(1_280),
      undefined,
    ]);
  });

  it('serves 300 requests a second under any overload', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 400, maxLength: 400 }), (bursts) => {
        const capacity = new Capacity(LIMITS);
        const done = bursts.flatMap((count, at) => burst(capacity, 20 + count, at * 5));
        const served = done.filter((at) => at !== undefined && at <= 2_000);
        expect(served).toHaveLength(600);
      }),
      { numRuns: 20 },
    );
  });
});

describe('the counts of an endpoint', () => {
  const seconds = [{ '200': 100, '503': 900 }, { '200': 300 }, {}, { '0': 5, '200': 200 }, { '200': 1 }];

  it('sum up to all requests, those whose sender left too', () => {
    expect(sumUp(seconds)).toEqual({ requests: 1_506, delivered: 601 });
    expect(sumUp([])).toEqual({ requests: 0, delivered: 0 });
  });

  it.each([
    [0, 400, 200],
    [1, 400, 300],
    [1, 401, 500 / 3],
    [1, 600, 500 / 3],
    [0, 1_000, 601 / 5],
    [2, 300, Number.NaN],
    [9, 600, Number.NaN],
  ])('from second %d until %d were delivered make %d/s', (from, enough, expected) => {
    expect(deliveredPerSecond(seconds, from, enough)).toBe(expected);
  });
});

describe('the events from before the return of an endpoint', () => {
  it('are through when the last of them was delivered, whatever comes later', () => {
    const deliveries = [
      [0, 10],
      [2, 130],
      [3, 500],
      [2, 900],
    ] as const;
    expect(followUp(deliveries, 3, 100)).toEqual({ lastMs: 30, undelivered: 1 });
  });

  it('were through before it if none of them came after it', () => {
    expect(followUp([[0, 10]], 1, 100)).toEqual({ lastMs: 0, undelivered: 0 });
  });
});

describe('a row', () => {
  const target = { name: 'dead', goal: 0, floor: 0, better: 'less', digits: 0, detail: 'so' } as const;

  it.each([
    [0, true, 'met'],
    [1, true, 'below floor'],
    [0, false, 'undecided'],
  ])('of %d, decided: %s, is %s', (value, isDecided, verdict) => {
    expect(rowOfValue(target, value, isDecided).verdict).toBe(verdict);
  });

  it('that is held to nothing is only told', () => {
    const row = rowToTell({ name: 'requests', digits: 0, detail: 'so' }, 1_234);
    expect(row).toEqual({ name: 'requests', measured: '1,234', value: 1_234, verdict: 'told', detail: 'so' });
    expect(toRowsTable([row])).toMatch(/requests.*1,234.*told/);
  });
});

it('the gate in open lets every event of the loop through', () => {
  expect(timeGate(1_000)).toBeGreaterThan(0);
});
