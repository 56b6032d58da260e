import * as fc from 'fast-check';
import { request } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { seededRandom } from '../../src/core/random.ts';
import { type Admission, Capacity, type CapacityOptions } from '../../src/sandbox/capacity.ts';
import { sandboxScriptSchema } from '../../src/sandbox/sandbox-script.ts';
import { startScriptedClient } from '../../src/sandbox/scripted-client.ts';
import { sampleEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testAgent } from './post.ts';

failOnLeaks();

const STEADY: CapacityOptions = { latencyMs: 40, latencySpread: 0, onOverload: 'queue', queue: 0 };
/** What sums of fractions add. */
const ROUNDING_MS = 1e-6;

type Served = Extract<Admission, { kind: 'serve' }> & { arrivedMs: number };

function admitAll(options: CapacityOptions, arrivals: readonly number[], seed = 1) {
  const capacity = new Capacity(options, seededRandom(seed));
  const admissions = arrivals.map((at) => ({ arrivedMs: at, ...capacity.admit(at) }));
  const served = admissions.filter((each): each is Served => each.kind === 'serve');
  return { capacity, admissions, served, refused: admissions.filter(({ kind }) => kind === 'refuse') };
}

function evenly(rate: number, count: number): number[] {
  return Array.from({ length: count }, (_, n) => (n * 1_000) / rate);
}

/** The most of these times that lie within any second. */
function mostInASecond(times: readonly number[]): number {
  const sorted = times.toSorted((one, other) => one - other);
  let [first, most] = [0, 0];
  sorted.forEach((time, n) => {
    while ((sorted[first] ?? 0) <= time - 1_000 + ROUNDING_MS) first += 1;
    most = Math.max(most, n - first + 1);
  });
  return most;
}

const anyOptions = fc.record({
  ratePerSecond: fc.integer({ min: 1, max: 3_000 }),
  latencyMs: fc.integer({ min: 0, max: 400 }),
  latencySpread: fc.double({ min: 0, max: 0.9, noNaN: true }),
});
const anyArrivals = fc
  .array(fc.double({ min: 0, max: 20, noNaN: true }), { minLength: 1, maxLength: 400 })
  .map((gaps) => {
    let at = 0;
    return gaps.map((gap) => {
      at += gap;
      return at;
    });
  });

test('requests are served in order of arrival, never more at a time than there are servers', () => {
  fc.assert(
    fc.property(anyOptions, anyArrivals, (some, arrivals) => {
      const { served, capacity } = admitAll({ ...STEADY, ...some }, arrivals);
      expect(served).toHaveLength(arrivals.length);
      let latest = 0;
      for (const { arrivedMs, startMs, finishMs } of served) {
        expect(startMs).toBeGreaterThanOrEqual(Math.max(arrivedMs, latest));
        const atATime = served.filter(
          (other) => other.startMs <= startMs && other.finishMs > startMs + ROUNDING_MS,
        );
        expect(atATime.length).toBeLessThanOrEqual(capacity.servers);
        expect(Math.abs(finishMs - startMs - some.latencyMs)).toBeLessThanOrEqual(
          some.latencyMs * some.latencySpread + ROUNDING_MS,
        );
        latest = startMs;
      }
    }),
    { numRuns: 60 },
  );
});

test('no second has more answers than the capacity and the requests under way at its beginning', () => {
  fc.assert(
    fc.property(anyOptions, anyArrivals, (some, arrivals) => {
      const options = { ...STEADY, ...some, latencySpread: 0 };
      const { served, capacity } = admitAll(options, arrivals);
      const most = some.ratePerSecond + capacity.servers;
      expect(mostInASecond(served.map(({ finishMs }) => finishMs))).toBeLessThanOrEqual(most);
    }),
  );
});

test.each([
  [300, 40, 0, 12],
  [300, 40, 0.5, 12],
  [100, 25, 0, 3],
  [50, 0, 0, 1],
])(
  'offered twice %d/s at %d ms ± %d: just that comes out, from %d servers',
  (rate, latencyMs, latencySpread, servers) => {
    const options = { ...STEADY, ratePerSecond: rate, latencyMs, latencySpread };
    const { served, capacity } = admitAll(options, evenly(2 * rate, 40 * rate));
    expect(capacity.servers).toBe(servers);
    const seconds = (served.at(-1)?.startMs ?? 0) / 1_000;
    expect(served.length / seconds / rate).toBeCloseTo(1, 1);
    expect(Math.abs(served.length / seconds / rate - 1)).toBeLessThan(0.03);
  },
);

test('below the capacity no request waits; above it the wait grows with the backlog', () => {
  const options = { ...STEADY, ratePerSecond: 300 };
  const below = admitAll(options, evenly(299, 3_000)).served;
  expect(below.every(({ arrivedMs, finishMs }) => finishMs - arrivedMs < 40 + ROUNDING_MS)).toBe(true);
  const beyond = admitAll(options, evenly(400, 3_000)).served;
  beyond.forEach(({ arrivedMs, startMs }, n) => {
    const behindMs = n * (1_000 / 300 - 1_000 / 400);
    expect(Math.abs(startMs - arrivedMs - behindMs)).toBeLessThanOrEqual(40);
  });
  // Little's law: those that wait are what arrives in the time that one waits.
  const last = beyond.at(-1);
  const waiting = beyond.filter(({ startMs }) => startMs > (last?.arrivedMs ?? 0)).length;
  const waitMs = (last?.startMs ?? 0) - (last?.arrivedMs ?? 0);
  expect(Math.abs(waiting - (waitMs / 1_000) * 300)).toBeLessThanOrEqual(12);
});

