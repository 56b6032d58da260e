import { v7 as uuidv7 } from 'uuid';
import { expect, test } from 'vitest';
import type { StoredEvent } from '../../src/core/event.ts';
import { OPEN_VERDICT, type Verdict } from '../../src/core/pace.ts';
import { NO_SUMS, type PaceSums } from '../../src/core/pace-sums.ts';
import { admit } from '../../src/queue/admit.ts';
import { readClientView } from '../../src/queue/client-view.ts';
import { clientViewValue } from '../../src/queue/client-view-value.ts';
import { type Endpoint, paceKey } from '../../src/queue/names.ts';
import { openEndpoint } from '../../src/queue/open-endpoint.ts';
import { settle } from '../../src/queue/settle.ts';
import { dispositionsOf } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testRedis, uniqueClientName } from '../support/redis.ts';
import { idleBatchWorker } from '../support/stalled.ts';

failOnLeaks();

const TYPE = 'disposition_update';
const HOUR_MS = 3_600_000;
const THREE_HOURS = { mode: 'adaptive', holdMs: 3 * HOUR_MS } as const;
const FAILED = { history: [[1, 503, 'server_error', 1]] } as const;

/** An event that was accepted so long ago. */
const event = (agoMs = 0): StoredEvent => ({
  ...{ id: uuidv7({ msecs: Date.now() - agoMs }), type: TYPE, unit: 'u', body: '{}' },
});
const events = (count: number) => Array.from({ length: count }, () => event());

/** An endpoint whose pace a test writes, and the view of it. */
function pacedEndpoint(pace: { mode: 'adaptive' | 'fixed'; holdMs: number } = THREE_HOURS) {
  const redis = testRedis();
  const endpoint = dispositionsOf(uniqueClientName());
  const client = { name: endpoint.client, endpoints: { [TYPE]: { pace } } };
  return {
    redis,
    endpoint,
    add: (count: number, agoMs = 0) =>
      admit(redis, endpoint, [{ id: uuidv7(), events: events(count) }], Date.now() - agoMs),
    async write(verdict: Partial<Verdict>, sums: Partial<PaceSums> = {}): Promise<void> {
      const texts = [
        { ...OPEN_VERDICT, number: 1, ...verdict },
        { ...NO_SUMS, ...sums },
      ].map((one) => JSON.stringify(one));
      await redis.hset(paceKey(endpoint), { verdict: texts[0] ?? '', sums: texts[1] ?? '' });
    },
    async look() {
      const view = await readClientView(redis, client);
      const { [TYPE]: seen } = view.endpoints;
      if (seen === undefined) throw new Error('the endpoint is not in the view');
      return { view, seen, value: clientViewValue(view).endpoints[TYPE]?.pace };
    },
    /** Takes the next batch, whose events have failed and are retries from now on, each due in so many ms. */
    async fail(due: readonly (readonly [StoredEvent, inMs: number])[]): Promise<void> {
      const job = await (await idleBatchWorker(endpoint.client)).take();
      if (job === undefined) throw new Error('there is no batch');
      // Settled a minute ago: a retry that was due at once would not have been delayed.
      const now = Date.now() - 60_000;
      const apart = due.map(([one, inMs]) => ({ event: { ...one, ...FAILED }, dueAt: now + 60_000 + inMs }));
      const finished = apart.map(({ event: one, dueAt }) => ({
        ...{ event: one, outcome: { kind: 'retry', dueAt } as const },
      }));
      const { id: jobId, token } = job;
      const settlement = { dead: [], apart, stay: [] };
      const command = {
        jobId,
        token,
        now,
        action: 'complete',
        settlement,
        finished,
        counters: new Map(),
      } as const;
      expect(await settle(redis, endpoint, command, uuidv7())).toEqual({ settled: true });
    },
  };
}

