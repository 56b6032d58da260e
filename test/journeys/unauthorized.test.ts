import { expect, test } from 'vitest';
import type { StaticAuthConfig } from '../../src/auth/static-authorizer.ts';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { uniqueClientName } from '../support/redis.ts';
import { unauthorizedUntilNewToken } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';

failOnLeaks();

type FixedAuth = Exclude<StaticAuthConfig, { type: 'aws_sigv4' }>;

/** Credentials that no other test has: tokens are shared through Redis under their name. */
const oauth2 = () => ({ type: 'oauth2', clientId: uniqueClientName() }) as const;

test('401 once: one token request, then the same bytes again within the same attempt', async () => {
  const company = await testSandbox().company('acme', { auth: oauth2() });
  const client = (await testEngine({ acme: company.clientSettings() })).client();
  await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ delivered: 1 });
  expect(company.tokenTally.received).toBe(1);

  company.revokeTokens();
  const [id] = await client.submit(numberedEvents('disposition_update', 1, 1));
  await client.settled({ delivered: 2 });
  const [, refused, again] = company.requests;
  expect(company.tokenTally.received).toBe(2);
  expect(company.requests).toHaveLength(3);
  expect([refused?.answered?.status, again?.answered?.status]).toEqual([401, 200]);
  expect(again?.body).toBe(refused?.body);
  expect(again?.headers).toEqual({ ...refused?.headers, authorization: again?.headers.authorization });
  expect(again?.headers.authorization).not.toBe(refused?.headers.authorization);
  expect(again?.headers).toMatchObject({ 'idempotency-key': id, 'x-waybill-attempt': '1' });
  expect(client.attempts(id)).toMatchObject([{ attempt: 1, outcome: 'delivered', status: 200 }]);
  expect((await client.status()).failedAttempts).toEqual({});
});

test('an endpoint that wants another token than the first gets a whole batch after one token request', async () => {
  const company = await testSandbox().company('acme', {
    auth: oauth2(),
    script: unauthorizedUntilNewToken(),
  });
  const client = (await testEngine({ acme: company.clientSettings() })).client();
  const ids = await client.submit(numberedEvents('disposition_update', 20));
  await client.settled({ delivered: 20 });
  expect(company.tokenTally.received).toBe(2);
  expect([...company.deliveredIds].sort()).toEqual([...ids].sort());
  expect(company.requests.every((request) => request.headers['x-waybill-attempt'] === '1')).toBe(true);
});

test('401 for ever: six attempts, at most twelve requests, then a dead letter', async () => {
  const company = await testSandbox().company('acme', { auth: oauth2(), script: { status: 401, body: '' } });
  const client = (await testEngine({ acme: company.clientSettings({ retry: QUICK_RETRIES }) })).client();
  const [id] = await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ dead: 1 });
  const [letter] = await client.deadLetters();
  expect(letter?.id).toBe(id);
  expect(letter?.history).toHaveLength(6);
  expect(letter?.history?.[0]).toMatchObject({ 1: 401, 2: 'unauthorized' });
  expect(company.tally.received).toBeGreaterThanOrEqual(2);
  expect(company.tally.received).toBeLessThanOrEqual(12);
  // A token refused straight after its renewal is not renewed again for 5 s: a wrong setting storms nobody.
  expect(company.tokenTally.received).toBe(2);
  expect(new Set(company.requests.map((request) => request.body)).size).toBe(1);
});

test.each<{ is: FixedAuth; wanted: FixedAuth }>([
  {
    is: { type: 'basic', username: 'waybill', password: 'old' },
    wanted: { type: 'basic', username: 'waybill', password: 'new' },
  },
  {
    is: { type: 'api_key', header: 'X-Api-Key', key: 'old' },
    wanted: { type: 'api_key', header: 'X-Api-Key', key: 'new' },
  },
  { is: { type: 'bearer', token: 'old' }, wanted: { type: 'bearer', token: 'new' } },
])('401 to $is.type credentials: no second request within the attempt', async ({ is, wanted }) => {
  const company = await testSandbox().company('acme', { auth: wanted });
  const settings = company.clientSettings({ auth: is, retry: { ...QUICK_RETRIES, retries: 2 } });
  const client = (await testEngine({ acme: settings })).client();
  await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ dead: 1 });
  expect(company.requests.map((request) => request.headers['x-waybill-attempt'])).toEqual(['1', '2', '3']);
  expect((await client.deadLetters())[0]?.history?.map((entry) => [entry[1], entry[2]])).toEqual(
    Array.from({ length: 3 }, () => [401, 'unauthorized']),
  );
});

test.each<FixedAuth>([
  { type: 'basic', username: 'waybill', password: 'right: with a colon' },
  { type: 'api_key', header: 'X-Api-Key', key: 'right' },
  { type: 'bearer', token: 'right' },
])('$type credentials that are right pass', async (auth) => {
  const company = await testSandbox().company('acme', { auth });
  const client = (await testEngine({ acme: company.clientSettings() })).client();
  await client.submit(numberedEvents('disposition_update', 3));
  await client.settled({ delivered: 3 });
  expect(company.tally.received).toBe(3);
});
