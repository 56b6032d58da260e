import { Queue } from 'bullmq';
import { expect, onTestFinished, test } from 'vitest';
import { deliveriesPrefix, endpointPrefix } from '../../src/queue/names.ts';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { dispositionsOf, numberedEvent, numberedEvents, unitOfEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testRedis } from '../support/redis.ts';
import { byUnit, hold } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';
import { idleBatchWorker, loseLocks, recoverStalled } from '../support/stalled.ts';
import { until } from '../support/until.ts';

failOnLeaks();

const TYPE = 'disposition_update';
const unitNumber = (n: number): string => unitOfEvent(TYPE, numberedEvent(TYPE, n));

test('a batch whose process was lost is delivered by another one', async () => {
  const company = await testSandbox().company('acme');
  const engine = await testEngine({ acme: company.clientSettings() }, { started: false });
  const client = engine.client();
  const ids = await client.submit(numberedEvents(TYPE, 10));
  const lost = await (await idleBatchWorker(client.name)).take();
  expect(await client.status()).toMatchObject({ inFlight: 10, waiting: 0 });
  expect(await loseLocks(engine.redis, client.name)).toEqual([lost?.id]);

  await engine.start();
  await recoverStalled(engine.redis, client.name);
  await client.settled({ delivered: 10 });
  expect(company.requests.map((request) => request.eventId).sort()).toEqual([...ids].sort());
  expect(company.requests.every((request) => request.headers['x-waybill-attempt'] === '1')).toBe(true);
  expect(engine.log.matching('batch')).toMatchObject([{ events: 10, delivered: 10, stalls: 1 }]);
  expect((await client.status()).repeats).toEqual({ taken_over: 10 });
});

test('after a lost lock nothing is settled, and no delivered event is sent again', async () => {
  const company = await testSandbox().company('acme');
  const held = hold();
  company.script(held.script);
  const engine = await testEngine({ acme: company.clientSettings() });
  const client = engine.client();
  await client.submit(numberedEvents(TYPE, 10));
  await company.waitFor(10);
  await loseLocks(engine.redis, client.name);
  held.release();
  await engine.log.waitForLine('lock lost');
  await client.settled({ delivered: 10 });
  expect(await client.status()).toMatchObject({ inFlight: 10, delivered: 0, waiting: 0, retrying: 0 });

  await recoverStalled(engine.redis, client.name);
  await engine.log.waitForLine(() => engine.log.matching('batch').length === 2);
  expect(await client.status()).toMatchObject({ inFlight: 0, waiting: 0, delivered: 10, repeats: {} });
  expect(company.tally.received).toBe(10);
});

test('failures that could not be settled are counted once', async () => {
  const company = await testSandbox().company('acme');
  const held = hold(500);
  company.script(held.script);
  const engine = await testEngine({ acme: company.clientSettings({ retry: QUICK_RETRIES }) });
  const client = engine.client();
  const [id] = await client.submit(numberedEvents(TYPE, 1));
  await company.waitFor(1);
  await loseLocks(engine.redis, client.name);
  held.release();
  await engine.log.waitForLine('lock lost');
  await recoverStalled(engine.redis, client.name);
  await client.settled({ dead: 1 });
  expect(company.requests.map((request) => request.headers['x-waybill-attempt'])).toEqual([...'123456']);
  expect((await client.deadLetters()).map((letter) => [letter.id, letter.history?.length])).toEqual([
    [id, 6],
  ]);
  expect((await client.status()).failedAttempts).toEqual({ server_error: 6 });
});

test('a batch that comes back while it is open here is called off, and only the rest of it sent again', async () => {
  const company = await testSandbox().company('acme');
  const held = hold();
  company.script(byUnit({ [unitNumber(0)]: held.script }));
  const engine = await testEngine({ acme: company.clientSettings() });
  const client = engine.client();
  const [slow, ...others] = await client.submit(numberedEvents(TYPE, 5));
  await company.waitFor(({ deliveredIds }) => deliveredIds.size === 4);
  await loseLocks(engine.redis, client.name);
  await recoverStalled(engine.redis, client.name);
  await company.waitFor(6);
  held.release();
  await company.waitFor(({ deliveredIds }) => deliveredIds.size === 5);
  await engine.log.waitForLine(() => engine.log.matching('batch').length === 2);

  const timesSent = (id: string | undefined): number =>
    company.requests.filter((request) => request.eventId === id).length;
  expect(timesSent(slow)).toBe(2);
  expect(others.map(timesSent)).toEqual([1, 1, 1, 1]);
  expect(company.requests.every((request) => request.headers['x-waybill-attempt'] === '1')).toBe(true);
  expect(await client.status()).toMatchObject({ inFlight: 0, waiting: 0, retrying: 0, delivered: 5 });
  expect((await client.status()).repeats).toEqual({ taken_over: 1 });
});

test.each<[string, unknown]>([
  ['no object', 'broken'],
  ['events that are none', { events: [null] }],
  ['events that lack what is sent', { events: [{ id: 'x', type: TYPE, unit: 'y' }] }],
])('a job with %s ends in the failed set, and the others go on', async (_what, data) => {
  const company = await testSandbox().company('acme');
  const engine = await testEngine({ acme: company.clientSettings() });
  const client = engine.client();
  const queue = new Queue('disposition_update', {
    connection: testRedis(),
    prefix: deliveriesPrefix(client.name),
  });
  onTestFinished(() => queue.close());
  await queue.add('1', data);
  await client.submit(numberedEvents(TYPE, 3));
  await client.settled({ delivered: 3 });
  expect(await engine.log.waitForLine('job is no batch')).toMatchObject({ client: client.name });
  expect(await client.status()).toMatchObject({ broken: 1, delivered: 3, inFlight: 0, waiting: 0 });
});

test('a job whose data is no JSON ends in the failed set, and the others go on', async () => {
  const company = await testSandbox().company('acme');
  const engine = await testEngine({ acme: company.clientSettings() }, { started: false });
  const client = engine.client();
  await client.submit(numberedEvents(TYPE, 3));
  const prefix = endpointPrefix(dispositionsOf(client.name));
  const [broken] = await engine.redis.lrange(`${prefix}wait`, 0, -1);
  await engine.redis.hset(`${prefix}${broken}`, 'data', '{"events":[');
  await client.submit(numberedEvents(TYPE, 3));
  await engine.start();
  await client.settled({ delivered: 3 });
  expect(await engine.log.waitForLine('job is no batch')).toMatchObject({ batch: broken });
  await until(async () => (await client.status()).broken === 1);
  expect(await client.status()).toMatchObject({ delivered: 3, inFlight: 0, waiting: 0 });
});

test('events of an endpoint that was removed wait without an attempt, until it is there again', async () => {
  const company = await testSandbox().company('acme');
  const engine = await testEngine({ acme: company.clientSettings() }, { started: false });
  const client = engine.client();
  const [waiting] = await client.submit(numberedEvents('inventory_receipt', 1), 'inventory_receipt');
  await client.submit(numberedEvents(TYPE, 2));
  await engine.start({ acme: { endpoints: { disposition_update: '/dispositions' } } });
  await client.settled({ delivered: 2 });

  expect(company.requests.map((request) => request.path)).toEqual(['/dispositions', '/dispositions']);
  expect(client.attempts(waiting)).toEqual([]);
  expect(await client.status()).toMatchObject({ delivered: 2, waiting: 1, dead: 0, failedAttempts: {} });
  await engine.start();
  await client.settled({ delivered: 3 });
  expect(client.attempts(waiting)).toHaveLength(1);
});