/** Within a second or so, which the test itself may take. */
function expectAbout(time: string | null | undefined, ms: number): void {
  expect(Math.abs(Date.parse(time ?? '') - ms)).toBeLessThan(5_000);
}

test('an endpoint without a verdict has always been open, and its backlog takes as long as its deliveries say', async () => {
  const { redis, endpoint, add, look } = pacedEndpoint();
  expect((await look()).value).toMatchObject({ state: 'open', since: null, paced: 0, drainSeconds: null });
  await add(400);
  const now = Date.now();
  const sums = { ...NO_SUMS, countedFrom: now - 60_000, secondFrom: now, second: 0, secondBefore: 40 };
  await redis.hset(paceKey(endpoint), { sums: JSON.stringify(sums) });
  const { value } = await look();
  expect(value).toMatchObject({ state: 'open', paced: 0 });
  expect(value?.drainSeconds).toBeGreaterThanOrEqual(10);
});

test('events that wait for an endpoint that is down have no age that counts, and are nobody to take', async () => {
  const { add, write, look } = pacedEndpoint();
  await add(2, 2 * HOUR_MS);
  await add(3, HOUR_MS);
  const now = Date.now();
  const before = await look();
  expect(before.view.oldestMs).toBeGreaterThanOrEqual(2 * HOUR_MS);
  expect(before.seen.head).not.toBe('');
  await write(
    { state: 'down', since: now - HOUR_MS, downFrom: now - HOUR_MS },
    { freshAt: now + 9_000, freshBy: now + 60_000, goodAt: now - HOUR_MS },
  );
  const { view, seen, value } = await look();
  expect([view.oldestMs, seen.head, seen.waiting]).toEqual([0, '', 5]);
  expect(seen.oldestMs).toBeGreaterThanOrEqual(2 * HOUR_MS);
  expect(value).toMatchObject({ state: 'down', ratePerSecond: null, paced: 5, drainSeconds: null });
  expect(value?.nextTryAt).toBe(new Date(now + 9_000).toISOString());
  expectAbout(value?.pacedUntil, now - HOUR_MS + 3 * HOUR_MS);
});

test('the oldest event that waits is found behind batches that were put back before it', async () => {
  const { add, write, look } = pacedEndpoint();
  await add(1, HOUR_MS / 2);
  await add(1, HOUR_MS);
  await write({ state: 'down', since: Date.now() });
  expectAbout((await look()).value?.pacedUntil, Date.now() + 2 * HOUR_MS);
});

test('retries that are due at an endpoint that is down are to be taken', async () => {
  const { add, fail, write, look } = pacedEndpoint();
  await add(1);
  const retry = event();
  await fail([[retry, -1_000]]);
  await add(2);
  await write(
    { state: 'down', since: Date.now() },
    { freshAt: Date.now() + 9_000, freshBy: Date.now() + 9_000 },
  );
  const { view, seen, value } = await look();
  expect([seen.head, seen.waiting, seen.retrying, view.oldestMs]).toEqual([`${retry.id}.0.1 `, 2, 1, 0]);
  expect(value?.paced).toBe(2);
  expectAbout(value?.nextTryAt, Date.now());
});

test('in a hold retries that are due wait as well, and none is to be taken', async () => {
  const { add, fail, write, look } = pacedEndpoint();
  await add(3);
  const [due, alsoDue, later] = [event(2 * HOUR_MS), event(), event()];
  await fail([
    [due, -1_000],
    // It was due when it was settled, so that it is in the waiting list.
    [alsoDue, -60_000],
    [later, HOUR_MS],
  ]);
  await add(4);
  const holdUntil = Date.now() + 30_000;
  await write({ state: 'slowed', since: Date.now(), rate: 1, holdUntil });
  const { view, seen, value } = await look();
  expect([seen.head, seen.waiting, seen.retrying, view.oldestMs]).toEqual(['', 4, 3, 0]);
  expect(value).toMatchObject({ state: 'slowed', ratePerSecond: null, paced: 6, drainSeconds: null });
  expect(value?.nextTryAt).toBe(new Date(holdUntil).toISOString());
  expectAbout(value?.pacedUntil, Date.now() + HOUR_MS);
});