test('a burst goes through in rows of as many as there are servers', () => {
  const { served } = admitAll({ ...STEADY, ratePerSecond: 100 }, [0, 0, 0, 0, 0, 0, 0, 0, 0]);
  expect(served.map(({ finishMs }) => finishMs)).toEqual([40, 40, 40, 40, 80, 80, 80, 80, 120]);
});

test('with a queue of three, the next request is refused, with Retry-After', () => {
  const options = { ...STEADY, ratePerSecond: 2, latencyMs: 1_000, onOverload: 503, queue: 3 } as const;
  const { admissions } = admitAll(options, [0, 0, 0, 0, 0, 0, 0, 999, 1_000, 1_000, 1_000]);
  expect(admissions.map((each) => (each.kind === 'serve' ? each.startMs : each.retryAfterSeconds))).toEqual([
    0, 0, 1_000, 1_000, 2_000, 2, 2, 2, 2_000, 3_000, 2,
  ]);
  const none = admitAll({ ...options, queue: 0, onOverload: 429 }, [0, 0, 0, 1_000, 1_000, 1_000]);
  expect(none.admissions.map((each) => (each.kind === 'refuse' ? each.status : 0))).toEqual([
    0, 0, 429, 0, 0, 429,
  ]);
});

test('a declared limit refuses nothing below it, and lets no second have much more', () => {
  const options = { ...STEADY, latencyMs: 5, declaredLimitPerSecond: 80 };
  expect(admitAll(options, evenly(80, 2_000)).refused).toEqual([]);
  const { served, refused } = admitAll(options, evenly(120, 2_400));
  expect(mostInASecond(served.map(({ arrivedMs }) => arrivedMs))).toBeLessThanOrEqual(80 + 8 + 1);
  expect(served.length / 20).toBeCloseTo(80, 0);
  expect(refused[0]).toMatchObject({ status: 429, retryAfterSeconds: 1 });
});

interface Answered {
  readonly status: number;
  readonly retryAfter: unknown;
  readonly ms: number;
}

/** Plays a company of this capacity, and posts so many events to it at once. */
async function burst(capacity: CapacityOptions, count: number): Promise<Promise<Answered>[]> {
  const play = await startScriptedClient(sandboxScriptSchema.parse({}), {
    address: { host: '127.0.0.1', port: 0 },
    capacity,
    random: seededRandom(1),
    wallClock: () => 0,
    onRequest: () => {},
  });
  onTestFinished(() => play.close());
  const dispatcher = testAgent({ connections: count });
  const body = JSON.stringify(sampleEvent('disposition_update'));
  const beganAt = performance.now();
  return Array.from({ length: count }, async (_, n) => {
    const headers = {
      'Content-Type': 'application/json',
      Accept: 'application/json',
      'Idempotency-Key': `0198c0de-0000-7000-8000-${String(n).padStart(12, '0')}`,
    };
    const answer = await request(`${play.baseUrl}/dispositions`, {
      method: 'POST',
      dispatcher,
      headers,
      body,
    });
    await answer.body.dump();
    const retryAfter = answer.headers['retry-after'];
    return { status: answer.statusCode, retryAfter, ms: performance.now() - beganAt };
  });
}

test('a real server answers no request before its time, and answers all that wait', async () => {
  const answers = await Promise.all(await burst({ ...STEADY, ratePerSecond: 200, latencyMs: 50 }, 40));
  expect(answers.map(({ status }) => status)).toEqual(new Array(40).fill(200));
  const times = answers.map(({ ms }) => ms).sort((one, other) => one - other);
  // Ten at a time; a timer may be early by the millisecond that it is rounded to.
  times.forEach((ms, n) => {
    expect(ms).toBeGreaterThan(50 * (Math.floor(n / 10) + 1) - 2);
  });
  expect(times.at(-1)).toBeLessThan(10_000);
});

test('a real server refuses a request at once if the queue is full', { timeout: 30_000 }, async () => {
  const minute = { ...STEADY, ratePerSecond: 1 / 60, latencyMs: 60_000, onOverload: 503, queue: 1 } as const;
  const seen: Answered[] = [];
  for (const answer of await burst(minute, 5)) {
    // The one that is served and the one that waits are cut off at the end.
    answer.then((answered) => seen.push(answered)).catch(() => {});
  }
  await expect.poll(() => seen.map(({ status }) => status), { timeout: 20_000 }).toEqual([503, 503, 503]);
  for (const { retryAfter } of seen) {
    expect(Number(retryAfter)).toBeGreaterThan(100);
    expect(Number(retryAfter)).toBeLessThanOrEqual(120);
  }
});
