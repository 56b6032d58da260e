import { describe, expect, test } from 'vitest';
import { eventsNeeded, readPercentile, shareBounds, showPercentile } from '../../src/loadtest/confidence.ts';
import { judge, judgeProbe } from '../../src/loadtest/judge.ts';
import { defaultObjectives, type Objective, parseObjectives } from '../../src/loadtest/objectives.ts';
import { distributionOf, observationOf, times } from './observations.ts';

function objectives(...texts: string[]): readonly Objective[] {
  const read = parseObjectives(texts);
  if (!read.ok) throw new Error(read.problems.join('; '));
  return read.value;
}

describe('exact bounds', () => {
  test('agree with tables of Clopper and Pearson', () => {
    // One-sided 95 %, that is either side of the published two-sided 90 % intervals.
    const table: [number, number, number, number][] = [
      [0, 10, 0, 0.258866],
      [1, 10, 0.005116, 0.394163],
      [5, 10, 0.222441, 0.777559],
      [9, 10, 0.605837, 0.994884],
      [10, 10, 0.741134, 1],
      [0, 299, 0, 0.009969],
    ];
    for (const [k, n, lower, upper] of table) {
      const bounds = shareBounds(k, n);
      expect(bounds.lower).toBeCloseTo(lower, 5);
      expect(bounds.upper).toBeCloseTo(upper, 5);
    }
    expect(shareBounds(0, 0)).toEqual({ lower: 0, upper: 1 });
  });

  test('are where a sum of exact terms is 5 %, below and above the share that was seen', () => {
    const atMost = (k: number, n: number, share: number) => {
      let [term, sum] = [(1 - share) ** n, 0];
      for (let j = 0; j <= k; j += 1) {
        sum += term;
        term *= ((n - j) / (j + 1)) * (share / (1 - share));
      }
      return sum;
    };
    for (const n of [1, 7, 40]) {
      for (let k = 0; k <= n; k += 1) {
        const { lower, upper } = shareBounds(k, n);
        if (k < n) expect(atMost(k, n, upper)).toBeCloseTo(0.05, 10);
        if (k > 0) expect(1 - atMost(k - 1, n, lower)).toBeCloseTo(0.05, 10);
      }
    }
  });

  test('are exact for a million events, too', () => {
    // The normal approximation is good to a few 1e-6 there.
    const { lower, upper } = shareBounds(10_000, 1_000_000);
    const deviation = 1.644854 * Math.sqrt((0.01 * 0.99) / 1_000_000);
    expect(lower).toBeCloseTo(0.01 - deviation, 5);
    expect(upper).toBeCloseTo(0.01 + deviation, 5);
    const half = shareBounds(500_000, 1_000_000);
    expect(half.upper - half.lower).toBeCloseTo(2 * 1.644854 * Math.sqrt(0.25 / 1_000_000), 5);
  });
});

describe('percentiles', () => {
  test('are known from 59, 299 and 2,995 events on', () => {
    expect([0.05, 0.01, 0.001].map(eventsNeeded)).toEqual([59, 299, 2_995]);
    expect(readPercentile(distributionOf(times(299, 7)), 99)).toBe(7);
    expect(readPercentile(distributionOf(times(298, 7)), 99)).toBeNull();
    expect(readPercentile(distributionOf(times(2_994, 7)), 99.9)).toBeNull();
    expect([showPercentile(99, 7), showPercentile(99, null)]).toEqual(['p99 7 ms', 'p99 n/a (needs 299)']);
  });
});

