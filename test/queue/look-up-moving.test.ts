import { Redis } from 'ioredis';
import { v7 as uuidv7 } from 'uuid';
import { expect, onTestFinished, test } from 'vitest';
import { admit } from '../../src/queue/admit.ts';
import { replayDeadLetters } from '../../src/queue/dead-letters.ts';
import { createEventLookUp } from '../../src/queue/look-up-event.ts';
import { endpointPrefix } from '../../src/queue/names.ts';
import { NOTED_JOBS } from '../../src/queue/search-jobs.ts';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { dispositionsOf, numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testRedisPath } from '../support/redis.ts';
import { openRedisGate, type Side } from '../support/redis-gate.ts';
import { failTimes } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';
import { failed, iso, LATER, NOW, newEvent, scene, settlementOf } from './support/look-up-scene.ts';

failOnLeaks();

/** The scripts of a look-up in their order: it asks for names, reads what was delivered, notes jobs, reads them. */
const [BY_NAME, DELIVERED, READ_JOBS] = [1, 2, 3];

/** A scene whose look-ups can be stopped between two of their steps. */
async function gatedScene() {
  const gate = await openRedisGate(testRedisPath());
  const redis = new Redis(gate.socketPath, { maxRetriesPerRequest: 0 });
  onTestFinished(() => redis.disconnect());
  const parts = await scene(redis);
  const { client, redis: direct } = parts;
  const lookUp = createEventLookUp({ redis, clients: [client], now: () => NOW });
  /** Looks an event up; `move` happens while the nth script stands before Redis or its answer after it. */
  async function lookUpWhile(id: string, nth: number, move: () => Promise<unknown>, side: Side = 'before') {
    // From now on Redis knows the scripts by their hashes.
    await lookUp(uuidv7());
    const stands = gate.standAt(nth, side);
    const looking = lookUp(id);
    await stands;
    await move();
    gate.release();
    return looking;
  }
  return { ...parts, direct, lookUp, lookUpWhile };
}

test.each([
  ['before its names are asked for', BY_NAME, 'before'],
  ['before the delivered events are read', DELIVERED, 'before'],
  ['before the jobs are noted', DELIVERED, 'after'],
  ['before the jobs are read', READ_JOBS, 'before'],
] as const)('an event that is delivered %s is found', async (_, nth, side) => {
  const { add, deliver, lookUpWhile } = await gatedScene();
  const event = newEvent();
  await add([event]);
  const fate = await lookUpWhile(event.id, nth, () => deliver(event), side);
  expect(fate).toMatchObject({ state: 'delivered', deliveredAt: iso(NOW) });
});

test('a retry is found if it goes back to waiting once the jobs are noted', async () => {
  const { add, settleNext, queue, lookUpWhile } = await gatedScene();
  const event = newEvent();
  await add([event]);
  await settleNext({ action: 'delay', ...settlementOf({ stay: [failed(event, 1)], dueAt: LATER }) });
  const fate = await lookUpWhile(event.id, READ_JOBS, async () => {
    for (const job of await queue.getDelayed()) await job.promote();
  });
  expect(fate).toMatchObject({ state: 'retrying', attempt: 2, nextAttemptAt: iso(NOW) });
});

test('a retry is found if it leaves its batch once the jobs are noted', async () => {
  const { add, settleNext, lookUpWhile } = await gatedScene();
  const event = newEvent();
  await add([event]);
  const apart = [{ event: failed(event, 1), dueAt: LATER }];
  const fate = await lookUpWhile(event.id, READ_JOBS, () => settleNext(settlementOf({ apart })));
  expect(fate).toMatchObject({ state: 'retrying', attempt: 2, nextAttemptAt: iso(LATER) });
});

test('an event that dies and is replayed during its look-up is said to be moving', async () => {
  const { direct, client, add, settleNext, lookUp, lookUpWhile } = await gatedScene();
  const event = newEvent();
  await add([event]);
  const fate = await lookUpWhile(event.id, READ_JOBS, async () => {
    await settleNext(settlementOf({ dead: [failed(event, 6)] }));
    await replayDeadLetters(direct, client, uuidv7(), [event], NOW);
  });
  expect(fate).toEqual({ id: event.id, client, state: 'moving' });
  expect(await lookUp(event.id)).toMatchObject({ state: 'waiting' });
});

