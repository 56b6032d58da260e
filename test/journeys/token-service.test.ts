import { expect, test } from 'vitest';
import type { ReceivedRequest } from '../../src/sandbox/request-log.ts';
import type { Script } from '../../src/sandbox/scripts.ts';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { uniqueClientName } from '../support/redis.ts';
import { testSandbox } from '../support/sandbox.ts';

failOnLeaks();

/** A company that logs callers in at /login by its own rules; each login makes the next token, and ends the last. */
async function companyWithLogin() {
  const logins: ReceivedRequest[] = [];
  let issued = 0;
  const script: Script = (request) => {
    if (request.path === '/login') {
      logins.push(request);
      issued += 1;
      return { status: 200, body: JSON.stringify({ 'a/b': [{ token: `t-${issued}` }], ttl: 3_600 }) };
    }
    return request.headers['x-session'] === `Tok t-${issued}` ? 200 : 401;
  };
  const company = await testSandbox().company('acme', { script });
  const password = uniqueClientName('password');
  const settings = company.clientSettings({
    retry: QUICK_RETRIES,
    auth: {
      type: 'token_service',
      url: `${company.baseUrl}/login`,
      method: 'PUT',
      headers: { 'X-Tenant': '42', 'Content-Type': 'application/vnd.acme+json' },
      body: { user: 'waybill', secrets: [password, 5] },
      tokenPointer: '/a~1b/0/token',
      expiresInPointer: '/ttl',
      header: 'X-Session',
      prefix: 'Tok ',
    },
  });
  return { company, settings, logins, password, revoke: () => (issued += 1) };
}

test('the token is asked for as configured, sent as configured, and renewed once for a storm of 401s', async () => {
  const { company, settings, logins, password, revoke } = await companyWithLogin();
  const engine = await testEngine({ acme: settings, other: settings });
  const client = engine.client('acme');
  await client.submit(numberedEvents('disposition_update', 20));
  await client.settled({ delivered: 20 });
  // The same login for another client: the same token, through Redis.
  await engine.client('other').submit(numberedEvents('disposition_update', 5));
  await engine.client('other').settled({ delivered: 5 });
  expect(logins).toHaveLength(1);
  expect(logins[0]).toMatchObject({
    method: 'PUT',
    headers: { 'x-tenant': '42', 'content-type': 'application/vnd.acme+json', accept: 'application/json' },
    body: JSON.stringify({ user: 'waybill', secrets: [password, 5] }),
  });

  revoke();
  await client.submit(numberedEvents('disposition_update', 50, 20));
  await client.settled({ delivered: 70 });
  expect(logins).toHaveLength(2);
  expect(await client.status()).toMatchObject({ delivered: 70, dead: 0 });
  expect(JSON.stringify([engine.log.lines, await client.status()])).not.toContain(password);
  expect(company.requests.at(-1)?.headers.authorization).toBeUndefined();
  const renewed = [...engine.engine.meter.clients.values()].map(({ tokens }) => tokens?.get('renewed') ?? 0);
  expect(renewed.reduce((sum, count) => sum + count, 0)).toBe(2);
});
