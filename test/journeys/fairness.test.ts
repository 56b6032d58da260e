import { expect, test } from 'vitest';
import { testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { hang, hold } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';

failOnLeaks();

const RECEIPT = 'inventory_receipt';
const CONCURRENCY = 8;
/** More batches than may be open at once, whatever they wait for. */
const BACKLOG = 1_200;
const BATCH = 10;
const FRESH = 200;

test('an endpoint that never answers holds up its own events, not those of the client’s other endpoint', {
  timeout: 180_000,
}, async () => {
  const company = await testSandbox().company('acme');
  const receipts = hold();
  company.script((request, seen) =>
    request.path === '/inventory_receipt' ? receipts.script(request, seen) : 200,
  );
  const settings = company.clientSettings({ concurrency: CONCURRENCY, batchSize: BATCH, timeoutMs: 600_000 });
  const engine = await testEngine({ acme: settings });
  const client = engine.client();
  const sent = await client.submit(numberedEvents(RECEIPT, BACKLOG), RECEIPT);
  await company.waitFor(CONCURRENCY - 1);

  await client.submit(numberedEvents('disposition_update', FRESH));
  await company.waitFor(({ deliveredIds }) => deliveredIds.size === FRESH, { timeoutMs: 60_000 });
  // Not one of them was given back or given up: those that hang are the first that were sent.
  expect(company.tally.received).toBe(FRESH + CONCURRENCY - 1);
  expect(company.tally.inFlight).toBe(CONCURRENCY - 1);
  expect(await client.status()).toMatchObject({ dead: 0, failedAttempts: {} });
  expect(engine.log.matching(({ msg }) => msg === 'endpoint is held to its share')).toHaveLength(1);

  receipts.release();
  await company.waitFor(({ deliveredIds }) => deliveredIds.size === FRESH + BACKLOG, { timeoutMs: 60_000 });
  await client.settled({ delivered: FRESH + BACKLOG });
  expect(company.tally.received).toBe(FRESH + BACKLOG);
  expect(sent.every((id) => company.deliveredIds.has(id))).toBe(true);
  expect(company.requests.every(({ headers }) => headers['x-waybill-attempt'] === '1')).toBe(true);
  expect(await client.status()).toMatchObject({
    waiting: 0,
    retrying: 0,
    dead: 0,
    failedAttempts: {},
    deliveredByType: { disposition_update: { 200: FRESH }, [RECEIPT]: { 201: BACKLOG } },
  });
});

test('of batches with events of both, only those of the endpoint that hangs wait; its attempts are counted as ever', {
  timeout: 180_000,
}, async () => {
  const company = await testSandbox().company('acme');
  let hangs = true;
  company.script(({ path }) => {
    if (path !== '/inventory_receipt') return 200;
    return hangs ? { behaviour: 'hang' } : 201;
  });
  const retry = { retries: 5, baseDelayMs: 6_000, factor: 1, maxDelayMs: 6_000, jitter: 0 };
  const settings = company.clientSettings({ concurrency: 4, timeoutMs: 3_000, retry });
  const engine = await testEngine({ acme: settings }, { started: false });
  const client = engine.client();
  const submitBoth = (from: number) =>
    Promise.all(
      Array.from({ length: 50 }, (_, n) => [
        client.submit(numberedEvents(RECEIPT, 1, from + n), RECEIPT),
        client.submit(numberedEvents('disposition_update', 1, from + n)),
      ]).flat(),
    );
  for (let from = 0; from < 400; from += 50) await submitBoth(from);
  await engine.start();
  await company.waitFor(({ deliveredIds }) => deliveredIds.size === 400, { timeoutMs: 60_000 });
  // A quarter of them at most could be sent, and failed after three seconds each.
  const { failedAttempts, deliveredByType, dead } = await client.status();
  expect(deliveredByType).toMatchObject({ disposition_update: { 200: expect.any(Number) } });
  expect(Object.keys(failedAttempts)).toEqual(
    Object.keys(failedAttempts).filter((name) => name === 'timeout'),
  );
  expect(dead).toBe(0);

  hangs = false;
  await company.waitFor(({ deliveredIds }) => deliveredIds.size === 800, { timeoutMs: 60_000 });
  await client.settled({ delivered: 800 });
  const status = await client.status();
  const lines = client.attempts().filter(({ outcome }) => outcome === 'retry');
  expect(status.deliveredByType).toEqual({ disposition_update: { 200: 400 }, [RECEIPT]: { 201: 400 } });
  expect(status.failedAttempts).toEqual({ timeout: lines.length });
  expect(company.tally.received).toBe(800 + lines.length);
  expect(status).toMatchObject({ waiting: 0, retrying: 0, inFlight: 0, dead: 0 });
});

test('an engine that stops leaves nothing put off: whoever goes on begins anew', {
  timeout: 180_000,
}, async () => {
  const company = await testSandbox().company('acme', { script: hang });
  const settings = company.clientSettings({ concurrency: CONCURRENCY, timeoutMs: 600_000 });
  const { client: find, engine } = await testEngine({ acme: settings });
  const client = find();
  await client.submit(numberedEvents(RECEIPT, 500), RECEIPT);
  await until(async () => (await client.status()).retrying > 0, 60_000);
  await engine.stop(0);
  expect(await client.status()).toMatchObject({ waiting: 500, retrying: 0, inFlight: 0, failedAttempts: {} });
});
