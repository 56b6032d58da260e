import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { certificates } from './certificates.ts';
import { client, MESSAGE, serve } from './http-fixture.ts';
import { type Received, respond } from './scripted-server.ts';

const TLS = await certificates();

const DELIVERED = { kind: 'answer', status: 200, body: '' };
const FORGED = 'HTTP/1.1 299 Forged\r\ncontent-length: 0\r\n\r\n';

/** An answer of so many bytes. */
function answerOf(bytes: number): string {
  const head = (length: number): string => `HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n\r\n`;
  const length = bytes - head(bytes).length;
  const short = bytes - head(length).length - length;
  return `${head(length + short)}${'x'.repeat(length + short)}`;
}

describe.each(['http', 'https'])('bytes that nobody asked for, over %s', (protocol) => {
  const serverTls = protocol === 'https' ? TLS.server : undefined;
  const clientTls = protocol === 'https' ? { tls: { ca: TLS.ca } } : {};

  async function setUp(answer: (received: Received) => void, connections = 4) {
    const server = await serve((received) => {
      // Or else its system keeps a second small write back until the first one is acknowledged.
      received.socket.setNoDelay(true);
      answer(received);
    }, serverTls);
    const http = client({ connections, ...clientTls });
    const url = server.url.replace('127.0.0.1', 'localhost');
    return { server, post: () => http.post({ url, ...MESSAGE }) };
  }

  // Again where the system was slow to hand over what the server had written.
  test('an answer that came before the request was written is not taken for its answer', {
    retry: 2,
  }, async () => {
    const { server, post } = await setUp((received) => respond(received, 200));
    expect(await post()).toEqual(DELIVERED);
    const socket = server.sockets[0] as Socket;
    const answeredAt = performance.now();
    await new Promise((resolve) => socket.write(FORGED, resolve));
    // Right behind an answer nothing is looked for.
    while (performance.now() < answeredAt + 1) await new Promise((resolve) => setImmediate(resolve));
    expect(await post()).toEqual(DELIVERED);
    expect(server.sockets).toHaveLength(2);
    expect(server.requests).toHaveLength(2);
  });

  test('nor where the request was waiting for the connection', async () => {
    const { server, post } = await setUp((received) => {
      respond(received, 200);
      received.socket.write(FORGED);
    }, 1);
    expect(await Promise.all([post(), post(), post()])).toEqual(Array(3).fill(DELIVERED));
    expect(server.requests).toHaveLength(3);
    expect(server.requests.map(({ onConnection }) => onConnection)).toEqual([1, 1, 1]);
  });

  // As much as is read at once: so that the second answer is read by itself.
  const atOnce = protocol === 'https' ? 16_384 : 65_536;

  test.each([
    ['an answer', ({ socket }: Received) => socket.write(answerOf(100))],
    ['a long one', ({ socket }: Received) => socket.write(answerOf(atOnce))],
  ])('a second answer close behind %s is not taken for that to the next request', async (_name, answer) => {
    const { server, post } = await setUp((received) => {
      if (received.number > 1) return respond(received, 200);
      answer(received);
      received.socket.write(FORGED);
    });
    for (let n = 0; n < 3; n += 1) expect(await post()).toEqual(DELIVERED);
    expect(server.requests).toHaveLength(3);
    expect(server.sockets).toHaveLength(3);
  });

  test.each([
    ['a second answer', FORGED],
    ['the start of one', 'H'],
    ['garbage', '\0garbage\r\n'],
  ])('%s while idle: every connection is used only once from then on', async (_name, bytes) => {
    const { server, post } = await setUp((received) => respond(received, 200));
    await post();
    const socket = server.sockets[0] as Socket;
    socket.write(bytes);
    await once(socket, 'close');
    for (let n = 0; n < 4; n += 1) expect(await post()).toEqual(DELIVERED);
    expect(server.sockets).toHaveLength(5);
    await server.allClosed();
  });

  test('none of the others that are idle is used again either', async () => {
    const held: Received[] = [];
    const { server, post } = await setUp((received) => {
      held.push(received);
      if (held.length === 2) for (const one of held) respond(one, 200);
      else if (held.length > 2) respond(received, 200);
    });
    await Promise.all([post(), post()]);
    const [first, second] = server.sockets as [Socket, Socket];
    first.write('H');
    await once(first, 'close');
    expect(second.closed).toBe(false);
    expect(await post()).toEqual(DELIVERED);
    expect(server.requests.map(({ onConnection }) => onConnection)).toEqual([1, 1, 1]);
  });

  test.each([
    ['reset', (received: Received) => received.reset()],
    ['closed', ({ socket }: Received) => socket.destroy()],
    ['ended', ({ socket }: Received) => socket.end()],
    [
      'taken leave of with 408',
      ({ socket }: Received) => socket.end('HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n'),
    ],
  ])('none: a connection that is %s while idle raises no distrust', async (_name, drop) => {
    const { server, post } = await setUp((received) => respond(received, 200));
    await post();
    const [first] = server.requests as [Received];
    drop(first);
    if (!first.socket.closed) await once(first.socket, 'close');
    for (let n = 0; n < 4; n += 1) expect(await post()).toEqual(DELIVERED);
    expect(server.sockets).toHaveLength(2);
  });
});

test.each([
  ['a body after 204', 'HTTP/1.1 204 None\r\ncontent-length: 5\r\n\r\nhello', 204],
  ['a body after 304', 'HTTP/1.1 304 None\r\ncontent-length: 5\r\n\r\nhello', 304],
  ['a Content-Length that is too short', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nhello', 200],
  ['a second answer at once', `HTTP/1.1 201 Made\r\ncontent-length: 0\r\n\r\n${FORGED}`, 201],
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

test('one empty line after another while idle is not taken for ever', async () => {
  const server = await serve((received) => respond(received, 200, '', ['keep-alive: timeout=600']));
  expect(await client().post({ url: server.url, ...MESSAGE })).toEqual(DELIVERED);
  const socket = server.sockets[0] as Socket;
  while (!socket.closed) {
    socket.write('\r\n');
    await new Promise(setImmediate);
  }
});

test('a server that answers each request twice does not stay one answer ahead', async () => {
  // The second answer comes when the next request may be on its way already: that cannot be told apart once.
  const server = await serve((received) => {
    respond(received, 201);
    setTimeout(() => received.socket.write(FORGED), 1);
  });
  const http = client({ connections: 2 });
  const statuses: unknown[] = [];
  for (let n = 0; n < 200; n += 1) {
    statuses.push(...(await Promise.all([1, 2].map(() => http.post({ url: server.url, ...MESSAGE })))));
  }
  const forged = statuses.filter((result) => (result as { status: number }).status !== 201);
  expect(forged.length).toBeLessThan(10);
});
