import { request } from 'undici';
import { expect, test } from 'vitest';
import { clientConfigSchema } from '../../src/config/client-config.ts';
import type { Company } from '../../src/sandbox/company.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { failTimes, sequence, slow } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';
import { post, testAgent } from './post.ts';

failOnLeaks();

const CREDENTIALS = { client_id: 'waybill', client_secret: 'not-much-of-a-secret' };
const GRANT = { grant_type: 'client_credentials', ...CREDENTIALS };

async function askForToken(company: Company, body: string, headers: Record<string, string>) {
  const {
    statusCode,
    headers: answered,
    body: answer,
  } = await request(company.tokenUrl, {
    method: 'POST',
    dispatcher: testAgent(),
    headers,
    body,
  });
  const fields = (await answer.json()) as Record<string, unknown>;
  return { ...fields, status: statusCode, headers: answered, access_token: fields.access_token };
}

const askAsJson = (company: Company, fields: object = GRANT) =>
  askForToken(company, JSON.stringify(fields), { 'content-type': 'application/json' });
const askAsForm = (company: Company, fields: Readonly<Record<string, string>> = GRANT, headers = {}) =>
  askForToken(company, new URLSearchParams(fields).toString(), {
    'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
    ...headers,
  });
const basic = (id: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
});

async function statusWith(company: Company, headers: Record<string, string>): Promise<number> {
  return (await post(company, { headers })).status;
}
const bearer = (token: unknown) => ({ authorization: `Bearer ${String(token)}` });

test.each([
  ['none', { type: 'none' }, {}],
  ['bearer', { type: 'bearer', token: 't0ken' }, { authorization: 'Bearer t0ken' }],
  ['basic', { type: 'basic', username: 'acme', password: 'a:b' }, basic('acme', 'a:b')],
  ['api_key', { type: 'api_key', header: 'X-Api-Key', key: 'k3y' }, { 'x-api-key': 'k3y' }],
] as const)('%s: the right header passes, and the client settings say so', async (type, auth, headers) => {
  const acme = await testSandbox().company('acme', { auth });
  expect(await statusWith(acme, { ...headers })).toBe(200);
  const without = await post(acme);
  expect(without).toMatchObject(type === 'none' ? { status: 200 } : { status: 401, body: '' });
  expect(clientConfigSchema.parse(acme.clientSettings()).auth).toEqual(auth);
});

test('a refused request is recorded, and the script is not asked', async () => {
  const auth = { type: 'bearer', token: 't0ken' } as const;
  const acme = await testSandbox().company('acme', { auth, script: failTimes(1, 500) });
  expect(await statusWith(acme, {})).toBe(401);
  expect(await statusWith(acme, bearer('t0ken'))).toBe(500);
  expect(await statusWith(acme, bearer('t0ken'))).toBe(200);
  expect(acme.requests.map(({ answered }) => answered?.status)).toEqual([401, 500, 200]);
});

test('the token service answers in the form of the contract', async () => {
  const sandbox = testSandbox({ wallClock: () => 1_700_000_000_999 });
  const acme = await sandbox.company('acme', { auth: { type: 'oauth2', expiresInSeconds: 60 } });
  const { access_token, headers, ...rest } = await askAsJson(acme);
  expect(rest).toEqual({
    status: 200,
    token_type: 'Bearer',
    expires_in: 60,
    scope: 'read write',
    created_at: 1_700_000_000,
  });
  expect(headers['cache-control']).toBe('no-store');
  expect(await statusWith(acme, bearer(access_token))).toBe(200);
  expect(await statusWith(acme, bearer('another'))).toBe(401);
  expect(acme.tokenService?.issued).toBe(1);
});

test('JSON, form and Basic credentials are accepted, and the requested scope is granted', async () => {
  const auth = { type: 'oauth2', clientId: 'ac me', clientSecret: 'p%+:ß' } as const;
  const acme = await testSandbox().company('acme', { auth });
  const fields = {
    grant_type: 'client_credentials',
    client_id: 'ac me',
    client_secret: 'p%+:ß',
    scope: 'read',
  };
  expect(await askAsJson(acme, fields)).toMatchObject({ status: 200, scope: 'read' });
  expect(await askAsForm(acme, fields)).toMatchObject({ status: 200, scope: 'read' });
  const encoded = basic('ac+me', encodeURIComponent('p%+:ß'));
  const grant = { grant_type: 'client_credentials', scope: 'read' };
  expect(await askAsForm(acme, grant, encoded)).toMatchObject({ status: 200, scope: 'read' });
  expect(acme.tokenRequests).toHaveLength(3);
  expect(acme.requests).toHaveLength(0);
});

