import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judge } from '../../src/core/judge-pace.ts';
import { OPEN_VERDICT, type Verdict } from '../../src/core/pace.ts';
import {
  deliveredPerSecond,
  NO_SUMS,
  noNews,
  type PaceNews,
  type PaceSums,
  signOf,
} from '../../src/core/pace-sums.ts';
import { reserve, tell, write } from '../simulate/pace-store.ts';

const START = 1_800_000_000_000;

/** What may happen to an endpoint: news of its answers after some time, by a clock that may jump. */
const steps = fc.array(
  fc.record({
    afterMs: fc.oneof(fc.integer({ min: 0, max: 3_000 }), fc.integer({ min: -5_000, max: 400_000 })),
    ok: fc.nat(300),
    over: fc.oneof(fc.constant(0), fc.nat(100)),
    fail: fc.oneof(fc.constant(0), fc.nat(100)),
    again: fc.nat(20),
    late: fc.nat(50),
    retryAfterMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 100_000 })),
    tookMs: fc.integer({ min: 1, max: 15_000 }),
    fresh: fc.nat(50),
    retry: fc.nat(50),
  }),
  { minLength: 1, maxLength: 80 },
);
type Step = Parameters<typeof newsOf>[0];

function newsOf(
  step: {
    ok: number;
    over: number;
    fail: number;
    again: number;
    late: number;
    retryAfterMs: number;
    tookMs: number;
  },
  epoch: number,
  now: number,
): PaceNews {
  const bad = step.over + step.fail;
  return {
    ...noNews(epoch),
    ok: step.ok,
    over: step.over,
    fail: step.fail,
    okAgain: step.ok > 0 ? step.again : 0,
    overAgain: step.over > 0 ? step.again : 0,
    late: Math.min(step.late, step.ok),
    retryAfters: step.retryAfterMs > 0 ? bad : 0,
    retryAt: step.retryAfterMs > 0 && bad > 0 ? now + step.retryAfterMs : 0,
    tail: step.ok > 0 ? 0 : bad,
    firstsInTail: step.ok > 0 ? 0 : bad,
    tailAgeMs: step.ok > 0 || bad === 0 ? 0 : step.tookMs,
    failMs: bad > 0 ? step.tookMs : 0,
    responseMs: step.ok > 0 ? step.tookMs : 0,
  };
}

/** Runs the steps through store and judge; `check` sees each judgement. */
function play(
  all: readonly (Step & { afterMs: number; fresh: number; retry: number })[],
  check: (before: Verdict, after: Verdict | undefined, sums: PaceSums, now: number) => void,
): void {
  let now = START;
  let verdict = OPEN_VERDICT;
  let sums = NO_SUMS;
  for (const step of all) {
    now += step.afterMs;
    sums = tell(verdict, sums, newsOf(step, verdict.epoch, now), now);
    const want = { fresh: step.fresh, retry: step.retry, by: 'a process', timeoutMs: 15_000 };
    sums = reserve(verdict, sums, want, now).sums;
    const next = judge(verdict, sums, now, 0);
    check(verdict, next, sums, now);
    if (next === undefined) continue;
    sums = write(verdict, sums, next, now) ?? sums;
    verdict = next;
  }
}

function numbersOf(value: object): number[] {
  return Object.values(value).filter((field) => typeof field === 'number');
}

describe('a verdict on any news, by a clock that jumps', () => {
  test('has the next number, and an epoch that grows by one at most', () => {
    fc.assert(
      fc.property(steps, (all) => {
        play(all, (before, after) => {
          if (after === undefined) return;
          expect(after.number).toBe(before.number + 1);
          expect(after.epoch - before.epoch).toBeOneOf([0, 1]);
          if (after.state !== before.state) expect(after.epoch).toBe(before.epoch + 1);
        });
      }),
    );
  });

  test('holds finite numbers only, as the sums do', () => {
    fc.assert(
      fc.property(steps, (all) => {
        play(all, (_, after, sums) => {
          expect(numbersOf(sums).every(Number.isFinite)).toBe(true);
          if (after !== undefined) expect(numbersOf(after).every(Number.isFinite)).toBe(true);
        });
      }),
    );
  });

  test('has a rate in slowed and recovering, of one at least, and none in open and down', () => {
    fc.assert(
      fc.property(steps, (all) => {
        play(all, (_, after) => {
          if (after === undefined) return;
          if (after.state === 'open' || after.state === 'down') expect(after.rate).toBe(0);
          else expect(after.rate).toBeGreaterThanOrEqual(1);
        });
      }),
    );
  });

  test('raises a rate fourfold in a second at most, or to what was delivered', () => {
    fc.assert(
      fc.property(steps, (all) => {
        play(all, (before, after, sums, now) => {
          if (after === undefined || before.rate === 0 || before.triedRate > 0 || before.holdUntil > 0)
            return;
          const most = Math.max(4 * before.rate, 1.1 * deliveredPerSecond(sums, now) + 1);
          expect(after.rate).toBeLessThanOrEqual(most);
        });
      }),
    );
  });

  test('holds the endpoint for a minute at most', () => {
    fc.assert(
      fc.property(steps, (all) => {
        play(all, (_, after, __, now) => {
          if (after !== undefined) expect(after.holdUntil).toBeLessThanOrEqual(now + 60_000);
        });
      }),
    );
  });

  test('leaves open only for failures or late answers, and down only for a delivery', () => {
    fc.assert(
      fc.property(steps, (all) => {
        play(all, (before, after, sums) => {
          if (after === undefined || after.state === before.state) return;
          const { over, fail, overAgain, failAgain, late, fails } = sums;
          const seen = over + fail + overAgain + failAgain + late + fails;
          const reasons: Record<string, boolean> = { open: seen > 0, down: after.state === 'recovering' };
          expect(reasons[before.state] ?? true).toBe(true);
          expect(after.state === 'recovering' ? before.state : 'down').toBe('down');
          expect(after.state === 'down' ? fails : 1).toBeGreaterThan(0);
        });
      }),
    );
  });
});

