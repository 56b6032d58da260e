import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { waitForLines } from '../support/log-counts.ts';
import { failTimes, hang } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';
import { testCertificates } from '../support/tls.ts';
import { testDirectory } from '../support/waybill-process.ts';

failOnLeaks();

const TWICE = { ...QUICK_RETRIES, retries: 1 };

test('a company that is down: refused, tried again, delivered once it is back', async () => {
  const company = await testSandbox().company('acme');
  await company.down();
  const retry = { ...QUICK_RETRIES, baseDelayMs: 50, maxDelayMs: 50, retries: 20 };
  const engine = await testEngine({ acme: company.clientSettings({ retry }) });
  const client = engine.client();
  const ids = await client.submit(numberedEvents('disposition_update', 5));
  await waitForLines(engine.log, 10, (line) => line.msg === 'attempt' && line.class === 'refused');
  await company.up();
  await client.settled({ delivered: 5 });
  expect(company.tally.received).toBe(5);
  expect([...company.deliveredIds].sort()).toEqual([...ids].sort());
  expect(client.attempts(ids[0])[0]).toMatchObject({ attempt: 1, status: 0, class: 'refused' });
  expect(await client.status()).toMatchObject({ delivered: 5, dead: 0 });
});

test.each([
  ['reset', 'reset'],
  ['close', 'reset'],
  ['garbage', 'not_http'],
] as const)('%s before the headers: a failure of class %s, then tried again', async (behaviour, failed) => {
  const company = await testSandbox().company('acme', { script: failTimes(1, behaviour) });
  const client = (await testEngine({ acme: company.clientSettings({ retry: QUICK_RETRIES }) })).client();
  const [id] = await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ delivered: 1 });
  expect(client.attempts(id)).toMatchObject([
    { attempt: 1, status: 0, class: failed },
    { attempt: 2, outcome: 'delivered' },
  ]);
  expect(company.tally.received).toBe(2);
});

test.each(['reset_after_headers', 'close_after_headers'] as const)(
  '%s: a 500 is a failure, a 200 is delivered',
  async (behaviour) => {
    const company = await testSandbox().company('acme', {
      script: failTimes(1, { behaviour, status: 500 }, { behaviour, status: 200 }),
    });
    const client = (await testEngine({ acme: company.clientSettings({ retry: QUICK_RETRIES }) })).client();
    const [id] = await client.submit(numberedEvents('disposition_update', 1));
    await client.settled({ delivered: 1 });
    expect(client.attempts(id)).toMatchObject([
      { attempt: 1, outcome: 'retry', status: 500, class: 'server_error' },
      { attempt: 2, outcome: 'delivered', status: 200 },
    ]);
    expect(company.tally.received).toBe(2);
  },
);

test.each(['endless_body', 'slow_body'] as const)(
  'a 200 with an %s is delivered, once',
  async (behaviour) => {
    const company = await testSandbox().company('acme', { script: { behaviour, status: 200 } });
    const client = (await testEngine({ acme: company.clientSettings({ retry: QUICK_RETRIES }) })).client();
    const [id] = await client.submit(numberedEvents('disposition_update', 1));
    await client.settled({ delivered: 1 });
    await company.waitFor(({ tally }) => tally.inFlight === 0);
    expect(client.attempts(id)).toMatchObject([{ attempt: 1, outcome: 'delivered', status: 200 }]);
    expect(company.tally.received).toBe(1);
  },
);

test('no answer past the timeout', async () => {
  const company = await testSandbox().company('acme', { script: hang });
  const settings = company.clientSettings({ retry: TWICE, timeoutMs: 2_000 });
  const client = (await testEngine({ acme: settings })).client();
  await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ dead: 1 });
  const [letter] = await client.deadLetters();
  expect(letter?.history?.map((entry) => [entry[1], entry[2]])).toEqual([
    [0, 'timeout'],
    [0, 'timeout'],
  ]);
  for (const [, , , ms] of letter?.history ?? []) expect(ms).toBeGreaterThanOrEqual(1_999);
  expect(letter?.response).toContain('2000 ms');
  expect(company.tally.received).toBe(2);
});

test('a private address is refused unsent, and tried again like all the rest', async () => {
  const company = await testSandbox().company('acme');
  const settings = company.clientSettings({ retry: QUICK_RETRIES, allowPrivateNetwork: false });
  const client = (await testEngine({ acme: settings })).client();
  await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ dead: 1 });
  expect((await client.deadLetters())[0]?.history?.map((entry) => [entry[1], entry[2]])).toEqual(
    Array.from({ length: 6 }, () => [0, 'address']),
  );
  expect(company.connections.opened).toBe(0);
});

test('TLS with the client’s own authority', async () => {
  const { ca, valid } = await testCertificates();
  const company = await testSandbox().company('acme', { tls: valid });
  const client = (await testEngine({ acme: company.clientSettings({ tls: { ca: fileOf(ca) } }) })).client();
  await client.submit(numberedEvents('disposition_update', 3));
  await client.settled({ delivered: 3 });
  expect(company.tally.received).toBe(3);
});

test('TLS with a certificate of Waybill’s own', async () => {
  const { ca, valid, client: own } = await testCertificates();
  const tls = { ...valid, ca, requestCert: true, rejectUnauthorized: true };
  const company = await testSandbox().company('acme', { tls });
  const files = { ca: fileOf(ca), cert: fileOf(own.cert), key: fileOf(own.key) };
  const client = (await testEngine({ acme: company.clientSettings({ tls: files }) })).client();
  await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ delivered: 1 });
  expect(company.tally.received).toBe(1);
});

test.each(['selfSigned', 'expired', 'wrongHost'] as const)('TLS: a certificate that is %s', async (kind) => {
  const made = await testCertificates();
  const company = await testSandbox().company('acme', { tls: made[kind] });
  const settings = company.clientSettings({ retry: TWICE, tls: { ca: fileOf(made.ca) } });
  const client = (await testEngine({ acme: settings })).client();
  await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ dead: 1 });
  expect((await client.deadLetters())[0]?.history).toMatchObject([
    { 1: 0, 2: 'tls' },
    { 1: 0, 2: 'tls' },
  ]);
  expect(company.tally.received).toBe(0);
});

/** A file with this text, gone when the test is over. */
function fileOf(pem: string): string {
  const file = join(testDirectory(), 'file.pem');
  writeFileSync(file, pem);
  return file;
}
