import { expect, test } from 'vitest';
import type { Company } from '../../src/sandbox/company.ts';
import { type Script, unitOf } from '../../src/sandbox/scripts.ts';
import { QUICK_RETRIES, type TestClient, testEngine } from '../support/engine.ts';
import { numberedEvents, unitOfEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { uniqueClientName } from '../support/redis.ts';
import { byUnit, hold } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';

failOnLeaks();

const NOT_YOURS = { status: 401, body: '{"message":"not your store"}' };

/** Credentials that no other test has: tokens are shared through Redis under their name. */
const oauth2 = () => ({ type: 'oauth2', clientId: uniqueClientName() }) as const;

/** A 401 for ever for each 50th unit. */
const refusedUnits = (payloads: readonly ReturnType<typeof numberedEvents<'disposition_update'>>[number][]) =>
  payloads.filter((_, n) => n % 50 === 0).map((payload) => unitOfEvent('disposition_update', payload));

/** Renewals are at least 5 s apart. The first request for a token is none, and the first 401 comes at once. */
function expectRareRenewals({ tokenRequests }: Company): void {
  const times = tokenRequests.slice(1).map(({ at }) => at);
  for (const [n, at] of times.entries()) if (n > 0) expect(at - (times[n - 1] ?? 0)).toBeGreaterThan(4_990);
}

/** Each dead letter had six attempts with status 401, and none without a request. */
async function expectRefusedSixTimes(client: TestClient, count: number): Promise<void> {
  const letters = await client.deadLetters();
  expect(letters).toHaveLength(count);
  for (const { history } of letters) {
    expect(history?.map(([, status, failureClass]) => [status, failureClass])).toEqual(
      Array.from({ length: 6 }, () => [401, 'unauthorized']),
    );
  }
  expect((await client.status()).failedAttempts).toEqual({ unauthorized: 6 * count });
}

test('400 events of which 2 % are refused for ever: the others are delivered, and no attempt is without a request', async () => {
  const payloads = numberedEvents('disposition_update', 400);
  const refused = refusedUnits(payloads);
  const company = await testSandbox().company('acme', {
    auth: oauth2(),
    script: byUnit(Object.fromEntries(refused.map((unit) => [unit, NOT_YOURS]))),
  });
  const client = (await testEngine({ acme: company.clientSettings({ retry: QUICK_RETRIES }) })).client();
  await client.submit(payloads);
  await client.settled({ delivered: 392, dead: 8 });
  await expectRefusedSixTimes(client, 8);
  expectRareRenewals(company);
  expect((await client.deadLetters())[0]?.response).toBe(NOT_YOURS.body);
  const healthy = company.requests.filter((request) => !refused.includes(unitOf(request) ?? ''));
  expect(healthy.length).toBe(392);
});

test('100 events that are all refused for ever: six attempts each, and hardly a token request', async () => {
  const company = await testSandbox().company('acme', { auth: oauth2(), script: NOT_YOURS });
  const client = (await testEngine({ acme: company.clientSettings({ retry: QUICK_RETRIES }) })).client();
  await client.submit(numberedEvents('disposition_update', 100));
  await client.settled({ dead: 100 });
  await expectRefusedSixTimes(client, 100);
  expectRareRenewals(company);
  // Each 401 that came while a token was asked for is followed by a second request.
  expect(company.requests.length).toBeLessThanOrEqual(600 + 32 * company.tokenTally.received);
});

test('one event that is refused for ever: six attempts, 7 to 12 requests', async () => {
  const company = await testSandbox().company('acme', { auth: oauth2(), script: NOT_YOURS });
  const client = (await testEngine({ acme: company.clientSettings({ retry: QUICK_RETRIES }) })).client();
  await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ dead: 1 });
  await expectRefusedSixTimes(client, 1);
  expect(company.requests.length).toBeGreaterThanOrEqual(7);
  expect(company.requests.length).toBeLessThanOrEqual(12);
  expectRareRenewals(company);
});

test('two clients share a token and one refuses it for ever: the other one is served as ever', async () => {
  const sandbox = testSandbox();
  const acme = await sandbox.company('acme', { auth: oauth2() });
  const outlet = await sandbox.company('outlet', {
    auth: { type: 'oauth2', sharedWith: acme },
    script: NOT_YOURS,
  });
  const retry = QUICK_RETRIES;
  const engine = await testEngine({
    acme: acme.clientSettings({ retry }),
    outlet: outlet.clientSettings({ retry }),
  });
  await engine.client('outlet').submit(numberedEvents('disposition_update', 50));
  await engine.client('acme').submit(numberedEvents('disposition_update', 200));
  await engine.client('acme').settled({ delivered: 200 });
  await engine.client('outlet').settled({ dead: 50 });
  await expectRefusedSixTimes(engine.client('outlet'), 50);
  expect(await engine.client('acme').status()).toMatchObject({ dead: 0, failedAttempts: {} });
  expectRareRenewals(acme);
});

test('a token that is good only two seconds after it was issued costs a few attempts, and no event', async () => {
  const known = new Map<string, number>();
  const lateGateway: Script = ({ headers }) => {
    const authorization = headers.authorization ?? '';
    const first = known.get(authorization) ?? performance.now();
    known.set(authorization, first);
    return performance.now() - first < 2_000 ? 401 : 200;
  };
  const company = await testSandbox().company('acme', { auth: oauth2(), script: lateGateway });
  const client = (await testEngine({ acme: company.clientSettings() })).client();
  await client.submit(numberedEvents('disposition_update', 60));
  await company.waitFor(({ deliveredIds }) => deliveredIds.size >= 50);
  const { failedAttempts } = await client.status();
  expect(Object.keys(failedAttempts)).toEqual(['unauthorized']);
  expect(failedAttempts.unauthorized).toBeLessThanOrEqual(7);
  expect(company.tokenTally.received).toBe(2);
});

