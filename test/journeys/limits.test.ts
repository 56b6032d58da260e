import { expect, test } from 'vitest';
import { testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { hang, hold, sequence, slow } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';

failOnLeaks();

const TYPE = 'disposition_update';
/** A tenth of a second's worth at 50 a second. */
const MOST_AHEAD = 5;

test('no more requests are in flight than the concurrency allows', async () => {
  const company = await testSandbox().company('acme', { script: slow(2) });
  const client = (await testEngine({ acme: company.clientSettings({ concurrency: 7 }) })).client();
  await client.submit(numberedEvents(TYPE, 200));
  await client.settled({ delivered: 200 });
  expect(company.tally.mostInFlight).toBe(7);
  expect(company.tally.received).toBe(200);
});

test('a worker opens no more batches than it has room for', async () => {
  const company = await testSandbox().company('acme');
  const held = hold();
  company.script(held.script);
  const settings = company.clientSettings({ concurrency: 4, batchSize: 10 });
  const engine = await testEngine({ acme: settings });
  const client = engine.client();
  await client.submit(numberedEvents(TYPE, 60));
  await company.waitFor(4);
  // Four are in flight, six wait at the gate: another batch is for whoever has room.
  expect(await client.status()).toMatchObject({ inFlight: 10, waiting: 50 });
  held.release();
  await client.settled({ delivered: 60 });
  expect(company.tally.mostInFlight).toBeLessThanOrEqual(4);
});

test('a client that hangs does not slow the other', async () => {
  const sandbox = testSandbox();
  const stuck = await sandbox.company('stuck', { script: hang });
  const healthy = await sandbox.company('healthy');
  const engine = await testEngine({
    stuck: stuck.clientSettings({
      concurrency: 8,
      timeoutMs: 60_000,
      endpoints: { disposition_update: '/dispositions' },
    }),
    healthy: healthy.clientSettings({ concurrency: 8 }),
  });
  await engine.client('stuck').submit(numberedEvents(TYPE, 300));
  await stuck.waitFor(8);
  await engine.client('healthy').submit(numberedEvents(TYPE, 300));
  await engine.client('healthy').settled({ delivered: 300 });
  expect(healthy.tally.received).toBe(300);
  expect(stuck.tally).toMatchObject({ received: 8, inFlight: 8 });
  expect((await engine.client('stuck').status()).delivered).toBe(0);
});

test('ratePerSecond holds over two engines and never bursts', async () => {
  const company = await testSandbox().company('acme');
  const settings = company.clientSettings({ ratePerSecond: 50, batchSize: 5, concurrency: 10 });
  const engine = await testEngine({ acme: settings }, { started: false });
  const client = engine.client();
  await client.submit(numberedEvents(TYPE, 80));
  const from = performance.now();
  await Promise.all([engine.start(), engine.start()]);
  await client.settled({ delivered: 80 });

  const arrivals = company.requests.map((request) => request.at);
  const connections = new Set(company.requests.map((request) => request.connection));
  expect(connections.size).toBeGreaterThan(1);
  expect(mostAhead(arrivals, from, 50)).toBeLessThan(MOST_AHEAD);
});

test('a rate of a client counts its endpoints together, and an endpoint’s own rate holds beside it', async () => {
  const company = await testSandbox().company('acme');
  const endpoints = {
    [TYPE]: '/dispositions',
    inventory_receipt: { path: '/inventory_receipt', ratePerSecond: 10 },
  };
  const settings = company.clientSettings({ ratePerSecond: 50, batchSize: 5, concurrency: 10, endpoints });
  const engine = await testEngine({ acme: settings }, { started: false });
  const client = engine.client();
  await client.submit(numberedEvents(TYPE, 60));
  await client.submit(numberedEvents('inventory_receipt', 15), 'inventory_receipt');
  const from = performance.now();
  await engine.start();
  await client.settled({ delivered: 75 });
  const arrivals = company.requests.map(({ at }) => at);
  const receipts = company.requests.filter(({ path }) => path === '/inventory_receipt');
  expect(mostAhead(arrivals, from, 50)).toBeLessThan(MOST_AHEAD);
  expect(
    mostAhead(
      receipts.map(({ at }) => at),
      from,
      10,
    ),
  ).toBeLessThan(MOST_AHEAD);
  expect(Math.max(...receipts.map(({ at }) => at)) - from).toBeGreaterThan(1_300);
});

test('what slow answers held up does not go out in a burst afterwards', async () => {
  const company = await testSandbox().company('acme');
  // Ten requests hang for longer than the rate would have needed for everyone in line.
  company.script(sequence(Array.from({ length: 10 }, () => ({ delayMs: 900 }))));
  const settings = company.clientSettings({ ratePerSecond: 50, concurrency: 10 });
  const client = (await testEngine({ acme: settings })).client();
  await client.submit(numberedEvents(TYPE, 40));
  await client.settled({ delivered: 40 });
  const answered = Math.min(
    ...company.requests.slice(0, 10).map(({ finishedAt = Number.NaN }) => finishedAt),
  );
  const afterwards = company.requests.slice(10).map((request) => request.at);
  expect(mostAhead(afterwards, answered, 50)).toBeLessThan(MOST_AHEAD);
});

/**
 * By how many requests the arrivals were ever ahead of a rate that is kept from `from` on: whatever stands still
 * meanwhile, sender, machine or receiver, only makes them later.
 */
function mostAhead(arrivals: readonly number[], from: number, ratePerSecond: number): number {
  return Math.max(...arrivals.map((at, before) => before - ((at - from) / 1_000) * ratePerSecond));
}
