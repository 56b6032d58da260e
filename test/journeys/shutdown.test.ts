import { expect, test } from 'vitest';
import type { Company } from '../../src/sandbox/company.ts';
import { testEngine } from '../support/engine.ts';
import { numberedEvent, numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { uniqueClientName } from '../support/redis.ts';
import { failTimes, hang, hold } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';

failOnLeaks();

const TYPE = 'disposition_update';
const attemptNumbers = (company: Company): Set<unknown> =>
  new Set(company.requests.map((request) => request.headers['x-waybill-attempt']));

test('in the middle: requests under way finish within the grace period, the rest is put back', async () => {
  const company = await testSandbox().company('acme');
  const held = hold();
  company.script(held.script);
  const engine = await testEngine({ acme: company.clientSettings({ concurrency: 5, batchSize: 20 }) });
  const client = engine.client();
  const ids = await client.submit(numberedEvents(TYPE, 40));
  await company.waitFor(5);
  const stopped = engine.engine.stop(10_000);
  held.release();
  await stopped;

  expect(company.tally).toMatchObject({ received: 5, inFlight: 0 });
  expect(company.deliveredIds.size).toBe(5);
  expect(await client.status()).toMatchObject({
    accepted: 40,
    delivered: 5,
    waiting: 35,
    inFlight: 0,
    retrying: 0,
    dead: 0,
    failedAttempts: {},
  });

  await engine.start();
  await client.settled({ delivered: 40 });
  expect(company.tally.received).toBe(40);
  expect([...company.deliveredIds].sort()).toEqual([...ids].sort());
  expect(attemptNumbers(company)).toEqual(new Set(['1']));
  expect(await client.status()).toMatchObject({ delivered: 40, waiting: 0, failedAttempts: {} });
  expect((await client.status()).repeats).toEqual({});
});

test('without a grace period: what was called off is delivered again, as the same attempt', async () => {
  const company = await testSandbox().company('acme');
  const held = hold();
  company.script(held.script);
  const engine = await testEngine({ acme: company.clientSettings({ concurrency: 5 }) });
  const client = engine.client();
  const ids = await client.submit(numberedEvents(TYPE, 20));
  await company.waitFor(5);
  await engine.engine.stop(0);
  await company.waitFor(({ tally }) => tally.inFlight === 0);
  expect(company.deliveredIds.size).toBe(0);
  expect(await client.status()).toMatchObject({ waiting: 20, inFlight: 0, delivered: 0, failedAttempts: {} });

  held.release();
  await engine.start();
  await client.settled({ delivered: 20 });
  expect(company.tally.received).toBe(25);
  expect([...company.deliveredIds].sort()).toEqual([...ids].sort());
  expect(attemptNumbers(company)).toEqual(new Set(['1']));
  expect((await client.status()).repeats).toEqual({ called_off: 5 });
});

test('a request that outlasts the grace period is called off and costs no attempt', async () => {
  const company = await testSandbox().company('acme', { script: failTimes(1, hang) });
  const engine = await testEngine({ acme: company.clientSettings({ timeoutMs: 60_000 }) });
  const client = engine.client();
  await client.submit(numberedEvents(TYPE, 1));
  await company.waitFor(1);
  await engine.engine.stop(50);
  expect(await client.status()).toMatchObject({ waiting: 1, delivered: 0, failedAttempts: {} });
  await engine.start();
  await client.settled({ delivered: 1 });
  expect(attemptNumbers(company)).toEqual(new Set(['1']));
});

test('retries that wait survive a shutdown with their attempts counted', async () => {
  const company = await testSandbox().company('acme', { script: 500 });
  // More than a stop takes on a busy machine.
  const retry = { retries: 5, baseDelayMs: 4_000, factor: 1, maxDelayMs: 4_000, jitter: 0 };
  const engine = await testEngine({ acme: company.clientSettings({ retry }) });
  const client = engine.client();
  await client.submit(numberedEvents(TYPE, 10));
  await client.settled({ retried: 10 });
  await engine.engine.stop(1_000);
  expect(await client.status()).toMatchObject({ retrying: 10, failedAttempts: { server_error: 10 } });

  company.script(200);
  await engine.start();
  await client.settled({ delivered: 10 });
  expect(company.tally.received).toBe(20);
  expect(attemptNumbers(company)).toEqual(new Set(['1', '2']));
});

test('an engine that is stopped while others go on leaves them its events', async () => {
  const company = await testSandbox().company('acme');
  const held = hold();
  company.script(held.script);
  const settings = company.clientSettings({
    concurrency: 10,
    batchSize: 10,
    endpoints: { disposition_update: '/dispositions' },
  });
  const engine = await testEngine({ acme: settings });
  const client = engine.client();
  const ids = await client.submit(numberedEvents(TYPE, 100));
  await company.waitFor(10);
  await engine.start();
  await company.waitFor(20);
  const stopped = engine.engine.stop(10_000);
  held.release();
  await Promise.all([stopped, client.settled({ delivered: 100 })]);
  expect(company.tally.received).toBe(100);
  expect(company.deliveredIds).toEqual(new Set(ids));
});

test('a shutdown while a token is asked for costs no attempt', async () => {
  const company = await testSandbox().company('acme', {
    auth: { type: 'oauth2', clientId: uniqueClientName() },
  });
  const held = hold();
  company.tokenScript(held.script);
  const engine = await testEngine({ acme: company.clientSettings() });
  const client = engine.client();
  await client.submit([numberedEvent(TYPE, 1)]);
  await company.waitFor(({ tokenTally }) => tokenTally.inFlight === 1);
  await engine.engine.stop(0);
  expect(await client.status()).toMatchObject({ waiting: 1, failedAttempts: {} });
  expect((await client.status()).repeats).toEqual({});
  held.release();
  await engine.start();
  await client.settled({ delivered: 1 });
  expect(company.tally.received).toBe(1);
  expect(attemptNumbers(company)).toEqual(new Set(['1']));
});
