import { expect, test } from 'vitest';
import { pruneDeadLetters } from '../../src/service/keep-pruning.ts';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testRedis } from '../support/redis.ts';
import { always } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';

failOnLeaks();

const TYPE = 'disposition_update';

test('a replay after recovery: the same ids, the same bytes, a new life', async () => {
  const company = await testSandbox().company('acme', { script: always(500) });
  const client = (await testEngine({ acme: company.clientSettings({ retry: QUICK_RETRIES }) })).client();
  const ids = await client.submit(numberedEvents(TYPE, 60));
  await client.settled({ dead: 60 });
  const sent = new Map(company.requests.map((request) => [request.eventId, request.body]));
  expect(company.tally.received).toBe(360);

  company.script(200);
  expect(await client.replay()).toBe(60);
  await client.settled({ delivered: 60 });
  const replayed = company.requests.slice(360);
  expect(replayed.map((request) => request.eventId).sort()).toEqual([...ids].sort());
  for (const request of replayed) {
    expect(request.headers['x-waybill-attempt']).toBe('1');
    expect(request.body).toBe(sent.get(request.eventId));
  }
  expect(await client.status()).toMatchObject({
    dead: 0,
    delivered: 60,
    replayed: 60,
    waiting: 0,
    retrying: 0,
  });
});

test('a replayed event has all five retries again', async () => {
  const company = await testSandbox().company('acme', { script: always(500) });
  const client = (await testEngine({ acme: company.clientSettings({ retry: QUICK_RETRIES }) })).client();
  const [id] = await client.submit(numberedEvents(TYPE, 1));
  await client.settled({ dead: 1 });
  await client.replay();
  await client.settled({ dead: 2 });
  expect(company.requests.map((request) => request.headers['x-waybill-attempt'])).toEqual([
    ...'123456123456',
  ]);
  expect(new Set(company.requests.map(({ eventId, body }) => `${eventId} ${body}`)).size).toBe(1);
  const letters = await client.deadLetters();
  expect(letters).toHaveLength(1);
  expect(letters[0]).toMatchObject({ id, life: 1, replayedAt: expect.any(Number) });
  expect(letters[0]?.replayedAt).toBeLessThanOrEqual(letters[0]?.history?.[0]?.[0] ?? 0);
  expect(letters[0]?.history).toHaveLength(6);
});

test('two replays at once: each dead letter is replayed exactly once', async () => {
  const company = await testSandbox().company('acme', { script: always(500) });
  // A slow machine must not find the endpoint down.
  const settings = company.clientSettings({ retry: { retries: 0 }, pace: 'fixed' });
  const client = (await testEngine({ acme: settings })).client();
  await client.submit(numberedEvents(TYPE, 300));
  await client.settled({ dead: 300 });
  company.script(200);
  const done = await Promise.all([client.replay(testRedis()), client.replay(testRedis())]);
  expect(done[0] + done[1]).toBe(300);
  await client.settled({ delivered: 300 });
  expect(company.tally.received).toBe(600);
  expect(company.deliveredIds.size).toBe(300);
  expect(await client.status()).toMatchObject({ dead: 0, delivered: 300, replayed: 300 });
});

test('a replayed event that dies again at once is a dead letter again', async () => {
  const company = await testSandbox().company('acme', { script: always(500) });
  const settings = company.clientSettings({ retry: { retries: 0 } });
  const client = (await testEngine({ acme: settings })).client();
  const ids = await client.submit(numberedEvents(TYPE, 120));
  await client.settled({ dead: 120 });
  // Some die again while the replay still goes on: it does not take them twice.
  expect(await client.replay()).toBe(120);
  await client.settled({ dead: 240 });
  const letters = await client.deadLetters();
  expect(letters.map((letter) => letter.id).sort()).toEqual([...ids].sort());
  expect(letters.every((letter) => letter.life === 1 && letter.history?.length === 1)).toBe(true);
  expect(company.tally.received).toBe(240);
});

test('fresh events go before replayed ones', async () => {
  const company = await testSandbox().company('acme', { script: always(500) });
  const settings = company.clientSettings({ retry: { retries: 0 }, concurrency: 1 });
  const engine = await testEngine({ acme: settings });
  const client = engine.client();
  const old = await client.submit(numberedEvents(TYPE, 1));
  await client.settled({ dead: 1 });
  await engine.engine.stop(1_000);
  await client.replay();
  const fresh = await client.submit(numberedEvents(TYPE, 1, 1));
  company.script(200);
  await engine.start();
  await client.settled({ delivered: 2 });
  expect(company.requests.slice(1).map((request) => request.eventId)).toEqual([...fresh, ...old]);
});

test('discarded dead letters are gone', async () => {
  const company = await testSandbox().company('acme', { script: always(500) });
  const client = (await testEngine({ acme: company.clientSettings({ retry: { retries: 0 } }) })).client();
  await client.submit(numberedEvents(TYPE, 70));
  await client.settled({ dead: 70 });
  expect(await client.discard()).toBe(70);
  expect(await client.deadLetters()).toEqual([]);
  expect(await client.replay()).toBe(0);
  expect(await client.status()).toMatchObject({ dead: 0, discarded: 70, replayed: 0, waiting: 0 });
});

test('dead letters are kept no longer than asked for', async () => {
  const company = await testSandbox().company('acme', { script: always(500) });
  const { redis, ...engine } = await testEngine({ acme: company.clientSettings({ retry: { retries: 0 } }) });
  const client = engine.client();
  await client.submit(numberedEvents(TYPE, 10));
  await client.settled({ dead: 10 });
  const diedLast = Math.max(...(await client.deadLetters()).map((letter) => letter.history?.[0]?.[0] ?? 0));
  // So that a time lies between these and the next ones.
  company.script({ status: 500, delayMs: 10 });
  const younger = await client.submit(numberedEvents(TYPE, 5, 10));
  await client.settled({ dead: 15 });
  const removed = await pruneDeadLetters(redis, client.name, diedLast + 1);
  expect(removed).toBe(10);
  expect((await client.deadLetters()).map((letter) => letter.id).sort()).toEqual([...younger].sort());
});

test('an engine prunes dead letters when it starts', async () => {
  const company = await testSandbox().company('acme', { script: always(500) });
  const settings = { acme: company.clientSettings({ retry: { retries: 0 } }) };
  // Less than a millisecond.
  const engine = await testEngine(settings, { deadLetters: { keepDays: 1e-9 } });
  const client = engine.client();
  await client.submit(numberedEvents(TYPE, 5));
  await client.settled({ dead: 5 });
  await engine.engine.stop(1_000);
  expect(await client.deadLetters()).toHaveLength(5);
  await engine.start();
  await engine.log.waitForLine('old dead letters removed');
  expect(await client.deadLetters()).toEqual([]);
});
