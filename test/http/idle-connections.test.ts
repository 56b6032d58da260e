import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { certificates } from './certificates.ts';
import { client, MESSAGE, serve, withoutRepeats } from './http-fixture.ts';
import { type Received, respond } from './scripted-server.ts';

const TLS = await certificates();

const DELIVERED = { kind: 'answer', status: 200, body: '' };
const FORGED = 'HTTP/1.1 299 Forged\r\ncontent-length: 0\r\n\r\n';

describe.each(['http', 'https'])('a connection that is idle, over %s', (protocol) => {
  test.each([
    ['is sent an answer', ({ socket }: Received) => socket.write(FORGED)],
    ['is sent garbage', ({ socket }: Received) => socket.write('\0garbage\r\n')],
    ['is reset', (received: Received) => received.reset()],
    ['is closed', ({ socket }: Received) => socket.destroy()],
    ['is ended', ({ socket }: Received) => socket.end()],
    [
      'is said farewell to with 408',
      ({ socket }: Received) => socket.end('HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n'),
    ],
  ])('and %s: the next request goes out on a new one', async (_name, act) => {
    const server = await serve(
      (received) => respond(received, 200),
      protocol === 'https' ? TLS.server : undefined,
    );
    const http = client(protocol === 'https' ? { tls: { ca: TLS.ca } } : {});
    const url = server.url.replace('127.0.0.1', 'localhost');
    expect(await http.post({ url, ...MESSAGE })).toEqual(DELIVERED);
    const [first] = server.requests as [Received];
    act(first);
    if (!first.socket.closed) await once(first.socket, 'close');
    for (let n = 0; n < 3; n += 1)
      expect(await withoutRepeats(http.post({ url, ...MESSAGE }))).toEqual(DELIVERED);
    expect(server.sockets).toHaveLength(2);
    expect(server.requests).toHaveLength(4);
  });
});

describe.each(['http', 'https'])(
  'a connection over %s that ends as the next request is about to be written',
  (protocol) => {
    test.each([
      ['reset', (received: Received) => received.reset()],
      ['closed', ({ socket }: Received) => socket.destroy()],
    ])('%s: the request goes out once, on a new one', async (_name, end) => {
      const server = await serve(
        (received) => respond(received, 200),
        protocol === 'https' ? TLS.server : undefined,
      );
      const http = client(protocol === 'https' ? { tls: { ca: TLS.ca } } : {});
      const url = server.url.replace('127.0.0.1', 'localhost');
      for (let n = 1; n <= 20; n += 1) {
        expect(await withoutRepeats(http.post({ url, ...MESSAGE }))).toEqual(DELIVERED);
        end(server.requests.at(-1) as Received);
      }
      expect(server.requests).toHaveLength(20);
      expect(server.sockets).toHaveLength(20);
    });
  },
);

describe('bytes behind an answer, at once', () => {
  test.each([
    ['a body after 204', 'HTTP/1.1 204 None\r\ncontent-length: 5\r\n\r\nhello', 204],
    ['a body after 304', 'HTTP/1.1 304 None\r\ncontent-length: 5\r\n\r\nhello', 304],
    ['more than its Content-Length', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nhello', 200],
    ['a second answer', `HTTP/1.1 201 Made\r\ncontent-length: 0\r\n\r\n${FORGED}`, 201],
  ])('%s: the status stands, and the rest is not taken for the next answer', async (_name, bytes, status) => {
    const server = await serve((received) => {
      if (received.number % 2) received.socket.write(bytes);
      else respond(received, 202);
    });
    const http = client({ connections: 1 });
    for (const expected of [status, 202, status, 202]) {
      expect(await http.post({ url: server.url, ...MESSAGE })).toMatchObject({ status: expected });
    }
    expect(server.requests).toHaveLength(4);
  });
});

/** Each so much later than what was written before that it is read by itself. */
function writeApart(socket: Socket, bytes: readonly string[] = ['\r', '\n'], turns = 3): void {
  const [next, ...rest] = bytes;
  if (turns > 0) setImmediate(writeApart, socket, bytes, turns - 1);
  else if (next !== undefined) socket.write(next, () => writeApart(socket, rest));
}

test.each([
  ['in one piece with it', (socket: Socket) => void socket.write('\r\n')],
  ['while idle', (socket: Socket) => void setImmediate(() => socket.write('\r\n'))],
  ['in two pieces while idle', (socket: Socket) => writeApart(socket)],
])('an empty line after a body, %s, is no answer: the connection is kept', async (_name, writeOn) => {
  const server = await serve((received) => {
    received.socket.setNoDelay(true).cork();
    respond(received, 500, 'text');
    writeOn(received.socket);
    received.socket.uncork();
  });
  const http = client({ connections: 1 });
  for (let n = 0; n < 5; n += 1) {
    expect(await http.post({ url: server.url, ...MESSAGE })).toMatchObject({ status: 500, body: 'text' });
    // Time for it to come, or not to: either way it is the same connection.
    for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate);
  }
  expect(server.sockets).toHaveLength(1);
});
