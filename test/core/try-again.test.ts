import { expect, test } from 'vitest';
import { judge, tryAgain } from '../../src/core/judge-pace.ts';
import { OPEN_VERDICT, type Verdict } from '../../src/core/pace.ts';
import { NO_SUMS, noNews, type PaceSums } from '../../src/core/pace-sums.ts';
import { tell, write } from '../simulate/pace-store.ts';

const NOW = 1_800_000_000_000;
const HOUR_AGO = NOW - 3_600_000;
const DOWN: Verdict = {
  ...OPEN_VERDICT,
  ...{
    number: 7,
    epoch: 3,
    state: 'down',
    since: HOUR_AGO,
    downFrom: HOUR_AGO,
    usualRate: 700,
    asksFailed: 3,
  },
};
const HELD: Verdict = { ...DOWN, state: 'slowed', downFrom: 0, rate: 1, holdUntil: NOW + 40_000 };
const SLOWED: Verdict = { ...DOWN, state: 'slowed', downFrom: 0, rate: 120, failing: true, mark: 300 };
/** Hundreds of failures in an hour, and nothing delivered. */
const FAILED: PaceSums = {
  ...NO_SUMS,
  ...{ goodAt: HOUR_AGO, fails: 400, firsts: 300, failsFrom: HOUR_AGO + 1, newsAt: NOW - 50, fail: 6 },
  ...{ retryAftersInRow: 9, retryAt: NOW + 40_000 },
};

test.each([
  ['down', DOWN],
  ['a hold', HELD],
  ['a hold that is over', { ...HELD, holdUntil: NOW - 1 }],
])('from %s it recovers, at a hundredth of the usual rate', (_, verdict) => {
  expect(tryAgain(verdict, FAILED, NOW, 0)).toMatchObject({
    ...{ number: 8, epoch: 4, state: 'recovering', since: NOW, rate: 7, holdUntil: 0 },
    ...{ asksFailed: 0, downFrom: 0, silentFrom: NOW, waitedAt: NOW },
  });
});

test('a recovery begins at one request per second at least, or at minPerSecond', () => {
  expect(tryAgain({ ...DOWN, usualRate: 20 }, FAILED, NOW, 0)?.rate).toBe(1);
  expect(tryAgain({ ...DOWN, usualRate: 20 }, FAILED, NOW, 25)?.rate).toBe(25);
});

test.each([
  ['slowed', SLOWED],
  ['recovering', { ...SLOWED, state: 'recovering', failing: false } as const],
])('from %s it opens', (_, verdict) => {
  const opened = tryAgain(verdict, FAILED, NOW, 0);
  expect(opened).toMatchObject({ number: 8, epoch: 4, state: 'open', since: NOW, rate: 0, mark: 300 });
  expect(opened?.failing).toBe(false);
});

test('an endpoint that is open stays as it is', () => {
  expect(tryAgain({ ...OPEN_VERDICT, number: 5 }, FAILED, NOW, 0)).toBeUndefined();
});

/** What is judged of it, every 100 ms for so long, while it gets this news. */
function statesAfter(verdict: Verdict, sums: PaceSums, ms: number, failuresPerStep: number): string[] {
  let [present, known] = [verdict, sums];
  const states: string[] = [];
  for (let now = NOW + 100; now <= NOW + ms; now += 100) {
    const failed = {
      fail: failuresPerStep,
      tail: failuresPerStep,
      firstsInTail: failuresPerStep,
      tailAgeMs: 20,
    };
    known = tell(present, known, { ...noNews(present.epoch), ...failed }, now);
    const next = judge(present, known, now, 0);
    if (next === undefined) continue;
    known = write(present, known, next, now) ?? known;
    present = next;
    states.push(present.state);
  }
  return states;
}

test.each([
  ['down', DOWN],
  ['a hold', HELD],
])('failures from before do not take it down again after it was opened from %s', (_, verdict) => {
  const opened = tryAgain(verdict, FAILED, NOW, 0) as Verdict;
  const sums = write(verdict, FAILED, opened, NOW) as PaceSums;
  // Each of them is the four-hundred-and-first failure or a later one.
  expect(judge(opened, sums, NOW + 50, 0)).toBeUndefined();
  expect(statesAfter(opened, sums, 400, 1)).not.toContain('down');
  expect(statesAfter(opened, sums, 1_000, 1)).toContain('down');
});

test('an endpoint that was opened while it failed is down after ten further seconds of silence, and not before', () => {
  const opened = tryAgain(SLOWED, FAILED, NOW, 0) as Verdict;
  const sums = write(SLOWED, FAILED, opened, NOW) as PaceSums;
  expect(statesAfter(opened, sums, 9_900, 3)).not.toContain('down');
  expect(statesAfter(opened, sums, 10_500, 3)).toContain('down');
});
