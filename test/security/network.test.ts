import { expect, test } from 'vitest';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { uniqueClientName } from '../support/redis.ts';
import { testSandbox } from '../support/sandbox.ts';

failOnLeaks();

const REDIRECTS = [301, 302, 303, 307, 308];
const RETRY = { ...QUICK_RETRIES, retries: 0 };

const oauth2 = () => ({ type: 'oauth2', clientId: uniqueClientName() }) as const;

test('without allowPrivateNetwork neither an endpoint nor a token service on this machine is reached', async () => {
  const sandbox = testSandbox();
  const endpoint = await sandbox.company('endpoint');
  const tokens = await sandbox.company('tokens', { auth: oauth2() });
  const changes = { allowPrivateNetwork: false, retry: RETRY, pace: { holdMs: 0 } };
  const engine = await testEngine({
    endpoint: endpoint.clientSettings(changes),
    // By name, and one that the system's own resolver knows.
    named: endpoint.clientSettings({ ...changes, baseUrl: `http://localhost:${endpoint.port}` }),
    tokens: tokens.clientSettings({ ...changes, baseUrl: 'https://returns.acme.example' }),
  });
  for (const label of ['endpoint', 'named', 'tokens']) {
    await engine.client(label).submit(numberedEvents('disposition_update', 1));
    await engine.client(label).settled({ dead: 1 });
  }
  const letterOf = async (label: string) => (await engine.client(label).deadLetters())[0];
  expect((await letterOf('endpoint'))?.history?.[0]).toMatchObject({ 1: 0, 2: 'address' });
  expect((await letterOf('named'))?.history?.[0]).toMatchObject({ 1: 0, 2: 'address' });
  expect((await letterOf('named'))?.response).toMatch(/^localhost resolves to .* loopback address/);
  expect((await letterOf('tokens'))?.history?.[0]).toMatchObject({ 1: 0, 2: 'token' });
  expect((await letterOf('tokens'))?.response).toMatch(/was not asked: 127\.0\.0\.1 is a loopback address/);
  for (const company of [endpoint, tokens]) {
    expect(company.connections.opened).toBe(0);
    expect(company.tokenTally.received).toBe(0);
  }
});

test('one client’s permission is not another’s, even for the same token service', async () => {
  const company = await testSandbox().company('acme', { auth: oauth2() });
  const engine = await testEngine({
    allowed: company.clientSettings({ retry: RETRY, pace: { holdMs: 0 } }),
    refused: company.clientSettings({ retry: RETRY, pace: { holdMs: 0 }, allowPrivateNetwork: false }),
  });
  await engine.client('refused').submit(numberedEvents('disposition_update', 1));
  await engine.client('refused').settled({ dead: 1 });
  expect(company.connections.opened).toBe(0);
  await engine.client('allowed').submit(numberedEvents('disposition_update', 1));
  // A failure is not shared among clients with other settings: its one attempt is enough.
  await engine.client('allowed').settled({ delivered: 1 });
  expect(company.tokenTally.received).toBe(1);
});

test.each(REDIRECTS)('%i of an endpoint is a failure, and is not followed', async (status) => {
  const sandbox = testSandbox();
  const target = await sandbox.company('target');
  const headers = { Location: `${target.baseUrl}/dispositions` };
  const company = await sandbox.company('acme', {
    auth: { type: 'bearer', token: 'for-acme-alone' },
    script: { status, headers },
  });
  const settings = company.clientSettings({ retry: RETRY, pace: { holdMs: 0 } });
  const client = (await testEngine({ acme: settings })).client();
  await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ dead: 1 });
  expect((await client.deadLetters())[0]?.history?.[0]).toMatchObject({ 1: status, 2: 'redirect' });
  expect(company.tally.received).toBe(1);
  expect(target.connections.opened).toBe(0);
});

test.each(REDIRECTS)('%i of a token service gives no token, and is not followed', async (status) => {
  const sandbox = testSandbox();
  const target = await sandbox.company('target', { auth: oauth2() });
  const company = await sandbox.company('acme', {
    auth: oauth2(),
    tokenScript: { status, headers: { Location: target.tokenUrl } },
  });
  const client = (
    await testEngine({ acme: company.clientSettings({ retry: RETRY, pace: { holdMs: 0 } }) })
  ).client();
  await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ dead: 1 });
  const [letter] = await client.deadLetters();
  expect(letter?.history?.[0]).toMatchObject({ 1: 0, 2: 'token' });
  expect(letter?.response).toContain(`answered ${status}`);
  expect(company.tally.received).toBe(0);
  expect(target.connections.opened).toBe(0);
});
