import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { client, MESSAGE, serve, serveRaw } from './http-fixture.ts';
import type { Received } from './scripted-server.ts';

const OK = 'HTTP/1.1 200 OK\r\n';
const EMPTY = 'content-length: 0\r\n\r\n';
const CHUNKED = 'transfer-encoding: chunked\r\n\r\n';

/** Posts to a server that answers with these bytes and leaves the connection open. */
async function postTo(bytes: string | Buffer, after: (received: Received) => void = () => {}) {
  const server = await serve((received) => {
    received.socket.write(bytes);
    after(received);
  });
  const http = client();
  const result = await http.post({ url: server.url, ...MESSAGE });
  expect(server.requests).toHaveLength(1);
  return { server, http, result };
}

describe('not HTTP: failed at once, and the connection is closed', () => {
  test.each([
    ['a negative Content-Length', `${OK}content-length: -1\r\n\r\n`],
    ['a signed Content-Length', `${OK}content-length: +1\r\n\r\na`],
    ['a Content-Length that no number holds', `${OK}content-length: 99999999999999999999999\r\n\r\n`],
    ['two Content-Lengths that differ', `${OK}content-length: 1\r\ncontent-length: 2\r\n\r\nab`],
    ['two Content-Lengths that agree', `${OK}content-length: 1\r\ncontent-length: 1\r\n\r\na`],
    ['a list of Content-Lengths', `${OK}content-length: 1, 1\r\n\r\na`],
    ['a Content-Length, then chunked', `${OK}content-length: 1\r\n${CHUNKED}0\r\n\r\n`],
    [
      'chunked, then a Content-Length',
      `${OK}transfer-encoding: chunked\r\ncontent-length: 1\r\n\r\n0\r\n\r\n`,
    ],
    ['a header continued on the next line', `${OK}x-a: b\r\n c\r\n${EMPTY}`],
    ['a control character in a name', `${OK}x\x01a: b\r\n${EMPTY}`],
    ['a space behind a name', `${OK}content-length : 0\r\n\r\n`],
    ['a NUL in a value', `${OK}x-a: b\0c\r\n${EMPTY}`],
    ['an escape sequence in a value', `${OK}retry-after: \x1b[31m5\r\n${EMPTY}`],
    ['a nameless header', `${OK}: b\r\n${EMPTY}`],
    ['line feeds alone', 'HTTP/1.1 200 OK\ncontent-length: 0\n\n'],
    ['status 000', `HTTP/1.1 000 Text\r\n${EMPTY}`],
    ['status 099', `HTTP/1.1 099 Text\r\n${EMPTY}`],
    ['status 20', `HTTP/1.1 20 Text\r\n${EMPTY}`],
    ['status 1000', `HTTP/1.1 1000 Text\r\n${EMPTY}`],
    ['status -200', `HTTP/1.1 -200 Text\r\n${EMPTY}`],
    ['status 2x0', `HTTP/1.1 2x0 Text\r\n${EMPTY}`],
    ['101 without an upgrade', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
    ['a page without headers', '<html>hello</html>'],
    ['the settings of HTTP/2', Buffer.from('00001204000000000000030000006400040000ffff', 'hex')],
    ['NUL bytes', '\0'.repeat(100)],
  ])('%s', async (_name, bytes) => {
    const { server, result } = await postTo(bytes);
    const detail = expect.stringMatching(/ answered, but not in HTTP\/1\.1: [A-Za-z].+$/);
    expect(result).toEqual({ kind: 'no_answer', failureClass: 'not_http', detail });
    await server.allClosed();
  });
});

describe('odd, but an answer', () => {
  test.each([
    ['status 600', `HTTP/1.1 600 Text\r\n${EMPTY}`, 600],
    ['status 999', `HTTP/1.1 999 Text\r\n${EMPTY}`, 999],
    ['no reason phrase', `HTTP/1.1 200\r\n${EMPTY}`, 200],
    ['an upgrade that a 200 offers', `${OK}connection: upgrade\r\nupgrade: websocket\r\n${EMPTY}`, 200],
    ['a trailer', `${OK}${CHUNKED}0\r\nx-a: b\r\n\r\n`, 200],
    ['a chunk extension of 512 KiB', `${OK}${CHUNKED}1;x=${'y'.repeat(524_288)}\r\na\r\n0\r\n\r\n`, 200],
    ['a keep-alive time below nothing', `${OK}keep-alive: timeout=-5\r\n${EMPTY}`, 200],
    ['a keep-alive time beyond measure', `${OK}keep-alive: timeout=99999999999999\r\n${EMPTY}`, 200],
  ])('%s: the connection is kept', async (_name, bytes, status) => {
    const { server, http, result } = await postTo(bytes);
    expect(result).toEqual({ kind: 'answer', status, body: '' });
    expect(await http.post({ url: server.url, ...MESSAGE })).toMatchObject({ status });
    expect(server.sockets).toHaveLength(1);
  });

  test.each([
    ['HTTP/1.0', `HTTP/1.0 200 OK\r\n${EMPTY}`],
    ['a keep-alive time of nothing', `${OK}keep-alive: timeout=0\r\n${EMPTY}`],
    ['a close that is announced and does not come', `${OK}connection: close\r\n${EMPTY}`],
    ['a negative chunk', `${OK}${CHUNKED}-5\r\nhello\r\n0\r\n\r\n`],
    ['a chunk that no number holds', `${OK}${CHUNKED}fffffffffffffffff\r\nhello\r\n`],
    ['a trailer of 64 KiB', `${OK}${CHUNKED}0\r\nx-a: ${'y'.repeat(65_536)}\r\n\r\n`],
  ])('%s: the connection is not used again', async (_name, bytes) => {
    const { server, http, result } = await postTo(bytes);
    expect(result).toEqual({ kind: 'answer', status: 200, body: '' });
    expect(await http.post({ url: server.url, ...MESSAGE })).toMatchObject({ status: 200 });
    expect(server.sockets).toHaveLength(2);
    await server.allClosed();
  });

  test.each([
    ['a Content-Length that is too long', `content-length: 10\r\n\r\nabc`],
    ['no length at all', 'connection: close\r\n\r\nabc'],
    ['chunks that do not end', `${CHUNKED}3\r\nabc\r\n`],
  ])('%s, and the end of the connection', async (_name, rest) => {
    for (const status of [200, 500]) {
      const { result } = await postTo(`HTTP/1.1 ${status} Text\r\n${rest}`, ({ socket }) => socket.end());
      expect(result).toEqual({ kind: 'answer', status, body: status === 200 ? '' : 'abc' });
    }
  });

  test.each([
    ['0'.repeat(400)],
    ['9'.repeat(400)],
    ['-1'],
    ['1e9'],
    ['soon'],
    ['Fri, 31 Dec 9999 23:59:59 GMT'],
    ['Fri, 99 Foo 2027 99:99:99 GMT'],
  ])('Retry-After: %s is handed on as it came', async (value) => {
    const { result } = await postTo(`HTTP/1.1 503 Text\r\nretry-after: ${value}\r\n${EMPTY}`);
    expect(result).toMatchObject({ kind: 'answer', status: 503, body: '', retryAfter: value });
  });
});

describe('a connection that ends', () => {
  const HEAD = 'HTTP/1.1 500 Text\r\ncontent-length: 10\r\n';
  const stages: readonly [string, string, object][] = [
    ['in the status line', 'HTTP/1.', { failureClass: 'reset' }],
    ['behind the status line', 'HTTP/1.1 500 Text\r\n', { failureClass: 'reset' }],
    ['in the headers', HEAD, { failureClass: 'reset' }],
    ['behind an interim answer', 'HTTP/1.1 103 Hints\r\n\r\n', { failureClass: 'reset' }],
    ['behind the headers', `${HEAD}\r\n`, { status: 500 }],
    ['in the body', `${HEAD}\r\nabc`, { status: 500 }],
  ];
  const ends: readonly [string, (received: Received) => void][] = [
    ['reset', (received) => received.reset()],
    ['closed', ({ socket }) => socket.destroy()],
    ['half closed', ({ socket }) => socket.end()],
  ];
  const cases = stages.flatMap(([where, bytes, expected]) =>
    ends.map(([how, end]) => [how, where, bytes, end, expected] as const),
  );

  test.each(cases)('%s %s', async (_how, _where, bytes, end, expected) => {
    const server = await serve((received) => received.socket.write(bytes, () => end(received)));
    const result = await client().post({ url: server.url, ...MESSAGE });
    expect(result).toMatchObject(expected);
    expect(server.requests).toHaveLength(1);
    await server.allClosed();
  });

  test.each([
    ['reset', (socket: Socket) => socket.resetAndDestroy()],
    ['closed', (socket: Socket) => socket.destroy()],
    ['half closed', (socket: Socket) => socket.end()],
  ])('%s as soon as it is accepted', async (_how, end) => {
    const server = await serveRaw(end);
    const result = await client().post({ url: server.url, ...MESSAGE });
    expect(result).toMatchObject({ kind: 'no_answer', failureClass: 'reset' });
    expect(server.sockets).toHaveLength(1);
    await server.allClosed();
  });

  test('reset while the request is read', async () => {
    const server = await serveRaw((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const body = 'x'.repeat(4 * 1_048_576);
    const result = await client().post({ ...MESSAGE, url: server.url, body });
    expect(result).toMatchObject({ kind: 'no_answer', failureClass: 'reset' });
    expect(server.sockets).toHaveLength(1);
  });
});
