import { Queue } from 'bullmq';
import { v7 as uuidv7 } from 'uuid';
import { expect, onTestFinished, test } from 'vitest';
import { admit, admitKeyed, restoreEvents } from '../../src/queue/admit.ts';
import { readClientViews } from '../../src/queue/client-view.ts';
import { deliveriesPrefix, endpointPrefix, statsKey } from '../../src/queue/names.ts';
import { setPaused } from '../../src/queue/pause-client.ts';
import { type SettleCommand, settle } from '../../src/queue/settle.ts';
import { readView } from '../support/client-view.ts';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { dispositionsOf, numberedEvents } from '../support/events.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { testRedis, uniqueClientName } from '../support/redis.ts';
import { testSandbox } from '../support/sandbox.ts';
import { idleBatchWorker } from '../support/stalled.ts';

const HOUR_MS = 3_600_000;
const event = (type = 'disposition_update') => ({ id: uuidv7(), type, unit: 'u', body: '{}' });
const events = (count: number) => Array.from({ length: count }, () => event());

/** A client's queue, whose clock a test tells. */
function openQueue() {
  const redis = testRedis();
  const client = uniqueClientName();
  return {
    redis,
    client,
    add: (id: string, now: number) => admit(redis, dispositionsOf(client), [{ id, events: [event()] }], now),
    look: async () => {
      const { endpoints } = await readView(redis, client);
      return (
        endpoints['disposition_update'] ?? { head: '', oldestMs: 0, held: false, paused: false, dead: 0 }
      );
    },
    async take() {
      const job = await (await idleBatchWorker(client)).take();
      if (job === undefined) throw new Error('there is no batch');
      return job;
    },
  };
}

/** Of a settlement of a batch with one event, what does not matter here. */
function commandFor(job: { id: string; token: string }, changes: Partial<SettleCommand>): SettleCommand {
  const settlement = { dead: [], apart: [], stay: [event()] };
  const { id: jobId, token } = job;
  return { jobId, token, now: Date.now(), action: 'keep', settlement, counters: new Map(), ...changes };
}

/** About an hour: the test itself takes some time. */
function expectAnHour(ms: number): void {
  expect(ms).toBeGreaterThanOrEqual(HOUR_MS);
  expect(ms).toBeLessThan(HOUR_MS + 60_000);
}

test('an empty queue has no head and no age; the first batch that waits has both, until it is taken', async () => {
  const { add, look, take } = openQueue();
  expect(await look()).toMatchObject({ head: '', oldestMs: 0, held: false, paused: false, dead: 0 });
  await add('a', Date.now() - HOUR_MS);
  await add('b', Date.now());
  const before = await look();
  expect(before).toMatchObject({ head: 'a ', held: false });
  expectAnHour(before.oldestMs);
  await take();
  expect(await look()).toMatchObject({ head: 'b ', held: true });
});

test('a batch whose lock ran out is held by no process', async () => {
  const { redis, client, add, look, take } = openQueue();
  await add('a', Date.now());
  const job = await take();
  await redis.del(`${endpointPrefix(dispositionsOf(client))}${job.id}:lock`);
  expect((await look()).held).toBe(false);
});

test('a retry waits from when it is due, as a whole batch and on its own', async () => {
  const { redis, client, add, look, take } = openQueue();
  await add('a', Date.now() - 3 * HOUR_MS);
  const job = await take();
  const now = Date.now() - 2 * HOUR_MS;
  const dueAt = now + HOUR_MS;
  const stay = [event()];
  const [early, late] = [event(), event()];
  const apart = [
    { event: early, dueAt: dueAt - 120_000 },
    { event: late, dueAt: dueAt + 60_000 },
  ];
  const delay = commandFor(job, { now, action: 'delay', settlement: { dead: [], apart, stay, dueAt } });
  expect(await settle(redis, dispositionsOf(client), delay, 'delay')).toEqual({ settled: true });
  const due = await look();
  expect(due.head).toBe(`${early.id}.0.0 `);
  expectAnHour(due.oldestMs - 120_000);

  // BullMQ puts all into the waiting list when somebody looks for work, and hands the first one out.
  expect((await take()).id).toBe(`${early.id}.0.0`);
  const batch = await look();
  expect(batch.head).toBe('a ');
  expectAnHour(batch.oldestMs);
  expect((await take()).id).toBe('a');
  const next = await look();
  expect(next.head).toBe(`${late.id}.0.0 `);
  expectAnHour(next.oldestMs + 60_000);
});

