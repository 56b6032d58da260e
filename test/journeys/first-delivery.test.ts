import { expect, test } from 'vitest';
import { findEventType, type PayloadOf } from '../../src/core/event-types.ts';
import { VERSION } from '../../src/version.ts';
import { testEngine } from '../support/engine.ts';
import { numberedEvent, numberedEvents, sampleEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testSandbox } from '../support/sandbox.ts';

failOnLeaks();

/** The contract's JSON, its fields in the order of the contract, with nothing around it. */
function sentAs(payload: PayloadOf<'disposition_update'>): string {
  return JSON.stringify(findEventType('disposition_update').schema.parse(payload));
}

test('an event is delivered at once: exact headers, exact bytes', async () => {
  const company = await testSandbox().company('acme');
  const client = (await testEngine({ acme: company.clientSettings() })).client();
  const payload = sampleEvent('disposition_update');
  const [id] = await client.submit([payload]);
  await client.settled({ delivered: 1 });

  expect(company.requests).toHaveLength(1);
  const [request] = company.requests;
  const body = sentAs(payload);
  expect(request).toMatchObject({ method: 'POST', path: '/dispositions', body });
  expect(request?.headers).toEqual({
    host: `127.0.0.1:${company.port}`,
    connection: 'keep-alive',
    'content-type': 'application/json',
    accept: 'application/json',
    'user-agent': `waybill/${VERSION}`,
    'idempotency-key': id,
    'x-waybill-attempt': '1',
    'content-length': String(Buffer.byteLength(body)),
  });
  expect(client.attempts(id)).toMatchObject([
    { level: 'debug', unit: 'LPAA1234567', attempt: 1, of: 6, outcome: 'delivered', status: 200 },
  ]);
  expect(await client.status()).toMatchObject({
    accepted: 1,
    waiting: 0,
    inFlight: 0,
    retrying: 0,
    dead: 0,
    delivered: 1,
    failedAttempts: {},
  });
});

test('bytes beyond ASCII arrive as they were submitted', async () => {
  const company = await testSandbox().company('acme');
  const client = (await testEngine({ acme: company.clientSettings() })).client();
  const payload = numberedEvent('disposition_update', 1, {
    location_identifier: 'Tür 4 → 倉庫 🏭 \u2028 "x"',
  });
  await client.submit([payload]);
  await client.settled({ delivered: 1 });
  expect(company.requests[0]?.body).toBe(sentAs(payload));
});

test('a number where a string is due goes out as the string that it spells', async () => {
  const company = await testSandbox().company('acme');
  const client = (await testEngine({ acme: company.clientSettings() })).client();
  await client.submit([{ ...numberedEvent('inventory_receipt', 1), upc: 12345678905 }], 'inventory_receipt');
  await client.settled({ delivered: 1 });
  expect(JSON.parse(company.requests[0]?.body ?? '')).toMatchObject({ upc: '12345678905' });
});

test('receipts that are new to the client (201) and known ones (200) are counted apart', async () => {
  const company = await testSandbox().company('acme');
  // The client has three of them already: it took them, and its answers were lost on the way.
  const had = numberedEvents('inventory_receipt', 3).map((payload) => String(payload.unit_identifier));
  company.script((request) => (had.includes(JSON.parse(request.body).unit_identifier) ? 200 : 201));
  const client = (await testEngine({ acme: company.clientSettings() })).client();
  await client.submit(numberedEvents('inventory_receipt', 10), 'inventory_receipt');
  await client.submit(numberedEvents('disposition_update', 2));
  await client.settled({ delivered: 12 });
  expect(company.tally.byAnswer).toEqual(
    new Map([
      ['200', 3],
      ['201', 9],
    ]),
  );
  expect((await client.status()).deliveredByType).toEqual({
    inventory_receipt: { 200: 3, 201: 7 },
    disposition_update: { 201: 2 },
  });
});

test.each([202, 204, 299])('%i is delivered, like any 2xx', async (status) => {
  const company = await testSandbox().company('acme', { script: { status, body: '' } });
  const client = (await testEngine({ acme: company.clientSettings() })).client();
  await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ delivered: 1 });
  expect(company.tally.received).toBe(1);
  expect((await client.status()).deliveredByType).toEqual({ disposition_update: { [status]: 1 } });
});

test('two hundred events travel in batches, each event once', async () => {
  const company = await testSandbox().company('acme');
  const engine = await testEngine({ acme: company.clientSettings() });
  const client = engine.client();
  const ids = await client.submit(numberedEvents('disposition_update', 200));
  await client.settled({ delivered: 200 });
  expect(company.requests.map((request) => request.eventId).sort()).toEqual([...ids].sort());
  expect(engine.log.matching('batch').map((line) => line.events)).toEqual([50, 50, 50, 50]);
});