describe('times far ahead, left by another clock', () => {
  const ahead = START + 10 * 365 * 86_400_000;

  test('an endpoint that is held until then is asked after a minute at most', () => {
    const held: Verdict = { ...OPEN_VERDICT, state: 'slowed', rate: 10, holdUntil: ahead };
    const want = { fresh: 1, retry: 0, by: 'a process', timeoutMs: 15_000 };
    expect(reserve(held, NO_SUMS, want, START).grant.againAt).toBeLessThanOrEqual(START + 60_000);
  });

  test('an endpoint that delivered then is down ten seconds after its first failure', () => {
    let sums: PaceSums = { ...NO_SUMS, goodAt: ahead, secondFrom: ahead, countedFrom: ahead, from: ahead };
    const failed = { ...noNews(0), fail: 25, tail: 25, firstsInTail: 25, tailAgeMs: 5 };
    let verdict = OPEN_VERDICT;
    for (let second = 0; second <= 12; second += 1) {
      const now = START + second * 1_000;
      sums = tell(verdict, sums, { ...failed, epoch: verdict.epoch }, now);
      const next = judge(verdict, sums, now, 0);
      if (next === undefined) continue;
      sums = write(verdict, sums, next, now) ?? sums;
      verdict = next;
    }
    expect(verdict.state).toBe('down');
  });

  test('a probe is due after 15 s at most', () => {
    const down: Verdict = { ...OPEN_VERDICT, state: 'down', downFrom: START };
    const sums: PaceSums = { ...NO_SUMS, freshAt: ahead, freshBy: ahead, probeUntil: ahead };
    const want = { fresh: 1, retry: 0, by: 'a process', timeoutMs: 15_000 };
    expect(reserve(down, sums, want, START).grant.againAt).toBeLessThanOrEqual(START + 15_000);
  });
});

describe('an endpoint that is down and says Retry-After', () => {
  const down: Verdict = { ...OPEN_VERDICT, number: 3, epoch: 2, state: 'down', since: START - 20_000 };
  const saying = { ...noNews(2), over: 3, overAgain: 0, tail: 3, retryAfters: 3, retryAt: START + 30_000 };

  test('gets nothing until then, and is down all the same', () => {
    const sums = tell(down, { ...NO_SUMS, fails: 30, failsFrom: START - 30_000 }, saying, START);
    const held = judge(down, sums, START, 0);
    expect(held).toMatchObject({ state: 'down', epoch: 2, holdUntil: START + 30_000 });
    const want = { fresh: 1, retry: 1, by: 'a process', timeoutMs: 15_000 };
    const { grant } = reserve(held as Verdict, sums, want, START + 1_000);
    expect(grant).toMatchObject({ count: 0, probe: '', againAt: START + 30_000 });
    expect(judge(held as Verdict, sums, START + 29_000, 0)).toBeUndefined();
  });

  test('is tried again afterwards, and recovers with the first delivery even before', () => {
    const held: Verdict = { ...down, holdUntil: START + 30_000 };
    expect(judge(held, NO_SUMS, START + 30_000, 0)).toMatchObject({ state: 'down', holdUntil: 0 });
    const delivered = { ...NO_SUMS, goodAt: START + 5_000 };
    expect(judge(held, delivered, START + 5_000, 0)).toMatchObject({ state: 'recovering', holdUntil: 0 });
  });
});

describe('what an answer says about the endpoint', () => {
  const failed = (
    status: number,
    failureClass: 'client_error' | 'timeout' | 'token' | 'proxy' | 'crash' = 'client_error',
  ) => signOf({ kind: 'failed', failureClass, status, response: '' });

  test('a delivery, and a status that judges the event, are good', () => {
    expect(signOf({ kind: 'delivered', status: 204 })).toBe('good');
    expect([400, 406, 409, 410, 413, 422, 451].map((status) => failed(status))).toEqual(
      Array(7).fill('good'),
    );
  });

  test('429, 502, 503, 504 and a timeout are signs of overload', () => {
    expect([429, 502, 503, 504].map((status) => failed(status))).toEqual(Array(4).fill('over'));
    expect(failed(0, 'timeout')).toBe('over');
  });

  test('other statuses, and no answer, are failures', () => {
    expect([301, 401, 403, 404, 405, 408, 500, 501, 0].map((status) => failed(status))).toEqual(
      Array(9).fill('fail'),
    );
  });

  test('a status of our proxy is a failure, whatever it would mean of the endpoint', () => {
    const statuses = [0, 400, 403, 404, 429, 451, 502, 503, 504];
    expect(statuses.map((status) => failed(status, 'proxy'))).toEqual(statuses.map(() => 'fail'));
  });

  test('an attempt that was not sent says nothing', () => {
    expect([failed(0, 'token'), failed(0, 'crash')]).toEqual([undefined, undefined]);
  });
});
