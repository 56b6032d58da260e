import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { client, MESSAGE, opened, serve } from './http-fixture.ts';
import { flood } from './raw-server.ts';

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n';
const FAILED = 'HTTP/1.1 500 Text\r\ncontent-length: 32\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n and on';

/** Posts twice to a server that answers each request with these pieces, one turn after the other. */
async function postTwice(pieces: readonly string[]) {
  const server = await serve(({ socket }) => {
    socket.setNoDelay(true);
    const write = ([piece, ...rest]: readonly string[]): void => {
      if (piece !== undefined) socket.write(piece, () => setImmediate(write, rest));
    };
    write(pieces);
  });
  const http = client();
  const results = [await http.post({ url: server.url, ...MESSAGE })];
  results.push(await http.post({ url: server.url, ...MESSAGE }));
  expect(server.requests).toHaveLength(2);
  return { results, connections: server.sockets.length };
}

describe('an answer that begins with 100 Continue, which nobody asked for', () => {
  test.each<[string, string[]]>([
    ['in one piece', [CONTINUE + OK]],
    ['apart', [CONTINUE, OK]],
    ['byte by byte', [...(CONTINUE + OK)]],
    ['several times', [CONTINUE + CONTINUE, CONTINUE + OK]],
    ['beside other interim answers', [`HTTP/1.1 103 Hints\r\nlink: <100>\r\n\r\n${CONTINUE}`, CONTINUE, OK]],
    ['without a reason, with a header', ['HTTP/1.1 100\r\nx-a: b\r\n\r\n', OK]],
  ])('%s: the final one counts, and the connection is kept', async (_how, pieces) => {
    const { results, connections } = await postTwice(pieces);
    const delivered = { kind: 'answer', status: 200, body: '' };
    expect(results).toEqual([delivered, delivered]);
    expect(connections).toBe(1);
  });

  test('the body of the final one comes as it is', async () => {
    const { results } = await postTwice([CONTINUE, FAILED]);
    const body = 'HTTP/1.1 100 Continue\r\n\r\n and on';
    expect(results).toMatchObject([
      { status: 500, body },
      { status: 500, body },
    ]);
  });

  test("from Node's own server", async () => {
    const server = createServer((request, response) => {
      response.writeContinue();
      request.resume().once('end', () => response.writeHead(201).end());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    opened.push({
      close: () =>
        new Promise((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        }),
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    expect(await client().post({ url, ...MESSAGE })).toMatchObject({ kind: 'answer', status: 201 });
  });
});

test('100 Continue without an answer behind it has its deadline, and without end is not HTTP', async () => {
  const silent = await serve(({ socket }) => socket.write(CONTINUE));
  const waited = await client({ timeoutMs: 100 }).post({ url: silent.url, ...MESSAGE });
  expect(waited).toMatchObject({ kind: 'no_answer', failureClass: 'timeout' });
  const endless = await serve(({ socket }) => flood(socket, CONTINUE.repeat(500)));
  const flooded = await client({ timeoutMs: 600_000 }).post({ url: endless.url, ...MESSAGE });
  expect(flooded).toMatchObject({ kind: 'no_answer', failureClass: 'not_http' });
  await endless.allClosed();
});

test('100 Continue on an idle connection is still an unasked answer', async () => {
  const server = await serve(({ socket, number }) => {
    socket.write(OK, () => {
      if (number === 1) setImmediate(() => socket.write(CONTINUE));
    });
  });
  const http = client();
  await http.post({ url: server.url, ...MESSAGE });
  await server.allClosed();
  expect(await http.post({ url: server.url, ...MESSAGE })).toMatchObject({ status: 200 });
  expect(server.sockets).toHaveLength(2);
});
