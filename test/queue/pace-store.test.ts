import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OPEN_VERDICT, type PaceState, type Verdict } from '../../src/core/pace.ts';
import { NO_SUMS, noNews, type PaceNews, type PaceSums } from '../../src/core/pace-sums.ts';
import { endpointPrefix, paceKey } from '../../src/queue/names.ts';
import { tellPace, writeVerdict } from '../../src/queue/pace-store.ts';
import { WORK_CHANNEL } from '../../src/queue/scripts/wake.ts';
import { reserve, tell, type Want, write } from '../simulate/pace-store.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testRedis, uniqueClientName } from '../support/redis.ts';

failOnLeaks();

const count = fc.nat(40);
/** ms before or after now */
const ago = fc.oneof(fc.integer({ min: -70_000, max: 20_000 }), fc.integer({ min: -1_500, max: 100 }));
const ms = fc.double({ min: 0, max: 20_000, noNaN: true });

const news: fc.Arbitrary<PaceNews> = fc.record({
  ...{ epoch: fc.nat(2), ok: count, over: count, fail: count, okAgain: count, overAgain: count },
  ...{ failAgain: count, retryAfters: count, late: count, okOld: count, badOld: count },
  ...{ retryAt: ms, tail: count, firstsInTail: count, tailAgeMs: ms, failMs: ms, responseMs: ms },
  probe: fc.constantFrom('', 'a', 'b'),
});

/** Mostly bad answers, so that rows of failures come about. */
const someNews = fc.oneof(
  news,
  fc
    .record({ fail: count, tail: count, firstsInTail: count, tailAgeMs: ms })
    .map((bad) => ({ ...noNews(1), ...bad })),
  fc.constant(noNews(1)),
);

const want: fc.Arbitrary<Want | undefined> = fc.option(
  fc.record({ fresh: count, retry: count, by: fc.constantFrom('a', 'b'), timeoutMs: fc.constant(5_000) }),
  { nil: undefined },
);

const states: readonly PaceState[] = ['open', 'slowed', 'down', 'recovering'];

/** Times are relative to now. */
const verdict: fc.Arbitrary<Verdict> = fc
  .record({
    ...{ number: fc.nat(5), epoch: fc.constantFrom(1, 2), state: fc.constantFrom(...states) },
    ...{ failing: fc.boolean(), since: ago, downFrom: ago },
    rate: fc.double({ min: 1, max: 2_000, noNaN: true }),
    holdUntil: fc.oneof(
      fc.constant(0),
      ago.map((at) => at || 1),
    ),
  })
  .map((known) => ({ ...OPEN_VERDICT, ...known }));

const sums: fc.Arbitrary<PaceSums> = fc
  .record({
    ...{
      from: ago,
      secondFrom: ago,
      countedFrom: ago,
      goodAt: ago,
      failsFrom: ago,
      newsAt: ago,
      retryAt: ago,
    },
    ...{ nextAt: ago, probeUntil: ago, freshAt: ago, freshBy: ago, probeBy: fc.constantFrom('', 'a', 'b') },
    ...{ second: count, secondBefore: count, meanPerSecond: ms, fails: count, firsts: count, over: count },
    ...{ retryAftersInRow: count, responseMs: ms, quickMs: ms },
  })
  .map((known) => ({ ...NO_SUMS, ...known }));

/** From relative times to times of Redis' clock; 0: none. */
function shift<Times extends object>(times: Times, now: number, fields: readonly (keyof Times)[]): Times {
  const shifted = { ...times };
  for (const field of fields) {
    const value = times[field] as number;
    if (value !== 0) Object.assign(shifted, { [field]: now + value });
  }
  return shifted;
}

const SUM_TIMES = ['from', 'secondFrom', 'countedFrom', 'goodAt', 'failsFrom', 'newsAt'] as const;
const MORE_SUM_TIMES = ['retryAt', 'nextAt', 'probeUntil', 'freshAt', 'freshBy'] as const;

