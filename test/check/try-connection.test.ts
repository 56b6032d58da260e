import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { tryConnection } from '../../src/check/try-connection.ts';
import type { Lookup } from '../../src/http/share-questions.ts';
import { certificates } from '../http/certificates.ts';
import { MESSAGE, client as newClient, serve, serveRaw } from '../http/http-fixture.ts';
import { freePort } from '../support/foreign-server.ts';
import { startProxy } from '../support/proxies.ts';
import { routesOf } from '../support/proxy-routes.ts';

const ACME = await certificates();
const PRIVATE = { allowPrivateNetwork: true };
/** Finds only what hangs. */
const TIMEOUT_MS = 60_000;

const byName = (port: number, protocol = 'https') => new URL(`${protocol}://localhost:${port}/path`);

describe('tryConnection', () => {
  test('a server without TLS: its address and a round trip, and no request', async () => {
    const server = await serve(() => {});
    const result = await tryConnection(new URL(server.url), PRIVATE, TIMEOUT_MS);
    const took = expect.toSatisfy((ms: number) => ms > 0);
    expect(result).toEqual({ kind: 'connected', address: '127.0.0.1', roundTripMs: took, ms: took });
    await server.allClosed();
    expect(server.requests).toEqual([]);
  });

  test('a server with TLS: version, chain and times, and no request', async () => {
    const server = await serve(() => {}, ACME.server);
    const result = await tryConnection(byName(server.port), { ...PRIVATE, tls: { ca: ACME.ca } }, TIMEOUT_MS);
    expect(result).toMatchObject({
      kind: 'connected',
      address: '127.0.0.1',
      tls: {
        version: 'TLSv1.3',
        // Without the root, which is ours to trust.
        chain: [{ subject: 'endpoint', issuer: 'acme test authority' }],
      },
    });
    await server.allClosed();
    expect(server.requests).toEqual([]);
  });

  test('a name with several addresses: the one that took the connection', async () => {
    const server = await serve(() => {});
    const addresses = [
      { address: '127.0.0.9', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ];
    const options = {
      ...PRIVATE,
      lookup: (_name: string, _options: unknown, found: (error: null, all: typeof addresses) => void) =>
        process.nextTick(found, null, addresses),
    };
    const result = await tryConnection(byName(server.port, 'http'), options, TIMEOUT_MS);
    expect(result).toMatchObject({ kind: 'connected', address: '127.0.0.1' });
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'a server that wants a certificate of ours, by %s: the failure that a delivery would have',
    async (version) => {
      const strict = { ...ACME.server, ca: ACME.ca, requestCert: true, rejectUnauthorized: true };
      const server = await serve(() => {}, { ...strict, minVersion: version, maxVersion: version });
      const url = byName(server.port);
      const without = await tryConnection(url, { ...PRIVATE, tls: { ca: ACME.ca } }, TIMEOUT_MS);
      expect(without).toMatchObject({ kind: 'no_answer', failureClass: 'tls' });
      const tls = { ca: ACME.ca, ...ACME.client };
      expect(await tryConnection(url, { ...PRIVATE, tls }, TIMEOUT_MS)).toMatchObject({ kind: 'connected' });
    },
  );

  test('a port that nothing listens on', async () => {
    const url = new URL(`http://127.0.0.1:${await freePort()}`);
    const result = await tryConnection(url, PRIVATE, TIMEOUT_MS);
    expect(result).toMatchObject({ kind: 'no_answer', failureClass: 'refused' });
  });

  test('a server that never answers the handshake: a timeout, in the words of a delivery', async () => {
    const server = await serveRaw(() => {});
    const result = await tryConnection(byName(server.port), PRIVATE, 100);
    const detail = `no end of the TLS handshake with localhost:${server.port} within 100 ms`;
    expect(result).toEqual({ kind: 'no_answer', failureClass: 'timeout', detail });
  });

  test('a signal ends it, and closes the connection', async () => {
    const calledOff = new AbortController();
    const server = await serveRaw(() => calledOff.abort());
    const result = await tryConnection(byName(server.port), PRIVATE, TIMEOUT_MS, calledOff.signal);
    expect(result).toMatchObject({ kind: 'no_answer', failureClass: 'timeout' });
    await server.allClosed();
  });

  test('a server that closes the connection in the handshake', async () => {
    const server = await serveRaw((socket) => socket.destroy());
    const result = await tryConnection(byName(server.port), PRIVATE, TIMEOUT_MS);
    expect(result).toMatchObject({ kind: 'no_answer', failureClass: 'reset' });
  });

  test.each(['http', 'https'])(
    'an %s: target through a proxy: no round trip, which it hides',
    async (scheme) => {
      const server = await serve(() => {}, scheme === 'https' ? ACME.server : undefined);
      const proxy = await startProxy();
      const options = { ...PRIVATE, proxy: routesOf(proxy.url), tls: { ca: ACME.ca } };
      const result = await tryConnection(byName(server.port, scheme), options, TIMEOUT_MS);
      expect(result).toMatchObject({ kind: 'connected', address: '127.0.0.1', ms: expect.any(Number) });
      expect(result).not.toHaveProperty('roundTripMs');
    },
  );

  test('a name that only the proxy resolves: no address, least of all that of the proxy', async () => {
    const server = await serve(() => {});
    const proxy = await startProxy();
    const lookup: Lookup = (_, __, found) => process.nextTick(found, new Error('none'), []);
    // The proxy's own address needs none.
    const options = { ...PRIVATE, proxy: routesOf(proxy.url), lookup };
    const url = new URL(`http://returns.acme.example:${server.port}`);
    const result = await tryConnection(url, options, TIMEOUT_MS);
    expect(result).toEqual({ kind: 'connected', ms: expect.any(Number) });
  });

  test.each([
    ['that hangs in the handshake', (): void => {}],
    [
      'that closes in the handshake',
      (socket: Socket): void => void socket.once('data', () => socket.destroy()),
    ],
    ['that speaks no TLS', (socket: Socket): void => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ] as const)('a server behind a proxy %s: the words of a delivery', async (_name, onSocket) => {
    const server = await serveRaw(onSocket);
    const proxy = await startProxy();
    const options = { ...PRIVATE, proxy: routesOf(proxy.url) };
    const timeoutMs = 500;
    const url = byName(server.port);
    const delivery = await newClient({ ...options, timeoutMs }).post({ ...MESSAGE, url: url.href });
    expect(delivery.kind).toMatch(/^no_answer$|^unsent$/);
    expect(await tryConnection(url, options, timeoutMs)).toEqual(delivery);
  });

  test.each(['127.0.0.1', '[::1]', 'localhost'])(
    '%s is not connected to unless it is allowed',
    async (host) => {
      const server = await serve(() => {});
      const url = new URL(`http://${host}:${server.port}`);
      const result = await tryConnection(url, { allowPrivateNetwork: false }, TIMEOUT_MS);
      expect(result).toMatchObject({ kind: 'unsent', failureClass: 'address' });
      expect(server.sockets).toEqual([]);
    },
  );
});
