import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { certificates } from './certificates.ts';
import { client, MESSAGE, opened } from './http-fixture.ts';

const TLS = await certificates();
const DELIVERED = { kind: 'answer', status: 200, body: '' };
/** Reached only if the connection was not kept, and its successor cannot be established meanwhile. */
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

test('a connection is kept if its answer is there before Node has told that the request has left', async () => {
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