describe('judge', () => {
  const p99 = objectives('p99<300ms');

  test('has a p99 met by 299 fast events, and not by one fewer', () => {
    expect(judge(observationOf(times(299, 50)), p99).verdict).toBe('met');
    const judgement = judge(observationOf(times(298, 50)), p99);
    expect(judgement.verdict).toBe('undecided');
    expect(judgement.reasons).toEqual([
      'p99<300ms is undecided: p99 n/a (needs 299), 0 of 298 against it (0 to 1 % with 95 % confidence)',
    ]);
  });

  test('counts an event at the threshold against it, and tells missed from undecided', () => {
    const mixed = (slow: number) => observationOf([...times(1_000 - slow, 50), ...times(slow, 300)]);
    // P(X <= 4 | 1000, 0.01) is 0.0287 and P(X <= 5) is 0.0661; P(X >= 16) is 0.048 and P(X >= 15) is 0.0823.
    expect([4, 5, 15, 16].map((slow) => judge(mixed(slow), p99).verdict)).toEqual([
      'met',
      'undecided',
      'undecided',
      'missed',
    ]);
  });

  test('compares deliveries with offered events, and a rate with the time', () => {
    const observation = observationOf(times(2_000, 50), { delivered: 1_960, unsent: 40, durationMs: 10_000 });
    const judgement = judge(
      observation,
      objectives('delivered>99%', 'delivered>95%', 'rate>=196/s', 'rate>=197/s'),
    );
    expect(judgement.objectives.map(({ verdict }) => verdict)).toEqual(['missed', 'met', 'met', 'missed']);
    expect(judgement.objectives.map(({ found }) => found)).toEqual([
      '98 % delivered',
      '98 % delivered',
      '196/s',
      '196/s',
    ]);
    expect(judgement.verdict).toBe('missed');
  });

  test('is neither met nor missed if the generator did badly', () => {
    const good = { sentShare: 0.99, lagP99Ms: 30, eventLoopUtilisation: 0.9 };
    const bad = { sentShare: 0.98, lagP99Ms: 31, eventLoopUtilisation: 0.91 };
    const verdictOf = (generator: typeof good, slow = 0) =>
      judge(observationOf([...times(1_000 - slow, 50), ...times(slow, 900)], { generator }), p99).verdict;
    expect(verdictOf(good)).toBe('met');
    for (const key of ['sentShare', 'lagP99Ms', 'eventLoopUtilisation'] as const) {
      expect(verdictOf({ ...good, [key]: bad[key] })).toBe('inconclusive');
      expect(verdictOf({ ...good, [key]: bad[key] }, 500)).toBe('inconclusive');
    }
    // A lag of 5 ms is allowed whatever the objective.
    const strict = objectives('p99<20ms');
    const late = (lagP99Ms: number) => ({ ...good, lagP99Ms });
    expect(judge(observationOf(times(500, 5), { generator: late(5) }), strict).verdict).toBe('met');
    expect(judge(observationOf(times(500, 5), { generator: late(5.1) }), strict).verdict).toBe(
      'inconclusive',
    );
  });

  test('a growing backlog is a miss of a probe, but not of a run', () => {
    const growing = observationOf(times(1_000, 50), { inFlight: { middleThird: 10, lastThird: 16 } });
    expect(judge(growing, p99).verdict).toBe('met');
    const { verdict, reasons } = judgeProbe(growing, p99);
    expect(verdict).toBe('missed');
    expect(reasons).toEqual(['the backlog grows: 10 in flight in the middle third, 16 in the last']);
    const steady = [
      { middleThird: 2, lastThird: 10 },
      { middleThird: 10, lastThird: 15 },
    ];
    for (const inFlight of steady) expect(judgeProbe({ ...growing, inFlight }, p99).verdict).toBe('met');
  });

  test('less than 97 % delivered, or a probe that was cut short, is a miss', () => {
    const lax = objectives('delivered>50%');
    const probe = (delivered: number) => observationOf(times(1_000, 50), { delivered });
    expect([970, 969].map((delivered) => judgeProbe(probe(delivered), lax).verdict)).toEqual([
      'met',
      'missed',
    ]);
    const cut = judgeProbe({ ...probe(1_000), cutShort: 'failed>20% for 3s' }, lax);
    expect(cut).toMatchObject({ verdict: 'missed', reasons: ['failed>20% for 3s'] });
  });
});

describe('objectives', () => {
  test('are read as the share of events that may miss them', () => {
    expect(objectives('p99.9 < 1s', 'delivered>99.5%', 'rate>=195/s')).toEqual([
      { kind: 'latency', text: 'p99.9<1s', percentile: 99.9, thresholdMs: 1_000, allowedShare: 0.001 },
      { kind: 'delivered', text: 'delivered>99.5%', allowedShare: 0.005 },
      { kind: 'rate', text: 'rate>=195/s', ratePerSecond: 195 },
    ]);
    expect(defaultObjectives(15_000)).toEqual(objectives('delivered>99%', 'p99<7500ms'));
  });

  test('are refused with a problem for each', () => {
    const read = parseObjectives([
      'p99>1s',
      'p100<1s',
      'p99<1',
      'delivered>100%',
      'delivered<1%',
      'rate>=x',
      'q<1',
    ]);
    expect(read.ok ? [] : read.problems).toEqual([
      'objective "p99>1s" must ask for less: p99<300ms',
      'objective "p100<1s" names no percentile: it must lie between 0 and 100, such as p99.9',
      'objective "p99<1" names no time: it must be a number and ms, s or m, such as p99<300ms',
      'objective "delivered>100%" can never be shown from a sample: ask for less than 100 %, such as delivered>99.9%',
      'objective "delivered<1%" must ask for more: delivered>99.5%',
      'objective "rate>=x" names no rate: it must be a number of events a second, such as rate>=195/s',
      'objective "q<1" is not known: p99<300ms, delivered>99.5% and rate>=195/s are',
    ]);
  });
});
