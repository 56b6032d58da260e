import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';
import { FILE, problemsOf } from '../support/config-problems.ts';
import { numberedEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { startTestApi } from './api-fixture.ts';

failOnLeaks();

const CLIENTS = 'clients: { acme: { baseUrl: "https://x.example", endpoints: { disposition_update: /d } } }';
const HASH = 'a'.repeat(64);

test('each route wants a key with its scope; the document is open', async () => {
  const { call, keys, name, log } = await startTestApi();
  const submit = `/v1/clients/${name}/events/disposition_update`;
  const json = numberedEvent('disposition_update', 0);
  const status = async (key: string | null, method: 'GET' | 'POST', path: string) =>
    (await call(method, path, { key, ...(method === 'POST' ? { json } : {}) })).status;
  expect(await status(keys.submit ?? '', 'POST', submit)).toBe(202);
  expect(await status(keys.operate ?? '', 'POST', submit)).toBe(403);
  expect(await status(keys.operate ?? '', 'GET', '/v1/clients')).toBe(200);
  expect(await status(keys.submit ?? '', 'GET', '/v1/clients')).toBe(403);
  for (const wrong of [null, `${keys.all}x`, keys.all.slice(0, -1), HASH, '']) {
    expect(await status(wrong, 'GET', '/v1/clients')).toBe(401);
    expect(await status(wrong, 'POST', submit)).toBe(401);
  }
  expect(await status(null, 'GET', '/openapi.json')).toBe(200);
  const refused = await call('GET', '/v1/clients', { key: null });
  expect(refused.headers['www-authenticate']).toBe('Bearer');
  expect(refused.body).toMatchObject({
    code: 'UNAUTHENTICATED',
    type: 'urn:waybill:problem:unauthenticated',
  });
  expect(log.matching('request')).toContainEqual(
    expect.objectContaining({ level: 'debug', method: 'POST', status: 202, by: 'submit' }),
  );
  for (const key of Object.values(keys)) expect(JSON.stringify(log.lines)).not.toContain(key);
  expect(JSON.stringify(log.lines)).not.toContain(json.optiturn_lp);
});

test('http: {} takes all defaults, and has no keys', () => {
  const { http } = parseConfig(`http: {}\n${CLIENTS}`, FILE, {});
  expect(http).toMatchObject({ host: '127.0.0.1', port: 8425, keys: [] });
});

test.each([
  [
    '{ keys: [{ name: a, sha256: s3cret-key, scopes: [submit] }] }',
    '$.http.keys[0].sha256 must be the SHA-256 of a key in 64 hexadecimal digits: "waybill key NAME" prints one',
  ],
  [
    `{ keys: [{ name: a, sha256: ${HASH}, scopes: [admin] }] }`,
    '$.http.keys[0].scopes[0] must be one of submit, read, operate',
  ],
  [
    `{ keys: [{ name: a, sha256: ${HASH}, scopes: [submit] }, { name: a, sha256: ${HASH}, scopes: [submit] }] }`,
    '$.http.keys[1].name is the name of a key above',
  ],
  [
    `{ keys: [{ name: a, sha256: ${HASH}, scopes: [submit], clients: [acme, acmee] }] }`,
    '$.http.keys[0].clients[1] is not a client of this file: did you mean "acme"?',
  ],
  [
    `{ keys: [{ name: a, sha256: ${HASH}, scopes: [submit], clients: [] }] }`,
    '$.http.keys[0].clients must name at least one client',
  ],
  [
    `{ port: 70000, keys: [{ name: a, sha256: ${HASH}, scopes: [submit] }] }`,
    '$.http.port must be at most 65535, found 70000',
  ],
])('http: %s', (http, problem) => {
  expect(problemsOf(`http: ${http}\n${CLIENTS}`)).toEqual([`1 ${problem}`]);
});

test('what is no request, or never becomes one, is answered and closed', async () => {
  const { api } = await startTestApi({ http: { requestTimeoutMs: 2_000 } });
  const ask = async (text: string): Promise<string> => {
    const socket = connect(Number(new URL(api.address).port), '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString())).on('error', () => {});
    socket.write(text);
    await once(socket, 'close');
    return answer;
  };
  const head = 'GET /v1/clients HTTP/1.1\r\nhost: x\r\n';
  const answers = await Promise.all([
    ask('hello\r\n\r\n'),
    ask(`${head}x: ${'x'.repeat(20_000)}\r\n\r\n`),
    ask(head),
  ]);
  expect(answers[0]).toMatch(/^HTTP\/1.1 400 [\s\S]*application\/problem\+json[\s\S]*"REQUEST_INVALID"/);
  expect(answers[1]).toMatch(/^HTTP\/1.1 431 [\s\S]*"HEADERS_TOO_LARGE"/);
  expect(answers[2]).toMatch(/^HTTP\/1.1 408 [\s\S]*"REQUEST_TIMEOUT"/);
});

test.each([
  ['is not percent-encoded', '/v1/clients/%zz', 400, 'REQUEST_INVALID'],
  ['is no UTF-8', '/v1/events/%E0%A4%A', 400, 'REQUEST_INVALID'],
  ['has a part that is too long', `/v1/clients/${'a'.repeat(300)}`, 404, 'NOT_FOUND'],
])('a path that %s is a fault of the request, and fills no log', async (_what, path, status, code) => {
  const { call, log } = await startTestApi();
  expect(await call('GET', path, { key: null })).toMatchObject({ status, body: { status, code } });
  expect(log.lines.filter(({ level }) => level === 'error')).toEqual([]);
});
