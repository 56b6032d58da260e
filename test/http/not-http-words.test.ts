import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { client, MESSAGE, opened, serve } from './http-fixture.ts';

const OK = 'HTTP/1.1 200 OK\r\n';

test.each([
  [
    'Content-Length before chunked',
    `${OK}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n`,
    'Content-Length and Transfer-Encoding together',
  ],
  [
    'chunked before Content-Length',
    `${OK}transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n`,
    'Content-Length and Transfer-Encoding together',
  ],
  [
    'two Content-Lengths',
    `${OK}content-length: 3\r\nContent-Length: 4\r\n\r\nabc`,
    'two headers Content-Length',
  ],
  ['a Content-Length in words', `${OK}content-length: three\r\n\r\n`, 'a Content-Length that is no number'],
  ['a folded header', `${OK}x-a: b\r\n c\r\n\r\n`, 'a header folded over two lines'],
  [
    'a folded header behind a length',
    `${OK}content-length: 3\r\nx-a: b\r\n c\r\n\r\n`,
    'a header folded over two lines',
  ],
  ['no colon', `${OK}server\r\n\r\n`, 'a header without a colon, or with a character that no name has'],
  ['no colon behind a length', `${OK}content-length: 3\r\nserver\r\n\r\n`, 'a header without a colon'],
  ['a NUL in a header', `${OK}x-a: b\0\r\n\r\n`, 'a header with a character that no value has'],
  ['a bare LF behind the status', 'HTTP/1.1 200 OK\ncontent-length: 0\n\n', 'a bare LF at the end of a line'],
  [
    'a bare LF behind a header',
    `${OK}server: x\ncontent-length: 0\r\n\r\n`,
    'a bare LF at the end of a line',
  ],
  ['headers of more than 64 KiB', `${OK}x-a: ${'x'.repeat(66_000)}\r\n\r\n`, 'headers beyond 64 KiB'],
  ['HTTP/0.9', '<html>It works!</html>', 'no status line: HTTP/0.9, or not HTTP at all'],
  ['SSH', 'SSH-2.0-OpenSSH_9.2p1\r\n', 'SSH'],
  [
    'a record of TLS',
    Buffer.from([0x15, 3, 1, 0, 2, 2, 22]),
    'it speaks TLS at this port: the URL may have to begin with https:',
  ],
  ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n', 'a status that is no number of three digits'],
  ['no status', 'HTTP/1.1\r\n\r\n', 'a status line without a status'],
])('%s is told in words, and by the code behind them', async (_name, bytes, words) => {
  const server = await serve(({ socket }) => socket.write(bytes));
  const result = await client().post({ url: server.url, ...MESSAGE });
  expect(result).toMatchObject({ kind: 'no_answer', failureClass: 'not_http' });
  const { detail } = result as { detail: string };
  expect(detail).toContain(`127.0.0.1:${server.port} answered, but not in HTTP/1.1: ${words} (`);
  expect(detail).toMatch(/ \(.+\)$/);
});

test('a server of HTTP/2 without TLS is told', async () => {
  const server = createServer()
    .on('sessionError', () => {})
    .listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  opened.push({ close: () => new Promise((resolve) => void server.close(() => resolve())) });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const result = await client().post({ url, ...MESSAGE });
  expect(result).toMatchObject({
    detail: expect.stringContaining('answered, but not in HTTP/1.1: HTTP/2 ('),
  });
});

test('an answer that is longer than its Content-Length is an answer', async () => {
  const server = await serve(({ socket }) =>
    socket.write('HTTP/1.1 500 No\r\ncontent-length: 3\r\n\r\nabcdef'),
  );
  expect(await client().post({ url: server.url, ...MESSAGE })).toMatchObject({ status: 500, body: 'abc' });
});
