import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { certificates } from './certificates.ts';
import { client, opened } from './http-fixture.ts';

const ACME = await certificates();

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