test('a paused client is paused at all its endpoints, at those too that are used for the first time', async () => {
  const { redis, client, add } = openQueue();
  await add('a', Date.now());
  expect(await setPaused(redis, client, true, 1_000)).toBe(true);
  expect(await setPaused(redis, client, true, 2_000)).toBe(false);
  const receipts = { client, type: 'inventory_receipt' };
  await admit(redis, receipts, [{ id: 'b', events: [event('inventory_receipt')] }], Date.now());
  const paused = await readView(redis, client);
  expect(paused.pausedAt).toBe(1_000);
  expect(Object.values(paused.endpoints).map((endpoint) => endpoint.paused)).toEqual([true, true]);
  expect(await setPaused(redis, client, false, 3_000)).toBe(true);
  const resumed = await readView(redis, client);
  expect(resumed.pausedAt).toBeUndefined();
  expect(Object.values(resumed.endpoints).map((endpoint) => endpoint.paused)).toEqual([false, false]);
  await expect((await idleBatchWorker(client)).take()).resolves.toMatchObject({ id: 'a' });
});

test('a client stays paused at an endpoint whose queue another program made or resumed', async () => {
  const { redis, client, add } = openQueue();
  await setPaused(redis, client, true, 1_000);
  const queue = new Queue('disposition_update', {
    connection: testRedis(),
    prefix: deliveriesPrefix(client),
  });
  onTestFinished(() => queue.close());
  await queue.waitUntilReady();
  await add('a', Date.now());
  expect(await queue.isPaused()).toBe(true);
  await queue.resume();
  await add('b', Date.now());
  expect(await queue.isPaused()).toBe(true);
});

test('a client can be paused while Redis is full, and before it has any events', async () => {
  const server = await startOwnRedis();
  const redis = server.connect();
  await admit(redis, dispositionsOf('acme'), [{ id: 'a', events: [event()] }], Date.now());
  await redis.config('SET', 'maxmemory', '1');
  for (const client of ['acme', 'new']) expect(await setPaused(redis, client, true, 1_000)).toBe(true);
  expect(await readView(redis, 'new')).toMatchObject({ pausedAt: 1_000 });
  const { pausedAt, endpoints } = await readView(redis, 'acme');
  expect([pausedAt, endpoints['disposition_update']?.paused]).toEqual([1_000, true]);
});

test('what waits, is open and retries is counted exactly, without a look at what waits', async () => {
  const { redis, client, take } = openQueue();
  const sizes = Array.from({ length: 1_200 }, (_, i) => 1 + (i % 7));
  const total = sizes.reduce((sum, size) => sum + size);
  const batches = sizes.map((size) => ({ id: uuidv7(), events: events(size) }));
  await admit(redis, dispositionsOf(client), batches, Date.now() - 60_000);
  const [first, second, third] = [await take(), await take(), await take()];
  // Of three events of the third batch one is delivered and two fail; the second is put back as it is.
  const [delivered, failed, apart] = events(3);
  if (delivered === undefined || failed === undefined || apart === undefined) throw new Error('no events');
  const [dueAt, later] = [Date.now() + HOUR_MS, Date.now() + 2 * HOUR_MS];
  const failures = [failed, apart].map((one) => ({
    ...one,
    history: [[1, 503, 'server_error', 1]] as const,
  }));
  const finished = [
    { event: delivered, outcome: { kind: 'delivered', status: 200 } },
    { event: failures[0] as never, outcome: { kind: 'retry', dueAt } },
    { event: failures[1] as never, outcome: { kind: 'retry', dueAt: later } },
  ] as const;
  await settle(
    redis,
    dispositionsOf(client),
    commandFor(third, {
      action: 'delay',
      finished,
      counters: new Map([['delivered:disposition_update:200', 1]]),
      settlement: {
        dead: [],
        apart: [{ event: failures[1] as never, dueAt: later }],
        stay: [failures[0] as never],
        dueAt,
      },
    }),
    'settled',
  );
  await settle(
    redis,
    dispositionsOf(client),
    commandFor(second, { action: 'put_back', settlement: { dead: [], apart: [], stay: events(2) } }),
    'put back',
  );
  const calls = async () =>
    Number(/cmdstat_hmget:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0);
  const before = await calls();
  const view = await readView(redis, client);
  const { waiting, inFlight, retrying } = view;
  expect({ waiting, inFlight, retrying }).toEqual({ waiting: total - 4, inFlight: 1, retrying: 2 });
  expect(view.endpoints['disposition_update']).toMatchObject({ waiting, inFlight, retrying, held: true });
  expect(view.endpoints['disposition_update']?.oldestMs).toBeGreaterThanOrEqual(60_000);
  expect(first.id).toBe(batches[0]?.id);
  // Others use this Redis as well; that of 1,200 waiting jobs most are not asked for is certain all the same.
  expect((await calls()) - before).toBeLessThan(1_000);
});

