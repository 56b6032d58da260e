import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { ClientSettings } from '../../src/sandbox/company.ts';
import type { CompanyAuth } from '../../src/sandbox/company-auth.ts';
import type { Script } from '../../src/sandbox/scripts.ts';
import { opened } from '../http/http-fixture.ts';
import { startScriptedServer } from '../http/scripted-server.ts';
import { testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { uniqueClientName } from '../support/redis.ts';
import { testSandbox } from '../support/sandbox.ts';
import { AWS_KEY } from '../support/signatures.ts';

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

test('of headers, what came from the environment is masked wherever an answer is kept; the rest stays', async () => {
  const token = 'marked-token';
  const company = await testSandbox().company('acme', { auth: { type: 'bearer', token }, script: echo(500) });
  const headers = { 'X-Tenant': 'returns-tenant', 'X-Key': '${KEY}', 'X-Parts': 'id=acme;key=${PART}' };
  const disposition_update = { path: '/dispositions', headers: { 'x-own': 'Token ${OWN}' } };
  const settings = { headers, endpoints: { disposition_update }, retry: { retries: 0 } };
  const env = { KEY: `around-${token}-it`, PART: 'marked part', OWN: 'marked/own==' };
  const engine = await testEngine({ acme: company.clientSettings(settings) }, { env });
  const client = engine.client();
  await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ dead: 1 });
  const [letter] = await client.deadLetters();

  expect(company.requests[0]?.headers).toMatchObject({
    'x-tenant': 'returns-tenant',
    'x-key': 'around-marked-token-it',
    'x-parts': 'id=acme;key=marked part',
    'x-own': 'Token marked/own==',
    authorization: `Bearer ${token}`,
  });
  expect(letter?.response).toContain('returns-tenant');
  expect(letter?.response).toContain('***');
  const kept = JSON.stringify([letter, engine.log.lines, await client.status()]);
  expect(kept).not.toMatch(/marked|around-/);
  for (const secret of Object.values(env)) {
    for (const text of [encodeURIComponent(secret), base64(secret).slice(0, -4)]) {
      expect(kept).not.toContain(text);
    }
  }
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

test('secrets that sign requests are kept nowhere, though an endpoint knows them and sends them back', async () => {
  const key = 'marked key of a signature';
  const auth = { ...AWS_KEY, secretAccessKey: 'marked/secret+key', sessionToken: 'marked/session+token==' };
  const secrets = [`whsec_${base64(key)}`, base64('marked key of another one')];
  const company = await testSandbox().company('acme', {
    script: ({ headers }) => ({
      status: 403,
      body: JSON.stringify({ expected: [...secrets, key, auth.secretAccessKey], headers }),
    }),
  });
  const settings = company.clientSettings({ auth, signing: { secrets }, retry: { retries: 0 } });
  const engine = await testEngine({ acme: settings });
  const client = engine.client();
  await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ dead: 1 });
  const [letter] = await client.deadLetters();
  expect(company.requests[0]?.headers['x-amz-security-token']).toBe(auth.sessionToken);
  expect(letter?.response).toContain('"expected":["***","***","***","***"]');
  expect(letter?.response).toContain('"x-amz-security-token":"***"');
  const kept = JSON.stringify([letter, engine.log.lines, await client.status()]);
  expect(kept).not.toMatch(/marked/);
  for (const secret of secrets) expect(kept).not.toContain(secret.replace('whsec_', ''));
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

test('a secret in the host of a redirect, in a long header, and where a packed body breaks off', async () => {
  const key = 'MarkedKeyOfAcme0123';
  const packed = gzipSync(`your key is ${key} and more`, { level: 0 });
  // In the middle of the key: of a text that is not compressed, all up to there can be read.
  const cut = packed.subarray(0, packed.indexOf(key) + key.length - 3);
  const answers: readonly (readonly [number, readonly string[], Buffer])[] = [
    [302, [`location: https://${key}.example/x`], Buffer.of()],
    [500, [`server: ${'%252F'.repeat(2_000)}${key}`, `x-request-id: ${key}`], Buffer.of()],
    [500, ['content-encoding: gzip'], cut],
  ];
  const server = await startScriptedServer(({ socket, number }) => {
    const [status, headers, body] = answers[number - 1] as (typeof answers)[number];
    const head = [`HTTP/1.1 ${status} Text`, `content-length: ${body.length}`, ...headers, '', ''];
    socket.write(Buffer.concat([Buffer.from(head.join('\r\n')), body]));
  });
  opened.push(server);
  const engine = await testEngine({
    acme: {
      baseUrl: `http://127.0.0.1:${server.port}`,
      endpoints: { disposition_update: '/d' },
      auth: { type: 'bearer', token: key },
      ...{ allowPrivateNetwork: true, concurrency: 1, pace: 'fixed', retry: { retries: 0 } },
    },
  });
  const client = engine.client();
  await client.submit(numberedEvents('disposition_update', 3));
  await client.settled({ dead: 3 });
  const kept = JSON.stringify([await client.deadLetters(), engine.log.lines, await client.status()]);
  expect(kept).toContain('your key is ***');
  expect(kept).not.toMatch(/markedkey/i);
});
