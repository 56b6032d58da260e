import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { createSecureContext, type TLSSocket } from 'node:tls';
import { describe, expect, test } from 'vitest';
import type { Lookup } from '../../src/http/share-questions.ts';
import { blackHole } from './black-hole.ts';
import { certificates } from './certificates.ts';
import { client, MESSAGE, opened, serve, serveRaw } from './http-fixture.ts';
import { respond } from './scripted-server.ts';

const ACME = await certificates();
const DELIVERED = { kind: 'answer', status: 200, body: '' };
/** More than the system takes in for a connection that nobody reads from. */
const LONG_BODY = 'x'.repeat(32 * 1_048_576);

const named = (url: string): string => url.replace('127.0.0.1', 'localhost');

describe('a server that answers early, reads no body and resets the connection', () => {
  const early = (line: string) => `HTTP/1.1 ${line}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`;

  test.each([
    [413, early('413 Content Too Large'), undefined],
    [401, early('401 Unauthorized\r\nwww-authenticate: Bearer'), 'Bearer'],
  ])('its %i is the answer, once', async (status, answer, wwwAuthenticate) => {
    const server = await serveRaw((socket) =>
      socket.once('data', () => socket.pause().write(answer, () => socket.resetAndDestroy())),
    );
    const http = client();
    for (let n = 1; n <= 3; n += 1) {
      const result = await http.post({ ...MESSAGE, url: server.url, body: LONG_BODY });
      const challenge = wwwAuthenticate === undefined ? {} : { wwwAuthenticate };
      expect(result).toMatchObject({ kind: 'answer', status, body: '', ...challenge });
      expect(server.sockets).toHaveLength(n);
    }
  });
});

describe('a server that closes kept connections without a word', () => {
  /** How many turns after its answer the connection ends; never: it ends as the next request comes in. */
  const ENDS = [0, 1, 2, 3, 5, 'never'] as const;

  test('600 of 600 requests are answered, and each that comes twice is told', async () => {
    let answered = 0;
    let told = 0;
    const server = await serve((received) => {
      const { socket } = received;
      if (received.onConnection > 1) return void socket.destroy();
      const end = ENDS[answered % ENDS.length];
      answered += 1;
      const endIn = (turns: number): void => {
        if (turns === 0) socket.end();
        else setImmediate(endIn, turns - 1);
      };
      socket.setNoDelay(true);
      respond(received, 200);
      if (end !== 'never' && end !== undefined) endIn(end);
    });
    const http = client();
    for (let n = 0; n < 600; n += 1) {
      const { repeats = [], ...result } = await http.post({ url: server.url, ...MESSAGE });
      expect(result).toEqual(DELIVERED);
      told += repeats.length;
    }
    expect(answered).toBe(600);
    // One that came twice; or one whose connection had ended as it was written, which nobody can tell from it.
    expect(told).toBeGreaterThanOrEqual(server.requests.length - 600);
    // All that met 'never', but for the last one.
    expect(server.requests.length).toBeGreaterThanOrEqual(600 + 99);
  });
});

test('a server that keeps connections for a second: they are used again, and closed before the server does', async () => {
  const server = await serve((received) => respond(received, 200, '', ['Keep-Alive: timeout=1']));
  const http = client();
  for (let n = 0; n < 5; n += 1) expect(await http.post({ url: server.url, ...MESSAGE })).toEqual(DELIVERED);
  expect(server.sockets).toHaveLength(1);
  await server.allClosed();
  expect(await http.post({ url: server.url, ...MESSAGE })).toEqual(DELIVERED);
  expect(server.requests).toHaveLength(6);
});