test('a broken batch counts as broken alone, also if its events failed before', async () => {
  const { redis, client, add, take } = openQueue();
  await add('a', Date.now());
  const failed = { ...event(), history: [[1, 503, 'server_error', 1]] as const };
  const [now, dueAt] = [Date.now(), Date.now()];
  const delay = commandFor(await take(), {
    ...{ now, action: 'delay', settlement: { dead: [], apart: [], stay: [failed], dueAt } },
    finished: [{ event: failed, outcome: { kind: 'retry', dueAt } }],
  });
  await settle(redis, dispositionsOf(client), delay, 'delay');
  await (await take()).fail('broken');
  await add('b', Date.now());
  expect(await readView(redis, client)).toMatchObject({ waiting: 1, inFlight: 0, retrying: 0, broken: 1 });
});

test('two copies of an event that come to the same retry go on as one, and are counted as one', async () => {
  const { redis, client, take } = openQueue();
  const endpoint = dispositionsOf(client);
  const copy = event();
  for (const id of ['a', 'b']) await admit(redis, endpoint, [{ id, events: [copy] }], Date.now());
  const failed = { ...copy, history: [[1, 503, 'server_error', 1]] as const };
  const dueAt = Date.now() + HOUR_MS;
  for (const job of [await take(), await take()]) {
    const retries = commandFor(job, {
      ...{ action: 'complete', settlement: { dead: [], apart: [{ event: failed, dueAt }], stay: [] } },
      finished: [{ event: failed, outcome: { kind: 'retry', dueAt } }],
    });
    await settle(redis, endpoint, retries, 'retry');
  }
  expect(await readView(redis, client)).toMatchObject({ waiting: 0, inFlight: 0, retrying: 1, accepted: 2 });
});

test('an empty queue counts nothing as waiting, also if its jobs were removed by hand', async () => {
  const { redis, client, add } = openQueue();
  await add('a', Date.now());
  await redis.del(`${endpointPrefix(dispositionsOf(client))}wait`);
  expect(await readView(redis, client)).toMatchObject({ waiting: 0, retrying: 0, accepted: 1 });
});

test('what became of events is told for a client and for each of its endpoints', async () => {
  const company = await testSandbox().company('acme', {
    script: ({ path }) => (path.includes('dispositions') ? 503 : 200),
  });
  const never = { ...QUICK_RETRIES, baseDelayMs: 3_600_000, maxDelayMs: 3_600_000 };
  const engine = await testEngine({
    acme: company.clientSettings({ retry: never }),
    dying: company.clientSettings({ retry: { ...QUICK_RETRIES, retries: 1 } }),
  });
  const [acme, dying] = [engine.client('acme'), engine.client('dying')];
  await acme.submit(numberedEvents('disposition_update', 30));
  await acme.submit(numberedEvents('inventory_receipt', 4), 'inventory_receipt');
  await dying.submit(numberedEvents('disposition_update', 20));
  await Promise.all([acme.settled({ retried: 30, delivered: 4 }), dying.settled({ dead: 20 })]);
  const clients = [acme, dying].map(({ name }) => ({ name, endpoints: { disposition_update: {} } }));
  const views = await readClientViews(engine.redis, clients);
  const [one, other] = clients.map(({ name }) => views.get(name));
  expect(one).toMatchObject({
    ...{ waiting: 0, inFlight: 0, retrying: 30, dead: 0, delivered: 4, accepted: 34, incidents: [] },
    deliveredByType: { inventory_receipt: { 200: 4 } },
    failedAttempts: { server_error: 30 },
    diedByClass: {},
    lastError: { type: 'disposition_update', status: 503, deliveredSince: 0 },
  });
  expect(one?.endpoints).toMatchObject({
    disposition_update: { retrying: 30, delivered: 0, accepted: 30, isConfigured: true },
    inventory_receipt: { retrying: 0, delivered: 4, accepted: 4, isConfigured: false },
  });
  expect(other).toMatchObject({
    ...{ retrying: 0, dead: 20, accepted: 20, incidents: ['disposition_update'] },
    failedAttempts: { server_error: 40 },
    diedByClass: { server_error: 20 },
  });
});

