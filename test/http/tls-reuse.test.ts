import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:tls';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { AfterPoll } from '../../src/http/after-poll.ts';
import { ConnectionPool } from '../../src/http/connection-pool.ts';
import { createConnector } from '../../src/http/connector.ts';
import { Exchange } from '../../src/http/exchange.ts';
import { UnderWay } from '../../src/http/under-way.ts';
import { certificates } from './certificates.ts';
import { client, MESSAGE, opened } from './http-fixture.ts';

const TLS = await certificates();
const DELIVERED = { kind: 'answer', status: 200, body: '' };
/** Reached only where the connection was not kept, and its successor cannot be established meanwhile. */
const BLOCKED_MS = 2_000;

/** Answers each request, and says so in the first number that it shares once the answer has left. */
const ANSWERING = `
  const { parentPort, workerData } = require('node:worker_threads');
  const answered = new Int32Array(workerData.answered);
  const server = require('node:tls').createServer(workerData.tls, (socket) => {
    answered[1] += 1;
    socket.setNoDelay(true).on('error', () => {}).on('data', () => {
      socket.write('HTTP/1.1 200 OK\\r\\ncontent-length: 0\\r\\n\\r\\n', () => {
        Atomics.add(answered, 0, 1);
        Atomics.notify(answered, 0);
      });
    });
  });
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;

test('a connection whose answer is there before Node has told that the request has left is kept', async () => {
  const answered = new Int32Array(new SharedArrayBuffer(8));
  const { key, cert } = TLS.server;
  const worker = new Worker(ANSWERING, {
    eval: true,
    workerData: { answered: answered.buffer, tls: { key, cert } },
  });
  opened.push({ close: async () => void (await worker.terminate()) });
  const [port] = await once(worker, 'message');
  const http = client({ connections: 1, tls: { ca: TLS.ca } });
  const post = () => http.post({ url: `https://localhost:${port}/`, ...MESSAGE });
  expect(await post()).toEqual(DELIVERED);
  for (let n = 1; n <= 3; n += 1) {
    const result = post();
    // Right behind the write of the request: this process does nothing until the answer is there.
    await new Promise((resolve) => setImmediate(() => resolve(Atomics.wait(answered, 0, n, BLOCKED_MS))));
    expect(await result).toEqual(DELIVERED);
  }
  expect(answered[1]).toBe(1);
});

/** More than the systems of both sides take in for a connection that nobody reads from. */
const LONG = `POST / HTTP/1.1\r\ncontent-length: 33554432\r\n\r\n${'x'.repeat(32 * 1_048_576)}`;

/** A server that answers without reading, and the connections to it with their sockets. */
async function poolToUnreading() {
  const accepted: Socket[] = [];
  const server = createServer(TLS.server, (socket) => {
    socket.on('error', () => {});
    socket.write('HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n');
  });
  server.on('connection', (socket) => accepted.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    for (const socket of accepted) socket.destroy();
    await once(server.close(), 'close');
  };
  opened.push({ close });
  const connect = createConnector({ allowPrivateNetwork: true, tls: { ca: TLS.ca } });
  const sockets: Socket[] = [];
  const origin = { secure: true, hostname: 'localhost', port: (server.address() as AddressInfo).port };
  const pool = new ConnectionPool(origin, 4, (...args) => {
    const socket = connect(...args);
    sockets.push(socket);
    return socket;
  });
  opened.push(pool);
  return { pool, sockets };
}

test('a connection with an unsent rest is not used again, and closed though no other request comes', async () => {
  const { pool, sockets } = await poolToUnreading();
  const underWay = new UnderWay();
  const afterPoll = new AfterPoll();
  const common = { pool, where: 'acme.example:443', timeoutMs: 60_000, underWay, afterPoll };
  const request = { ...common, bytes: LONG, signal: undefined, keepBodyBytes: undefined };
  for (let n = 1; n <= 2; n += 1) {
    const result = await new Promise((resolve) => new Exchange(request, resolve).start());
    expect(result).toEqual({ kind: 'answer', status: 413, body: '' });
    expect(sockets).toHaveLength(n);
  }
  expect(sockets[0]?.destroyed).toBe(true);
  const last = sockets[1] as Socket;
  await once(last, 'close');
});
