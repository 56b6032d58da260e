import { expect, test } from 'vitest';
import type { ClientSettings } from '../../src/sandbox/company.ts';
import type { CompanyAuth } from '../../src/sandbox/company-auth.ts';
import type { Script } from '../../src/sandbox/scripts.ts';
import { testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { uniqueClientName } from '../support/redis.ts';
import { testSandbox } from '../support/sandbox.ts';

failOnLeaks();

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** Answers with everything that it was sent, in several ways of writing. */
const echo =
  (status: number): Script =>
  ({ headers }) => {
    const values = Object.values(headers).map(String);
    const message = values.map((value) => `${value} ${encodeURIComponent(value)} ${base64(value)}`);
    const errors = [{ field: `$.${headers.authorization ?? headers['x-api-key']}`, code: 'invalid' }];
    return { status, body: JSON.stringify({ errors, message, headers }) };
  };

const AUTH: Readonly<Record<string, () => CompanyAuth>> = {
  bearer: () => ({ type: 'bearer', token: 'marked/bearer+token==' }),
  basic: () => ({ type: 'basic', username: 'waybill', password: 'marked: "password"' }),
  api_key: () => ({ type: 'api_key', header: 'X-Api-Key', key: 'marked key, with blanks' }),
  oauth2: () => ({ type: 'oauth2', clientId: uniqueClientName() }),
};
const cases = Object.keys(AUTH).flatMap((type) => [401, 422, 500].map((status) => ({ type, status })));

test.each(cases)('$type credentials that come back with a $status are kept nowhere', async (wanted) => {
  const company = await testSandbox().company('acme', {
    auth: AUTH[wanted.type]?.() ?? { type: 'none' },
    script: echo(wanted.status),
  });
  const retry: ClientSettings['retry'] = { retries: 0 };
  const engine = await testEngine({ acme: company.clientSettings({ retry }) });
  const client = engine.client();
  await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ dead: 1 });
  const [letter] = await client.deadLetters();
  const kept = JSON.stringify([letter, engine.log.lines, await client.status()]);

  expect(letter?.response).toContain('***');
  expect(letter?.response).toContain('idempotency-key');
  const sent = company.requests.map(({ headers }) => String(headers.authorization ?? headers['x-api-key']));
  expect(sent.length).toBeGreaterThan(0);
  for (const header of sent) {
    const credentials = header.replace(/^(?:Basic|Bearer) /, '');
    for (const text of [credentials, encodeURIComponent(credentials), base64(header).slice(8, -4)]) {
      expect(kept).not.toContain(text);
    }
  }
  expect(kept).not.toMatch(/marked/);
});

test('credentials are masked where the part of an answer that is kept ends in the middle of them', async () => {
  const token = `marked-${'t'.repeat(40)}`;
  const company = await testSandbox().company('acme', {
    auth: { type: 'bearer', token },
    // 2,048 bytes are read; of these, 2,048 less its headers are kept.
    script: ({ headers }) => ({ status: 500, body: `${'x'.repeat(2_030)} ${headers.authorization}` }),
  });
  const engine = await testEngine({ acme: company.clientSettings({ retry: { retries: 0 } }) });
  const client = engine.client();
  await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ dead: 1 });
  const [letter] = await client.deadLetters();
  expect(letter?.response).toMatch(/^x{1900,2030}(?: (?:Bearer )?\*\*\*)?$/);
});

test('a key in the query of an endpoint’s URL is masked where the endpoint repeats it', async () => {
  const company = await testSandbox().company('acme', {
    script: ({ path }) => ({ status: 404, body: `Cannot POST ${path} of ${decodeURIComponent(path)}` }),
  });
  const endpoints = { disposition_update: '/dispositions?version=2&code=marked%2Fkey==' };
  const engine = await testEngine({ acme: company.clientSettings({ endpoints, retry: { retries: 0 } }) });
  const client = engine.client();
  await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ dead: 1 });
  const [letter] = await client.deadLetters();
  const masked = '/dispositions?version=2&code=***';
  expect(letter?.response).toBe(`Cannot POST ${masked} of ${masked}`);
  expect(JSON.stringify([engine.log.lines, await client.status()])).not.toContain('marked');
});
