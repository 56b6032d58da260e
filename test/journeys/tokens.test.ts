import { expect, test } from 'vitest';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { waitForLines } from '../support/log-counts.ts';
import { testRedis, uniqueClientName } from '../support/redis.ts';
import { hold } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';

failOnLeaks();

/** Credentials that no other test has: tokens are shared through Redis under their name. */
const oauth2 = () => ({ type: 'oauth2', clientId: uniqueClientName() }) as const;

test('300 events in flight when the token expires: one token request in all', async () => {
  const company = await testSandbox().company('acme', { auth: oauth2() });
  const client = (
    await testEngine({
      acme: company.clientSettings({ concurrency: 300, endpoints: { disposition_update: '/dispositions' } }),
    })
  ).client();
  await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ delivered: 1 });
  const expired = company.requests[0]?.headers.authorization;

  // The client looks at the token when it answers: by then it is no longer good.
  const held = hold(({ headers }) => (headers.authorization === expired ? 401 : 200));
  company.script(held.script);
  const ids = await client.submit(numberedEvents('disposition_update', 300, 1));
  await company.waitFor(301);
  expect(company.tally.inFlight).toBe(300);
  company.revokeTokens();
  held.release();
  await client.settled({ delivered: 301 });

  expect(company.tokenTally.received).toBe(2);
  expect(company.tally.received).toBe(601);
  expect(company.tally.byAnswer.get('401')).toBe(300);
  expect(ids.every((id) => company.deliveredIds.has(id))).toBe(true);
  expect(company.requests.every((request) => request.headers['x-waybill-attempt'] === '1')).toBe(true);
});

test('two clients with the same credentials share a token and do not void each other’s', async () => {
  const sandbox = testSandbox();
  const acme = await sandbox.company('acme', { auth: { ...oauth2(), oneTokenAtATime: true } });
  const outlet = await sandbox.company('outlet', { auth: { type: 'oauth2', sharedWith: acme } });
  const engine = await testEngine({ acme: acme.clientSettings(), outlet: outlet.clientSettings() });
  const clients = [engine.client('acme'), engine.client('outlet')];
  for (const from of [0, 20, 40]) {
    await Promise.all(clients.map((client) => client.submit(numberedEvents('disposition_update', 20, from))));
    await Promise.all(clients.map((client) => client.settled({ delivered: from + 20 })));
  }
  expect(acme.tokenTally.received).toBe(1);
  for (const company of [acme, outlet]) expect([...company.tally.byAnswer]).toEqual([['200', 60]]);
});

test('a second engine takes up the token of the first', async () => {
  const company = await testSandbox().company('acme', { auth: oauth2() });
  const engine = await testEngine({ acme: company.clientSettings() });
  await engine.client().submit(numberedEvents('disposition_update', 1));
  await engine.client().settled({ delivered: 1 });
  await engine.engine.stop(1_000);
  await engine.start();
  await engine.client().submit(numberedEvents('disposition_update', 1, 1));
  await engine.client().settled({ delivered: 2 });
  expect(company.tokenTally.received).toBe(1);
});

test('the token service is down: events wait without an attempt, and are delivered once it is back', async () => {
  const company = await testSandbox().company('acme', { auth: oauth2(), tokenScript: 503 });
  const engine = await testEngine({ acme: company.clientSettings({ retry: QUICK_RETRIES }) });
  const client = engine.client();
  const [id] = await client.submit(numberedEvents('disposition_update', 10));
  await waitForLines(engine.log, 1, ({ msg }) => msg === 'events wait for a token');
  const [line] = engine.log.matching('events wait for a token');
  expect(line).toMatchObject({
    level: 'warn',
    blame: 'service',
    reason: expect.stringContaining('answered 503'),
  });
  await until(async () => (await client.status()).waiting === 10);
  const { endpoints, failedAttempts } = await client.status();
  expect(endpoints['disposition_update']?.withheld).toMatchObject({ for: 'token', blame: 'service' });
  expect(failedAttempts).toEqual({});

  company.tokenScript({});
  await client.settled({ delivered: 10 });
  expect([company.tally.received, company.tokenTally.received]).toEqual([10, 4]);
  expect(client.attempts(id)).toMatchObject([{ attempt: 1, outcome: 'delivered', status: 200 }]);
  await until(async () => (await client.status()).endpoints['disposition_update']?.withheld === undefined);
  expect(engine.log.matching('events are sent again')).toMatchObject([{ heldFor: 'token' }]);
});

test('the longest hold for a token is over: each try without one is a failed attempt of class token', async () => {
  const company = await testSandbox().company('acme', { auth: oauth2(), tokenScript: 401 });
  const settings = { retry: QUICK_RETRIES, pace: { holdMs: 0 } };
  const engine = await testEngine({ acme: company.clientSettings(settings) });
  const client = engine.client();
  await client.submit(numberedEvents('disposition_update', 3));
  await client.settled({ dead: 3 });
  const [letter] = await client.deadLetters();
  expect(letter?.history?.map(([, status, failureClass]) => [status, failureClass])).toEqual(
    Array.from({ length: 6 }, () => [0, 'token']),
  );
  expect(letter?.response).toContain('refuses the credentials: check clientId, clientSecret and style');
  expect([company.tally.received, company.tokenTally.received]).toEqual([0, 1]);
});

test('tokens and secrets stand neither in jobs, nor in dead letters, nor in the log', async () => {
  const clientSecret = 'a-secret-of-its-own';
  const company = await testSandbox().company('acme', {
    auth: { ...oauth2(), clientSecret },
    script: { status: 500, body: '' },
  });
  const engine = await testEngine({ acme: company.clientSettings({ retry: { retries: 0 } }) });
  const client = engine.client();
  await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ dead: 1 });
  const token = company.requests[0]?.headers.authorization?.slice('Bearer '.length) ?? '';
  expect(token).not.toBe('');
  const kept = JSON.stringify([await everythingOf(client.name), engine.log.lines]);
  expect(kept).not.toContain(token);
  expect(kept).not.toContain(clientSecret);
});

/** The contents of all keys of a client. */
async function everythingOf(name: string): Promise<unknown[]> {
  const redis = testRedis();
  const keys = (await redis.keys('*')).filter((key) => key.includes(`{wb:${name}}`));
  return Promise.all(
    keys.map(async (key) =>
      (await redis.type(key)) === 'hash' ? redis.hgetall(key) : await redis.dump(key),
    ),
  );
}
