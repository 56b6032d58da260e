import { expect, test } from 'vitest';
import { testEngine } from '../support/engine.ts';
import { numberedEvent, numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { uniqueClientName } from '../support/redis.ts';
import { testSandbox } from '../support/sandbox.ts';
import { AWS_KEY, awsSignatureOf, isSignedBy, webhookSecret } from '../support/signatures.ts';

failOnLeaks();

const [OLD, NEW, OTHER] = [webhookSecret(1), webhookSecret(2), webhookSecret(3)];
/** One retry, in another second than the attempt before it. */
const ONE_RETRY = { retries: 1, baseDelayMs: 1_000, factor: 1, maxDelayMs: 1_000, jitter: 0 };

test('while secrets change, a receiver with either one takes every event, and no changed one', async () => {
  const company = await testSandbox().company('acme');
  const settings = company.clientSettings({ signing: { secrets: [NEW, OLD] } });
  const client = (await testEngine({ acme: settings })).client();
  const payload = numberedEvent('disposition_update', 1, { location_identifier: 'Lager „Süd“ \u{1f4e6}' });
  const ids = await client.submit([payload, ...numberedEvents('disposition_update', 20, 2)]);
  await client.settled({ delivered: 21 });
  expect(company.requests).toHaveLength(21);
  for (const request of company.requests) {
    expect(isSignedBy(NEW, request)).toBe(true);
    expect(isSignedBy(OLD, request)).toBe(true);
    expect(isSignedBy(OTHER, request)).toBe(false);
    expect(isSignedBy(NEW, { ...request, body: request.body.replace('"', ' "') })).toBe(false);
    expect(request.headers['webhook-id']).toBe(request.headers['idempotency-key']);
  }
  expect(new Set(company.requests.map(({ eventId }) => eventId))).toEqual(new Set(ids));
});

test('a retry is signed anew, for its own second', async () => {
  const company = await testSandbox().company('acme', {
    script: (_, { ofEvent }) => (ofEvent === 1 ? 500 : 200),
  });
  const settings = company.clientSettings({ retry: ONE_RETRY, signing: { secrets: [OLD] } });
  const client = (await testEngine({ acme: settings })).client();
  await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ delivered: 1 });
  const [first, second] = company.requests.map(({ headers }) => headers);
  expect(company.requests.map((request) => isSignedBy(OLD, request))).toEqual([true, true]);
  expect(Number(second?.['webhook-timestamp'])).toBeGreaterThan(Number(first?.['webhook-timestamp']));
  expect(second?.['webhook-id']).toBe(first?.['webhook-id']);
});

test('beside a token: what is sent again after a 401 is signed as well', async () => {
  const auth = { type: 'oauth2', clientId: uniqueClientName() } as const;
  const company = await testSandbox().company('acme', { auth });
  const settings = company.clientSettings({ signing: { secrets: [OLD] } });
  const client = (await testEngine({ acme: settings })).client();
  await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ delivered: 1 });
  company.revokeTokens();
  await client.submit(numberedEvents('disposition_update', 1, 1));
  await client.settled({ delivered: 2 });
  expect(company.requests.map(({ answered }) => answered?.status)).toEqual([200, 401, 200]);
  expect(company.requests.map((request) => isSignedBy(OLD, request))).toEqual([true, true, true]);
});

test('a client without signing sends none of its headers', async () => {
  const company = await testSandbox().company('acme');
  const client = (await testEngine({ acme: company.clientSettings() })).client();
  await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ delivered: 1 });
  const names = Object.keys(company.requests[0]?.headers ?? {});
  expect(names.filter((name) => /^(?:webhook|x-amz)-/.test(name))).toEqual([]);
});

test("AWS's own library makes the same signatures of what arrives, with a query and beside Standard Webhooks", async () => {
  const auth = { ...AWS_KEY, sessionToken: 'session/token+with=signs' };
  const company = await testSandbox().company('acme');
  const endpoints = { disposition_update: '/prod//dispositions/a%20b?version=2&tag=x%2Fy&a=1' };
  const headers = { 'Content-Type': 'application/json; charset=utf-8' };
  const settings = company.clientSettings({ auth, endpoints, headers, signing: { secrets: [OLD] } });
  const client = (await testEngine({ acme: settings })).client();
  await client.submit(numberedEvents('disposition_update', 5));
  await client.settled({ delivered: 5 });
  expect(company.requests).toHaveLength(5);
  for (const request of company.requests) {
    expect(request.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(request.headers.authorization).toBe(await awsSignatureOf(auth, request));
    const changed = { ...request, body: `${request.body} ` };
    expect(request.headers.authorization).not.toBe(await awsSignatureOf(auth, changed));
    expect(request.headers['x-amz-security-token']).toBe(auth.sessionToken);
    expect(isSignedBy(OLD, request)).toBe(true);
  }
});

test.each([401, 403])(
  'a %i to AWS credentials is a failed attempt: its retry is signed anew, and the answer is kept',
  async (status) => {
    const body = '{"message":"Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z"}';
    const company = await testSandbox().company('acme', { script: { status, body } });
    const settings = company.clientSettings({ auth: AWS_KEY, retry: ONE_RETRY });
    const client = (await testEngine({ acme: settings })).client();
    await client.submit(numberedEvents('disposition_update', 1));
    await client.settled({ dead: 1 });
    const [letter] = await client.deadLetters();
    expect(letter?.history?.map((entry) => entry[1])).toEqual([status, status]);
    expect(letter?.response).toBe(body);
    const dates = company.requests.map(({ headers }) => headers['x-amz-date']);
    expect(new Set(dates).size).toBe(2);
    for (const request of company.requests) {
      expect(request.headers.authorization).toBe(await awsSignatureOf(AWS_KEY, request));
    }
  },
);
