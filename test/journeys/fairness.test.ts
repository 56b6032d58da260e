import { expect, test } from 'vitest';
import { testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { hang, hold } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';

failOnLeaks();

const RECEIPT = 'inventory_receipt';
const DISPOSITION = 'disposition_update';
const CONCURRENCY = 2;
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
  await company.waitFor(CONCURRENCY);

  await client.submit(numberedEvents(DISPOSITION, FRESH));
  await company.waitFor(({ deliveredIds }) => deliveredIds.size === FRESH, { timeoutMs: 60_000 });
  // The endpoint that hangs has all of its own slots, and nothing else was sent to it or given up.
  expect(company.tally.received).toBe(FRESH + CONCURRENCY);
  expect(company.tally.inFlight).toBe(CONCURRENCY);
  await client.settled({ delivered: FRESH });
  const { dead, failedAttempts, endpoints } = await client.status();
  expect({ dead, failedAttempts }).toEqual({ dead: 0, failedAttempts: {} });
  expect(endpoints).toMatchObject({
    [DISPOSITION]: { waiting: 0, inFlight: 0, delivered: FRESH },
    [RECEIPT]: { delivered: 0, retrying: 0, accepted: BACKLOG },
  });
  const { waiting = 0, inFlight = 0 } = endpoints[RECEIPT] ?? {};
  expect(waiting + inFlight).toBe(BACKLOG);

  receipts.release();
  await company.waitFor(({ deliveredIds }) => deliveredIds.size === FRESH + BACKLOG, { timeoutMs: 60_000 });
  await client.settled({ delivered: FRESH + BACKLOG });
  expect(company.tally.received).toBe(FRESH + BACKLOG);
  expect(sent.every((id) => company.deliveredIds.has(id))).toBe(true);
  expect(company.requests.every(({ headers }) => headers['x-waybill-attempt'] === '1')).toBe(true);
  expect(await client.status()).toMatchObject({
    ...{ waiting: 0, retrying: 0, dead: 0, failedAttempts: {} },
    deliveredByType: { [DISPOSITION]: { 200: FRESH }, [RECEIPT]: { 201: BACKLOG } },
  });
});

test('concurrency, timeout and retries of an endpoint hold for it alone', async () => {
  const company = await testSandbox().company('acme', { script: hang });
  const settings = company.clientSettings({
    concurrency: 6,
    timeoutMs: 600_000,
    retry: { retries: 5, baseDelayMs: 1, factor: 1, maxDelayMs: 1, jitter: 0 },
  });
  const receipts = {
    path: String(settings.endpoints[RECEIPT]),
    ...{ concurrency: 3, timeoutMs: 100, retry: { retries: 1 } },
  };
  const endpoints = { ...settings.endpoints, [RECEIPT]: receipts };
  const engine = await testEngine({ acme: { ...settings, endpoints } as never });
  const client = engine.client();
  await client.submit(numberedEvents(DISPOSITION, 20));
  await company.waitFor(6);
  await client.submit(numberedEvents(RECEIPT, 6), RECEIPT);
  await client.settled({ dead: 6 });
  const ofReceipts = company.requests.filter(({ path }) => path === '/inventory_receipt');
  expect(ofReceipts.map(({ headers }) => headers['x-waybill-attempt']).toSorted()).toEqual([
    ...Array(6).fill('1'),
    ...Array(6).fill('2'),
  ]);
  await company.waitFor(({ tally }) => tally.inFlight === 6);
  expect(await client.status()).toMatchObject({
    endpoints: {
      [RECEIPT]: { dead: 6, failedAttempts: { timeout: 12 } },
      [DISPOSITION]: { dead: 0, failedAttempts: {} },
    },
  });
});