/** Numbers in JSON of Redis have fourteen digits. */
function expectSame(actual: object, expected: object): void {
  expect(Object.keys(actual).toSorted()).toEqual(Object.keys(expected).toSorted());
  for (const [field, value] of Object.entries(expected)) {
    const found = (actual as Record<string, unknown>)[field];
    if (typeof value === 'number')
      expect(Math.abs((found as number) - value), field).toBeLessThan(0.5 + value * 1e-9);
    else expect(found, field).toBe(value);
  }
}

test('Redis adds, reserves and writes as the simulation does', async () => {
  const redis = testRedis();
  const endpoint = { client: uniqueClientName(), type: 'inventory_receipt' };
  const key = paceKey(endpoint);
  await fc.assert(
    fc.asyncProperty(verdict, sums, someNews, want, verdict, async (before, known, told, wanted, after) => {
      const [seconds] = await redis.time();
      const then = Number(seconds) * 1_000;
      const stands = shift(before, then, ['since', 'downFrom', 'holdUntil']);
      const summed = shift(known, then, [...SUM_TIMES, ...MORE_SUM_TIMES]);
      const tellsNow = told.retryAt === 0 ? told : { ...told, retryAt: then + told.retryAt };
      await redis.hset(key, { verdict: JSON.stringify(stands), sums: JSON.stringify(summed) });

      const answer = await tellPace(redis, endpoint, tellsNow, wanted);
      let expected = tell(stands, summed, tellsNow, answer.now);
      if (wanted !== undefined) {
        const reserved = reserve(stands, expected, wanted, answer.now);
        expected = reserved.sums;
        const { free: _, ...grant } = reserved.grant;
        expectSame(answer.grant ?? {}, grant);
      } else expect(answer.grant).toBeUndefined();
      expectSame(answer.sums, expected);
      expectSame(answer.verdict, stands);

      const next = { ...after, number: stands.number + 1, downFrom: then };
      expectSame((await writeVerdict(redis, endpoint, next)).verdict, next);
      const written = JSON.parse((await redis.hget(key, 'sums')) ?? '') as PaceSums;
      const now = next.state === 'down' && stands.state !== 'down' ? written.freshBy - 60_000 : written.from;
      expectSame(written, write(stands, answer.sums, next, now) ?? {});
    }),
    { numRuns: 400 },
  );
});

test('one of two verdicts of the same number stands, and each process hears of it', async () => {
  const redis = testRedis();
  const subscriber = testRedis();
  const endpoint = { client: uniqueClientName(), type: 'inventory_receipt' };
  const messages: string[] = [];
  subscriber.on('message', (_channel, message) => {
    if (message.includes(endpoint.client)) messages.push(message);
  });
  await subscriber.subscribe(WORK_CHANNEL);
  const [slowed, down] = (['slowed', 'down'] as const).map((state) => ({
    ...OPEN_VERDICT,
    number: 1,
    state,
  }));
  expect(await writeVerdict(redis, endpoint, slowed ?? OPEN_VERDICT)).toEqual({
    verdict: slowed,
    isOwn: true,
  });
  expect(await writeVerdict(redis, endpoint, down ?? OPEN_VERDICT)).toEqual({
    verdict: slowed,
    isOwn: false,
  });
  await expect.poll(() => messages).toHaveLength(1);
  expect(messages[0]).toBe(`pace ${endpointPrefix(endpoint)} ${JSON.stringify(slowed)}`);
});

test('an endpoint is over after ten minutes without news, unless an event of it is left', async () => {
  const redis = testRedis();
  const endpoint = { client: uniqueClientName(), type: 'inventory_receipt' };
  const now = Number((await redis.time())[0]) * 1_000;
  const since = now - 601_000;
  expect((await tellPace(redis, endpoint, noNews(0))).isOver).toBe(false);
  await writeVerdict(redis, endpoint, { ...OPEN_VERDICT, number: 1, state: 'down', since });
  expect((await tellPace(redis, endpoint, noNews(0))).isOver).toBe(true);
  await redis.zadd(`${endpointPrefix(endpoint)}delayed`, 1, 'a');
  expect((await tellPace(redis, endpoint, noNews(0))).isOver).toBe(false);
  await redis.del(`${endpointPrefix(endpoint)}delayed`);
  const { isOver } = await tellPace(redis, endpoint, { ...noNews(0), badOld: 1 });
  expect(isOver).toBe(false);
});