test.each([
  ['a wrong secret', { ...GRANT, client_secret: 'wrong' }, 401, 'invalid_client'],
  ['no credentials', { grant_type: 'client_credentials' }, 401, 'invalid_client'],
  ['another grant', { ...GRANT, grant_type: 'password' }, 400, 'unsupported_grant_type'],
])('%s is refused', async (_what, fields, status, error) => {
  const acme = await testSandbox().company('acme', { auth: { type: 'oauth2' } });
  expect(await askAsJson(acme, fields)).toMatchObject({
    status,
    error,
    error_description: expect.any(String),
  });
  expect(await askAsForm(acme, fields)).toMatchObject({ status, error });
});

test('a body that cannot be read, and malformed Basic credentials, are refused', async () => {
  const acme = await testSandbox().company('acme', { auth: { type: 'oauth2' } });
  const json = { 'content-type': 'application/json' };
  expect(await askForToken(acme, '{', json)).toMatchObject({ status: 400, error: 'invalid_request' });
  expect(await askForToken(acme, '3', json)).toMatchObject({ status: 400, error: 'invalid_request' });
  for (const headers of [basic('no-colon', '%zz'), { authorization: 'Basic bm9uZQ==' }]) {
    expect(await askAsForm(acme, GRANT, headers)).toMatchObject({ status: 401, error: 'invalid_client' });
  }
});

test('a service can insist on one style', async () => {
  const acme = await testSandbox().company('acme', { auth: { type: 'oauth2', styles: ['form'] } });
  expect(await askAsJson(acme)).toMatchObject({ status: 401, error: 'invalid_client' });
  expect(await askAsForm(acme)).toMatchObject({ status: 200 });
  expect(acme.clientSettings().auth).toMatchObject({ style: 'form', tokenUrl: acme.tokenUrl });
});

test('revoked tokens are refused until a new one is asked for', async () => {
  const acme = await testSandbox().company('acme', { auth: { type: 'oauth2' } });
  const first = bearer((await askAsJson(acme)).access_token);
  expect(await statusWith(acme, first)).toBe(200);
  acme.revokeTokens();
  expect(await statusWith(acme, first)).toBe(401);
  expect(await statusWith(acme, bearer((await askAsJson(acme)).access_token))).toBe(200);
  expect(await statusWith(acme, first)).toBe(401);
});

test('tokens expire', async () => {
  const acme = await testSandbox().company('acme', { auth: { type: 'oauth2', expiresInSeconds: 0 } });
  expect(await statusWith(acme, bearer((await askAsJson(acme)).access_token))).toBe(401);
});

test('one token at a time: a new one ends the one before', async () => {
  const acme = await testSandbox().company('acme', { auth: { type: 'oauth2', oneTokenAtATime: true } });
  const first = bearer((await askAsJson(acme)).access_token);
  const second = bearer((await askAsJson(acme)).access_token);
  expect(await statusWith(acme, first)).toBe(401);
  expect(await statusWith(acme, second)).toBe(200);
});

test('companies can share a token service', async () => {
  const sandbox = testSandbox();
  const acme = await sandbox.company('acme', { auth: { type: 'oauth2' } });
  const outlet = await sandbox.company('acme-outlet', { auth: { type: 'oauth2', sharedWith: acme } });
  expect(outlet.clientSettings().auth).toEqual(acme.clientSettings().auth);
  const token = bearer((await askAsJson(acme)).access_token);
  expect(await statusWith(outlet, token)).toBe(200);
  outlet.revokeTokens();
  expect(await statusWith(acme, token)).toBe(401);
  const open = await sandbox.company('acme-open');
  await expect(sandbox.company('x', { auth: { type: 'oauth2', sharedWith: open } })).rejects.toThrow(
    /no token service/,
  );
});

test('the token service can fail, be slow and hang', async () => {
  const tokenScript = sequence([503, 'close', slow(10)]);
  const acme = await testSandbox().company('acme', { auth: { type: 'oauth2' }, tokenScript });
  expect(await askAsJson(acme)).toMatchObject({ status: 503 });
  await expect(askAsJson(acme)).rejects.toThrow();
  expect(await askAsJson(acme)).toMatchObject({ status: 200, access_token: expect.any(String) });
  expect(acme.tokenTally).toMatchObject({ received: 3, inFlight: 0 });
  expect([...acme.tokenTally.byAnswer]).toEqual([
    ['503', 1],
    ['close', 1],
    ['200', 1],
  ]);
});