test('accepted, replayed and discarded events are counted once, by endpoint', async () => {
  const company = await testSandbox().company('acme', { script: 500 });
  const engine = await testEngine({
    acme: company.clientSettings({ retry: { ...QUICK_RETRIES, retries: 0 } }),
  });
  const { name, submit, settled, replay, discard } = engine.client();
  await Promise.all([
    submit(numberedEvents('disposition_update', 30)),
    submit(numberedEvents('inventory_receipt', 20), 'inventory_receipt'),
  ]);
  await settled({ dead: 50 });
  expect(await readView(engine.redis, name)).toMatchObject({
    dead: 50,
    endpoints: { disposition_update: { dead: 30 }, inventory_receipt: { dead: 20 } },
  });
  await replay();
  await settled({ dead: 100 });
  await discard();
  const { redis } = engine;
  const receipts = { client: name, type: 'inventory_receipt' };
  const batch = { id: uuidv7(), events: [event(), event()] };
  await setPaused(redis, name, true, Date.now());
  for (const _ of [1, 2]) await admit(redis, dispositionsOf(name), [batch], Date.now());
  const keys = [{ key: 'order-17', fingerprint: 'f' }];
  for (const id of [uuidv7(), uuidv7()]) {
    await admitKeyed(redis, receipts, [{ id, events: [event('inventory_receipt')], keys }], Date.now());
  }
  await restoreEvents(redis, receipts, uuidv7(), [event('inventory_receipt')], Date.now());
  expect(await readView(redis, name)).toMatchObject({
    ...{ waiting: 4, retrying: 0, dead: 0, accepted: 54, replayed: 50, discarded: 50 },
    diedByClass: { server_error: 100 },
    endpoints: {
      disposition_update: { waiting: 2, accepted: 32, replayed: 30, discarded: 30, dead: 0 },
      inventory_receipt: { waiting: 2, accepted: 22, replayed: 20, discarded: 20, dead: 0 },
    },
  });
  expect(Number(await redis.hget(statsKey(name), 'attemptMs:disposition_update'))).toBeGreaterThan(0);
});

test('a last error says what its endpoint has delivered since, whatever the status, and other endpoints do not count', async () => {
  const { redis, client, add, take } = openQueue();
  for (const id of ['a', 'b', 'c', 'd']) await add(id, Date.now());
  const since = async () => (await readView(redis, client)).lastError?.deliveredSince;
  const failure = (at: number, deliveredAfter: number) => {
    const told = { at, event: 'e', type: 'disposition_update', attempt: 1, status: 503 };
    const text = JSON.stringify({ ...told, class: 'server_error', detail: '100 %s "later"' });
    return { lastError: { text, deliveredAfter } };
  };
  const complete = async (counters: Record<string, number>, changes: Partial<SettleCommand> = {}) => {
    const done = { dead: [], apart: [], stay: [] };
    const counted = new Map(Object.entries(counters));
    const command = { action: 'complete', settlement: done, counters: counted, ...changes } as const;
    await settle(redis, dispositionsOf(client), commandFor(await take(), command), uuidv7());
  };
  await complete({ 'delivered:disposition_update:200': 30 });
  expect(await since()).toBeUndefined();
  // Of the five that are settled with it, two were delivered after it.
  await complete({ 'delivered:disposition_update:200': 5 }, failure(1_000, 2));
  expect(await since()).toBe(2);
  expect((await readView(redis, client)).lastError?.detail).toBe('100 %s "later"');
  await complete({
    ...{ 'delivered:disposition_update:200': 7, 'delivered:disposition_update:299': 1 },
    'delivered:inventory_receipt:201': 40,
  });
  expect(await since()).toBe(10);
  await complete({}, failure(2_000, 0));
  expect(await since()).toBe(0);
});