test('the token service fails while one event is refused: the others go on with the token at hand', async () => {
  const payloads = numberedEvents('disposition_update', 101);
  const [unit = ''] = refusedUnits(payloads);
  const company = await testSandbox().company('acme', {
    auth: oauth2(),
    script: byUnit({ [unit]: NOT_YOURS }),
  });
  const retry = { ...QUICK_RETRIES, retries: 0 };
  const client = (await testEngine({ acme: company.clientSettings({ retry }) })).client();
  await client.submit(payloads.slice(1, 2));
  await client.settled({ delivered: 1 });
  company.tokenScript(400);
  await client.submit(payloads.slice(0, 1));
  await client.settled({ delivered: 1, dead: 1 });
  await client.submit(payloads.slice(2));
  await client.settled({ delivered: 100, dead: 1 });
  expect((await client.status()).failedAttempts).toEqual({ unauthorized: 1 });
  const [letter] = await client.deadLetters();
  expect(letter?.response).toMatch(/answered 400.*; the endpoint answered: .*not your store/);
});

test.each([400, 403, 407])('a %i with error="invalid_token" renews the token like a 401', async (status) => {
  const { company, client } = await afterFirstToken({
    status,
    headers: { 'WWW-Authenticate': 'Bearer realm="x", error="invalid_token"' },
  });
  await client.submit(numberedEvents('disposition_update', 20, 1));
  await client.settled({ delivered: 21 });
  expect(company.tokenTally.received).toBe(2);
  expect(company.requests.every(({ headers }) => headers['x-waybill-attempt'] === '1')).toBe(true);
});

test('a status of auth.renewOn renews the token, and the same status without it does not', async () => {
  const { company, client } = await afterFirstToken({ status: 419 }, [419]);
  await client.submit(numberedEvents('disposition_update', 5, 1));
  await client.settled({ delivered: 6 });
  expect(company.tokenTally.received).toBe(2);

  const plain = await afterFirstToken({ status: 419 });
  await plain.client.submit(numberedEvents('disposition_update', 1, 1));
  await plain.client.settled({ delivered: 1, dead: 1 });
  expect(plain.company.tokenTally.received).toBe(1);
  expect((await plain.client.status()).failedAttempts).toEqual({ client_error: 6 });
});

test('events that waited for a token to be accepted go out within the rate', async () => {
  const company = await testSandbox().company('acme', { auth: oauth2() });
  const held = hold();
  company.script(held.script);
  const settings = company.clientSettings({ ratePerSecond: 20, concurrency: 32 });
  const client = (await testEngine({ acme: settings })).client();
  await client.submit(numberedEvents('disposition_update', 40));
  // The first request is held: all others wait for what becomes of the token, and try it each 500 ms.
  await company.waitFor(3);
  held.release();
  await client.settled({ delivered: 40 });
  const times = company.requests.map(({ at }) => at);
  for (const [n, at] of times.entries()) {
    const withinASecond = times.filter((other) => other >= at && other < at + 1_000).length;
    expect(withinASecond, `from request ${n} on`).toBeLessThanOrEqual(23);
  }
});

test.each([
  ['the client’s timeoutMs', 30_000, undefined],
  ['auth.timeoutMs', 1_000, 30_000],
])('a token service that takes 2.5 s is waited for as %s says', async (_what, timeoutMs, ofAuth) => {
  const company = await testSandbox().company('acme', { auth: oauth2(), tokenScript: { delayMs: 2_500 } });
  const settings = company.clientSettings({ timeoutMs, retry: { ...QUICK_RETRIES, retries: 0 } });
  const auth = { ...settings.auth, ...(ofAuth && { timeoutMs: ofAuth }) } as typeof settings.auth;
  const client = (await testEngine({ acme: { ...settings, auth } })).client();
  await client.submit(numberedEvents('disposition_update', 5));
  await client.settled({ delivered: 5 });
  expect((await client.status()).failedAttempts).toEqual({});
});

test('auth.timeoutMs ends the wait for a token service that does not answer', async () => {
  const company = await testSandbox().company('acme', { auth: oauth2(), tokenScript: 'hang' });
  const settings = company.clientSettings({
    timeoutMs: 60_000,
    pace: { holdMs: 0 },
    retry: { ...QUICK_RETRIES, retries: 0 },
  });
  const auth = { ...settings.auth, timeoutMs: 300 } as typeof settings.auth;
  const client = (await testEngine({ acme: { ...settings, auth } })).client();
  await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ dead: 1 });
  expect((await client.deadLetters())[0]?.response).toMatch(/ did not answer within 300 ms$/);
});

/** One event is delivered; from then on its token gets this answer, and any other one is good. */
async function afterFirstToken(
  answer: { readonly status: number; readonly headers?: Readonly<Record<string, string>> },
  renewOn?: number[],
) {
  const company = await testSandbox().company('acme', { auth: oauth2() });
  const settings = company.clientSettings({ retry: QUICK_RETRIES });
  const auth = { ...settings.auth, ...(renewOn && { renewOn }) } as typeof settings.auth;
  const client = (await testEngine({ acme: { ...settings, auth } })).client();
  await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ delivered: 1 });
  const expired = company.requests[0]?.headers.authorization;
  company.script(({ headers }) => (headers.authorization === expired ? { ...answer, body: '{}' } : 200));
  return { company, client };
}