/** Fills `wait` so far that a look-up does not note its newest job. */
async function longQueue() {
  const parts = await gatedScene();
  const { direct, client } = parts;
  const events = Array.from({ length: NOTED_JOBS + 500 }, () => newEvent());
  await admit(
    direct,
    dispositionsOf(client),
    events.map((event) => ({ id: uuidv7(), events: [event] })),
    NOW,
  );
  const [wait, active, delayed] = ['wait', 'active', 'delayed'].map(
    (place) => endpointPrefix(dispositionsOf(client)) + place,
  ) as [string, string, string];
  return { ...parts, newest: events.at(-1)?.id ?? '', wait, active, delayed };
}

test('an event is said to be moving if thousands of jobs are taken before its own is read', async () => {
  const { direct, client, newest, wait, active, lookUp, lookUpWhile } = await longQueue();
  const fate = await lookUpWhile(newest, READ_JOBS, () => direct.rename(wait, active));
  expect(fate).toEqual({ id: newest, client, state: 'moving' });
  expect(await lookUp(newest)).toEqual({ id: newest, client, state: 'waiting' });
});

test('an event is said to be moving if thousands of retries leave before its own is read', async () => {
  const { direct, newest, wait, active, delayed, lookUp, lookUpWhile } = await longQueue();
  const jobs = await direct.lrange(wait, 0, -1);
  await direct.zadd(delayed, ...jobs.flatMap((job, n) => [(LATER - n) * 0x1000, job]));
  await direct.del(wait);
  expect(await lookUp(newest)).toMatchObject({ state: 'waiting' });
  const takeAll = () =>
    direct
      .multi()
      .del(delayed)
      .lpush(active, ...jobs)
      .exec();
  expect(await lookUpWhile(newest, READ_JOBS, takeAll)).toMatchObject({ state: 'moving' });
});

test('an id that was never accepted is unknown also while hundreds of jobs are taken', async () => {
  const { direct, newest, wait, active, lookUpWhile } = await longQueue();
  const take = async () => {
    for (let n = 0; n < 300; n += 1) await direct.rpoplpush(wait, active);
  };
  expect(await lookUpWhile(uuidv7(), READ_JOBS, take)).toBeUndefined();
  expect(await lookUpWhile(newest, READ_JOBS, take)).toMatchObject({ state: 'waiting' });
});

test('while an engine delivers, retries and gives up, every event is known at any time, and no other id', async () => {
  const company = await testSandbox().company('acme', { script: failTimes(2, { status: 503, delayMs: 2 }) });
  const common = { retry: QUICK_RETRIES, pace: 'fixed', concurrency: 8, batchSize: 7 } as const;
  const settings = company.clientSettings(common);
  const engine = await testEngine({ acme: settings }, { started: false });
  const client = engine.client();
  const ids = await client.submit(numberedEvents('disposition_update', 150));
  const lookUp = createEventLookUp({ redis: engine.redis, clients: [client.name], now: Date.now });
  const begun = Date.now();
  await engine.start();
  const unknown: string[] = [];
  const states = new Set<string>();
  let isOver = false;
  const over = client.settled({ delivered: 150 }).then(() => {
    isOver = true;
  });
  for (let n = 0; !isOver; n += 1) {
    const id = ids[(n * 37) % ids.length] ?? '';
    const fate = await lookUp(id);
    if (fate === undefined) unknown.push(id);
    else states.add(fate.state);
    expect(await lookUp(uuidv7())).toBeUndefined();
  }
  await over;
  expect(unknown).toEqual([]);
  expect([...states]).toContain('retrying');
  expect([...states]).not.toContain('moving');
  for (const id of ids) {
    const fate = await lookUp(id);
    expect(fate).toMatchObject({ id, client: client.name, state: 'delivered', status: 200 });
    const at = fate?.state === 'delivered' ? Date.parse(fate.deliveredAt) : 0;
    expect(at).toBeGreaterThanOrEqual(begun);
    expect(at).toBeLessThanOrEqual(Date.now());
  }
});