test('a server that says farewell to an idle connection with 408: the next request goes out on a new one', async () => {
  const server = await serve((received) => respond(received, 200));
  const http = client();
  for (let n = 1; n <= 5; n += 1) {
    expect(await http.post({ url: server.url, ...MESSAGE })).toEqual(DELIVERED);
    expect(server.sockets).toHaveLength(n);
    server.sockets
      .at(-1)
      ?.end('HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
    await server.allClosed();
  }
});

describe('a server that sends a body with 204', () => {
  test.each([
    ['of a known length', 'content-length: 5\r\n\r\nhello'],
    ['in chunks', 'transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'],
    ['of no length', '\r\nhello'],
  ])('%s: each request is delivered, and the body is no answer', async (_name, rest) => {
    const server = await serve(({ socket }) => socket.write(`HTTP/1.1 204 No Content\r\n${rest}`));
    const http = client({ connections: 1 });
    for (let n = 0; n < 5; n += 1) {
      const result = await http.post({ url: server.url, ...MESSAGE });
      expect(result).toEqual({ kind: 'answer', status: 204, body: '' });
    }
    expect(server.requests).toHaveLength(5);
  });
});

describe.each(['http', 'https'])(
  'a server that sends 100 Continue before every answer, over %s',
  (protocol) => {
    test('each request is delivered once, on one connection', async () => {
      const ports = new Set<number | undefined>();
      let requests = 0;
      const server = (protocol === 'https' ? createTlsServer(ACME.server) : createServer()).on(
        'request',
        (request, response) => {
          requests += 1;
          ports.add(request.socket.remotePort);
          response.writeContinue();
          request.resume().once('end', () => setImmediate(() => response.writeHead(200).end('{}')));
        },
      );
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      opened.push({
        close: () =>
          new Promise((resolve) => {
            server.close(() => resolve());
            server.closeAllConnections();
          }),
      });
      const http = client(protocol === 'https' ? { tls: { ca: ACME.ca } } : {});
      const url = `${protocol}://localhost:${(server.address() as AddressInfo).port}/`;
      for (let n = 0; n < 20; n += 1) expect(await http.post({ url, ...MESSAGE })).toEqual(DELIVERED);
      expect(requests).toBe(20);
      expect(ports.size).toBe(1);
    });
  },
);

test('a server with a certificate for each of its names is told the name that is meant', async () => {
  const names = ['one.acme.example', 'two.acme.example'];
  const all = await Promise.all(names.map(async (name) => [name, await certificates([name])] as const));
  const contexts = new Map(all.map(([name, { server }]) => [name, createSecureContext(server)]));
  const server = await serve((received) => respond(received, 200), {
    ...ACME.server,
    SNICallback: (name, found) => found(null, contexts.get(name)),
  });
  for (const [name, { ca }] of all) {
    const http = client({ lookup: answering('127.0.0.1'), tls: { ca } });
    expect(await http.post({ url: `https://${name}:${server.port}/`, ...MESSAGE })).toEqual(DELIVERED);
  }
});

test.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'a server of %s: new connections take up its session',
  async (version) => {
    const reused: boolean[] = [];
    const server = await serve(
      (received) => {
        reused.push((received.socket as TLSSocket).isSessionReused());
        respond(received, 200, '', ['connection: close']);
      },
      { ...ACME.server, minVersion: version, maxVersion: version },
    );
    const http = client({ tls: { ca: ACME.ca } });
    for (let n = 0; n < 4; n += 1) {
      expect(await http.post({ url: named(server.url), ...MESSAGE })).toEqual(DELIVERED);
    }
    expect(reused).toEqual([false, true, true, true]);
  },
);

describe('a server of two addresses, of which the first is dead', () => {
  test.each(['http', 'https'])(
    'and answers nothing at all: the second one is sent to, over %s',
    async (protocol) => {
      const server = await serve(
        (received) => respond(received, 200),
        protocol === 'https' ? ACME.server : undefined,
      );
      opened.push(await blackHole('127.0.0.9', server.port));
      const http = client({ lookup: answering('127.0.0.9', '127.0.0.1'), tls: { ca: ACME.ca } });
      const url = `${protocol}://localhost:${server.port}/`;
      expect(await http.post({ url, ...MESSAGE })).toEqual(DELIVERED);
      expect(server.requests).toHaveLength(1);
    },
  );

  test('and refuses: the second one is sent to', async () => {
    const server = await serve((received) => respond(received, 200));
    const http = client({ lookup: answering('127.0.0.9', '127.0.0.1') });
    expect(await http.post({ url: named(server.url), ...MESSAGE })).toEqual(DELIVERED);
    const socket = server.sockets[0] as Socket;
    expect(socket.remoteAddress).toBe('127.0.0.1');
  });
});

function answering(...addresses: string[]): Lookup {
  const found = addresses.map((address) => ({ address, family: 4 }));
  return (_hostname, _options, callback) => process.nextTick(callback, null, found);
}
