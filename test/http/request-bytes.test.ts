import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { certificates } from './certificates.ts';
import { client, opened, serve } from './http-fixture.ts';
import { respond } from './scripted-server.ts';

const ACME = await certificates();

describe('the bytes of a request', () => {
  test.each<[string, { headers?: string[]; body?: string | null; method?: 'GET' | 'PUT' }, string]>([
    ['an empty body', { body: '' }, 'content-length: 0\r\n\r\n'],
    ['no body', { body: null, method: 'GET' }, '\r\n'],
    ['a body', { body: '{"a":1}' }, 'content-length: 7\r\n\r\n{"a":1}'],
    ['a body that is put', { body: '{"a":1}', method: 'PUT' }, 'content-length: 7\r\n\r\n{"a":1}'],
    [
      'headers, in their order, with their spelling',
      { headers: ['X-B', '1', 'x-a', '', 'X-B', '2'], body: '' },
      'X-B: 1\r\nx-a: \r\nX-B: 2\r\ncontent-length: 0\r\n\r\n',
    ],
  ])('%s', async (_name, { method = 'POST' as const, headers = [], body = '' }, rest) => {
    const server = await serve((received) => respond(received, 200));
    const url = `http://127.0.0.1:${server.port}/x?y=z`;
    await client().post({ url, method, headers, body });
    const host = `host: 127.0.0.1:${server.port}\r\nconnection: keep-alive\r\n`;
    expect(server.requests[0]?.text).toBe(`${method} /x?y=z HTTP/1.1\r\n${host}${rest}`);
  });
});

describe('a header that cannot be sent: the request is refused, and no connection is opened', () => {
  const SECRET = 'top-secret';

  async function refusal(name: string, value: string): Promise<unknown> {
    const server = await serve((received) => respond(received, 200));
    const posted = client().post({ url: server.url, headers: ['x-first', 'a', name, value], body: '{}' });
    const error: unknown = await posted.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(server.sockets).toHaveLength(0);
    return error;
  }

  test.each([
    ['transfer-encoding'],
    ['expect'],
    ['keep-alive'],
    ['upgrade'],
    [''],
    ['x a'],
    ['x-a:'],
    ['x-a\r\nx-b'],
    ['x-a\n'],
    ['x\0a'],
    ['x-\xe9'],
    ['(x)'],
  ])('the name %j', async (name) => {
    const error = await refusal(name, SECRET);
    expect(error).toMatchObject({ code: 'HTTP_REQUEST_INVALID' });
    expect(`${(error as Error).stack}`).not.toContain(SECRET);
  });

  test.each([
    ['a line feed', '\n'],
    ['a carriage return', '\r'],
    ['both', '\r\nx-b: c'],
    ['a NUL', '\0'],
    ['an escape sequence', '\x1b[31m'],
    ['DEL', '\x7f'],
    ['the first character above U+00FF', '\u0100'],
    // Its low byte is a line feed.
    ['one that Latin-1 would make a line feed', '\u010a'],
    ['one of UTF-16', '\u{1f4e6}'],
  ])('a value with %s', async (_name, text) => {
    for (const value of [SECRET + text, text + SECRET]) {
      const error = await refusal('x-key', value);
      expect(error).toMatchObject({
        code: 'HTTP_REQUEST_INVALID',
        message: expect.stringMatching(/^request to 127\.0\.0\.1:\d+: invalid x-key header$/),
      });
      expect(`${(error as Error).stack}`).not.toContain(SECRET);
    }
  });
});

/** One after another on one connection; what is true for one must not leak into the next. */
const BODIES = [
  '{"unit":"LP1"}',
  '{"unit":"é"}',
  '{"unit":"LP2"}',
  '{"unit":"\u{1f4e6}ÿ\u0080"}',
  '',
  `{"note":"${'x'.repeat(200_000)}"}`,
  `{"note":"${'ü'.repeat(200_000)}"}`,
  '{"unit":"LP3"}',
];

/** A server of Node's own, and a client that knows it. */
async function connected(tls: typeof ACME | undefined) {
  const requests: { method: string | undefined; headers: IncomingMessage['headers']; body: string }[] = [];
  const ports = new Set<number | undefined>();
  const listener = async (request: IncomingMessage, response: { end(): void }) => {
    ports.add(request.socket.remotePort);
    const { method, headers } = request;
    requests.push({ method, headers, body: (await buffer(request)).toString() });
    response.end();
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls.server, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push({
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  const { port } = server.address() as AddressInfo;
  const url = tls === undefined ? `http://127.0.0.1:${port}/x` : `https://localhost:${port}/x`;
  return { requests, ports, url, http: client(tls === undefined ? {} : { tls: { ca: tls.ca } }) };
}

describe.each([
  ['plain', undefined],
  ['TLS', ACME],
])('over %s', (_how, tls) => {
  test('a request has its head and exactly its body, whatever characters these are of', async () => {
    const { http, url, requests, ports } = await connected(tls);
    const headers = ['content-type', 'application/json', 'x-name', 'Zoë'];
    for (const body of BODIES) {
      expect(await http.post({ url, headers, body })).toMatchObject({ status: 200 });
      expect(requests.at(-1)).toMatchObject({ method: 'POST', body });
      expect(requests.at(-1)?.headers).toMatchObject({
        'x-name': 'Zoë',
        'content-length': `${Buffer.byteLength(body)}`,
      });
    }
    expect(ports.size).toBe(1);
  });

  test('a request without a body is not given that of the one before', async () => {
    const { http, url, requests } = await connected(tls);
    await http.post({ url, headers: [], body: 'one' });
    await http.post({ url, headers: [], body: null, method: 'GET' });
    await http.post({ url, headers: [], body: 'two' });
    expect(requests.map(({ method, body }) => [method, body])).toEqual([
      ['POST', 'one'],
      ['GET', ''],
      ['POST', 'two'],
    ]);
  });
});