test('of many retries that are not due, those beyond the first hundreds count by their mean', async () => {
  const { add, fail, write, look } = pacedEndpoint();
  await add(1_204);
  const notDue = Array.from({ length: 1_200 }, () => [event(), HOUR_MS] as const);
  await fail([...notDue, ...[1, 2, 3, 4].map((ms) => [event(), -ms] as const)]);
  await write({ state: 'slowed', since: Date.now(), rate: 1, holdUntil: Date.now() + 30_000 });
  expect((await look()).value?.paced).toBe(4);
});

test('with a fixed pace nothing waits for it: events are late if they are not taken', async () => {
  const { add, write, look } = pacedEndpoint({ mode: 'fixed', holdMs: HOUR_MS });
  await add(2, HOUR_MS);
  await write({ state: 'down', since: Date.now() });
  const { view, seen, value } = await look();
  expect(value).toMatchObject({ state: 'down', nextTryAt: null, paced: 0, pacedUntil: null });
  expect(view.oldestMs).toBeGreaterThanOrEqual(HOUR_MS);
  expect(seen.head).not.toBe('');
});

const asConfigured = (endpoint: Endpoint) => ({ ...endpoint, pace: { minPerSecond: 0 } });

test('an endpoint that is tried again recovers first, then opens, and is open', async () => {
  const { redis, endpoint, write, look } = pacedEndpoint();
  await write({ number: 4, state: 'down', since: Date.now(), usualRate: 500 }, { goodAt: 5 });
  expect(await openEndpoint(redis, asConfigured(endpoint))).toEqual({
    changed: true,
    before: 'down',
    after: 'recovering',
  });
  const stored = JSON.parse((await redis.hget(paceKey(endpoint), 'verdict')) ?? '') as Verdict;
  expect(stored).toMatchObject({ number: 5, state: 'recovering', rate: 5 });
  expect(await openEndpoint(redis, asConfigured(endpoint))).toEqual({
    changed: true,
    before: 'recovering',
    after: 'open',
  });
  expect(await openEndpoint(redis, asConfigured(endpoint))).toEqual({
    changed: false,
    before: 'open',
    after: 'open',
  });
  expect((await look()).seen.pace.state).toBe('open');
});

test('two that try again at once do so one after the other', async () => {
  const { redis, endpoint, write } = pacedEndpoint();
  await write({ number: 4, state: 'down', since: Date.now() });
  const both = await Promise.all([
    openEndpoint(redis, asConfigured(endpoint)),
    openEndpoint(testRedis(), asConfigured(endpoint)),
  ]);
  expect(both.map(({ before }) => before).sort()).toEqual(['down', 'recovering']);
  expect(both.map(({ after }) => after).sort()).toEqual(['open', 'recovering']);
});

test('an endpoint whose pace others change each time is left to them', async () => {
  const { redis, endpoint, write } = pacedEndpoint();
  await write({ number: 4, state: 'down', since: Date.now() });
  const other = testRedis();
  const TELL = 'waybill:tell-pace';
  let changes = 0;
  const hurried = new Proxy(redis, {
    get: (target, name) => {
      const command = Reflect.get(target, name);
      if (name !== TELL || command === undefined) return command;
      return async (...args: unknown[]) => {
        const found = await command.apply(target, args);
        changes += 1;
        const next = { ...OPEN_VERDICT, number: 4 + changes, state: 'down' };
        await other.hset(paceKey(endpoint), { verdict: JSON.stringify(next) });
        return found;
      };
    },
  });
  await expect(openEndpoint(hurried, asConfigured(endpoint))).rejects.toMatchObject({
    code: 'PACE_CONTENDED',
  });
  expect(changes).toBe(5);
});
