import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { certificates } from './certificates.ts';
import { client, MESSAGE, opened, serveRaw } from './http-fixture.ts';

const TLS = await certificates();

/** More than the system takes in for a connection that nobody reads from. */
const LONG_BODY = 'x'.repeat(32 * 1_048_576);

describe('an answer before the request was read', () => {
  test.each([200, 413])('of %i counts, and the connection with the unsent rest is closed', async (status) => {
    const server = await serveRaw((socket) => {
      socket.write(`HTTP/1.1 ${status} Text\r\ncontent-length: 0\r\n\r\n`);
    });
    const http = client();
    for (let n = 1; n <= 3; n += 1) {
      const result = await http.post({ ...MESSAGE, url: server.url, body: LONG_BODY });
      expect(result).toEqual({ kind: 'answer', status, body: '' });
      expect(server.sockets).toHaveLength(n);
    }
    await server.allClosed();
  });

  test('over TLS counts, and the connection with the unsent rest is closed', async () => {
    const accepted: Socket[] = [];
    const server = createServer(TLS.server, (socket) => {
      socket.on('error', () => {}).write('HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n');
    });
    server.on('connection', (socket) => accepted.push(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    opened.push({
      async close() {
        for (const socket of accepted) socket.destroy();
        await once(server.close(), 'close');
      },
    });
    const http = client({ tls: { ca: TLS.ca } });
    const url = `https://localhost:${(server.address() as AddressInfo).port}/`;
    for (let n = 1; n <= 3; n += 1) {
      const result = await http.post({ ...MESSAGE, url, body: LONG_BODY });
      expect(result).toEqual({ kind: 'answer', status: 413, body: '' });
      expect(accepted).toHaveLength(n);
    }
  });

  test('and an end of the connection: the status stands', async () => {
    const server = await serveRaw((socket) => {
      socket.end('HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
    });
    const result = await client().post({ ...MESSAGE, url: server.url, body: LONG_BODY });
    expect(result).toMatchObject({ kind: 'answer', status: 413 });
    await server.allClosed();
  });

  test('of 500 whose body goes on: the status stands', async () => {
    const server = await serveRaw((socket) => {
      socket.write('HTTP/1.1 500 Text\r\ncontent-length: 1000\r\n\r\nsome');
    });
    const result = await client().post({ ...MESSAGE, url: server.url, body: LONG_BODY });
    expect(result).toEqual({ kind: 'answer', status: 500, body: 'some' });
    await server.allClosed();
  });

  test('a request that is never read has its deadline', async () => {
    const server = await serveRaw(() => {});
    const result = await client({ timeoutMs: 100 }).post({ ...MESSAGE, url: server.url, body: LONG_BODY });
    expect(result).toMatchObject({ kind: 'no_answer', failureClass: 'timeout' });
    await server.allClosed();
  });
});
