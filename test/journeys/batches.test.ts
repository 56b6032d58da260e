import { expect, test } from 'vitest';
import type { Company } from '../../src/sandbox/company.ts';
import type { ReceivedRequest } from '../../src/sandbox/request-log.ts';
import { unitOf } from '../../src/sandbox/scripts.ts';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { numberedEvent, numberedEvents, unitOfEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { byUnit, failTimes, hold } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';

failOnLeaks();

const TYPE = 'disposition_update';
const unitNumber = (n: number): string => unitOfEvent(TYPE, numberedEvent(TYPE, n));
const requestsOf = (company: Company, id: string | undefined): ReceivedRequest[] =>
  company.requests.filter((request) => request.eventId === id);

/** What a busy machine may add to a delay. */
const BUSY_MS = 5_000;

test('a batch of 50 of which 7 fail: only those are sent again', async () => {
  const company = await testSandbox().company('acme');
  const failing = [0, 3, 11, 12, 13, 30, 49];
  company.script(byUnit(Object.fromEntries(failing.map((n) => [unitNumber(n), failTimes(1, 500)]))));
  const engine = await testEngine({ acme: company.clientSettings({ retry: QUICK_RETRIES }) });
  const client = engine.client();
  const ids = await client.submit(numberedEvents(TYPE, 50));
  await client.settled({ delivered: 50 });

  // Not the first line: on a busy machine the failed ones are on their way again before the batch is over.
  const told = expect.objectContaining({ events: 50, delivered: 43, retried: 7 });
  expect(engine.log.matching('batch')).toContainEqual(told);
  expect(company.tally.received).toBe(57);
  const again = company.requests.filter((request) => request.headers['x-waybill-attempt'] === '2');
  expect(again.map((request) => request.eventId).sort()).toEqual(failing.map((n) => ids[n]).sort());
  expect(await client.status()).toMatchObject({
    delivered: 50,
    retrying: 0,
    waiting: 0,
    failedAttempts: { server_error: 7 },
  });
});

test('a slow event, a Retry-After and a failing event in a batch: each on its own clock', async () => {
  const company = await testSandbox().company('acme');
  const held = hold();
  company.script(
    byUnit({
      [unitNumber(0)]: held.script,
      [unitNumber(1)]: failTimes(1, { status: 429, headers: { 'Retry-After': '1' } }),
      [unitNumber(2)]: failTimes(1, 500),
    }),
  );
  const retry = { ...QUICK_RETRIES, maxDelayMs: 5_000 };
  const client = (await testEngine({ acme: company.clientSettings({ retry }) })).client();
  const [slow, limited, failing] = await client.submit(numberedEvents(TYPE, 3));
  const gapOf = (id: string | undefined): number => {
    const [first, second] = requestsOf(company, id);
    return (second?.at ?? Number.NaN) - (first?.finishedAt ?? Number.NaN);
  };

  await company.waitFor(() => requestsOf(company, limited).length === 2);
  expect(requestsOf(company, slow)).toHaveLength(1);
  expect(requestsOf(company, slow)[0]?.answered).toBeUndefined();
  expect(requestsOf(company, failing)).toHaveLength(2);
  // Half a second is what a neighbour may add.
  expect(gapOf(failing)).toBeGreaterThanOrEqual(18);
  expect(gapOf(failing)).toBeLessThan(gapOf(limited));
  expect(gapOf(limited)).toBeGreaterThanOrEqual(998);
  expect(gapOf(limited)).toBeLessThan(1_000 + 500 + BUSY_MS);

  held.release();
  await client.settled({ delivered: 3 });
  expect(company.tally.received).toBe(5);
  expect(await client.status()).toMatchObject({ delivered: 3, inFlight: 0, retrying: 0 });
});

test('events of one unit in a batch go one after another, those of different units side by side', async () => {
  const company = await testSandbox().company('acme');
  const held = hold();
  company.script(held.script);
  const client = (await testEngine({ acme: company.clientSettings() })).client();
  const ids = await client.submit([1, 1, 2, 1, 2].map((n) => numberedEvent(TYPE, n)));
  await company.waitFor(2);
  expect(company.requests.map((request) => unitOf(request))).toEqual([unitNumber(1), unitNumber(2)]);
  held.release();
  await client.settled({ delivered: 5 });

  expect(company.tally.received).toBe(5);
  expect(company.tally.mostInFlight).toBe(2);
  for (const unit of [1, 2]) {
    const requests = company.requests.filter((request) => unitOf(request) === unitNumber(unit));
    const inOrder = unit === 1 ? [ids[0], ids[1], ids[3]] : [ids[2], ids[4]];
    expect(requests.map((request) => request.eventId)).toEqual(inOrder);
    for (const [i, request] of requests.slice(1).entries()) {
      expect(request.at).toBeGreaterThanOrEqual(requests[i]?.finishedAt ?? Number.NaN);
    }
  }
});

test('a failing event does not keep the next one of its unit back', async () => {
  const company = await testSandbox().company('acme');
  const client = (await testEngine({ acme: company.clientSettings({ retry: QUICK_RETRIES }) })).client();
  let refused: string | undefined;
  company.script(({ eventId }) => {
    refused ??= eventId;
    return eventId === refused ? 500 : 200;
  });
  const [first, second] = await client.submit([numberedEvent(TYPE, 1), numberedEvent(TYPE, 1)]);
  await client.settled({ delivered: 1, dead: 1 });
  expect(requestsOf(company, first)).toHaveLength(6);
  expect(requestsOf(company, second)).toHaveLength(1);
});

test('a batch that is open for long writes down what it has: only the slow event is still in it', async () => {
  const company = await testSandbox().company('acme');
  const held = hold();
  const failing = unitNumber(1);
  company.script(byUnit({ [unitNumber(0)]: held.script, [failing]: 500 }));
  const retry = { ...QUICK_RETRIES, baseDelayMs: 60_000, maxDelayMs: 60_000 };
  const engine = await testEngine({ acme: company.clientSettings({ retry }) });
  const client = engine.client();
  await client.submit(numberedEvents(TYPE, 20));
  await company.waitFor(20);
  await until(async () => (await client.status()).inFlight === 1);
  expect(await client.status()).toMatchObject({ delivered: 18, retrying: 1, waiting: 0, dead: 0 });

  // What is called off now is all that another process has to repeat.
  await engine.engine.stop(0);
  expect(await client.status()).toMatchObject({ delivered: 18, inFlight: 0, retrying: 1, waiting: 1 });
  held.release();
  await engine.start();
  await client.settled({ delivered: 19 });
  expect(company.tally.received).toBe(21);
});

test('batchSize 1: one job for each event', async () => {
  const company = await testSandbox().company('acme');
  const engine = await testEngine({ acme: company.clientSettings({ batchSize: 1 }) });
  await engine.client().submit(numberedEvents(TYPE, 30));
  await engine.client().settled({ delivered: 30 });
  expect(engine.log.matching('batch').map((line) => line.events)).toEqual(
    Array.from({ length: 30 }, () => 1),
  );
});
