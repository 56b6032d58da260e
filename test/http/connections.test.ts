import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { certificates } from './certificates.ts';
import { client, MESSAGE, serve, withoutRepeats } from './http-fixture.ts';
import { type Received, respond } from './scripted-server.ts';

const TLS = await certificates();

/** Of a server that listens on the second one only. */
const ADDRESSES = [
  { address: '127.0.0.9', family: 4 },
  { address: '127.0.0.1', family: 4 },
];

const DELIVERED = { kind: 'answer', status: 200, body: '' };

describe('connections', () => {
  test('are kept for further requests, after failures as well', async () => {
    const server = await serve((received) => respond(received, received.number % 2 ? 500 : 200, 'text'));
    const http = client();
    for (let n = 0; n < 10; n += 1) await http.post({ url: server.url, ...MESSAGE });
    expect(server.requests).toHaveLength(10);
    expect(server.sockets).toHaveLength(1);
  });

  test('are one for each request in flight, and never more than allowed', async () => {
    const held: Received[] = [];
    const server = await serve((received) => {
      held.push(received);
      if (held.length === 3) for (const one of held.splice(0)) respond(one, 200);
    });
    const http = client({ connections: 3 });
    const posts = Array.from({ length: 9 }, () => http.post({ url: server.url, ...MESSAGE }));
    expect(await Promise.all(posts)).toEqual(Array(9).fill(DELIVERED));
    expect(server.sockets).toHaveLength(3);
  });

  test('of two origins are apart', async () => {
    const servers = [
      await serve((received) => respond(received, 200)),
      await serve((received) => respond(received, 201)),
    ];
    const http = client();
    const results = await Promise.all(servers.map(({ url }) => http.post({ url, ...MESSAGE })));
    expect(results).toMatchObject([{ status: 200 }, { status: 201 }]);
  });

  test('that are to be closed are not used again', async () => {
    const server = await serve((received) => {
      respond(received, 200, '', ['connection: close']);
      received.socket.end();
    });
    const http = client({ connections: 1 });
    for (let n = 0; n < 3; n += 1)
      expect(await http.post({ url: server.url, ...MESSAGE })).toEqual(DELIVERED);
    expect(server.sockets).toHaveLength(3);
    expect(server.requests).toHaveLength(3);
  });

  test('that are waited for count towards the deadline', async () => {
    const server = await serve(() => {});
    const http = client({ connections: 1, timeoutMs: 80 });
    const results = await Promise.all([1, 2].map(() => http.post({ url: server.url, ...MESSAGE })));
    expect(results).toMatchObject([{ failureClass: 'timeout' }, { failureClass: 'timeout' }]);
    expect(server.requests.length).toBeLessThan(3);
  });
});

describe.each(['http', 'https'])('a kept connection over %s', (protocol) => {
  const serverTls = protocol === 'https' ? TLS.server : undefined;
  const clientTls = protocol === 'https' ? { tls: { ca: TLS.ca } } : {};

  test.each([
    ['reset', (received: Received) => received.reset()],
    ['closed', ({ socket }: Received) => socket.destroy()],
    ['ended', ({ socket }: Received) => socket.end()],
  ])('%s before a byte of the answer: the same bytes once more, on a new one', async (_name, drop) => {
    const server = await serve((received) => {
      if (received.onConnection === 1) respond(received, 200);
      else drop(received);
    }, serverTls);
    const http = client(clientTls);
    const url = server.url.replace('127.0.0.1', 'localhost');
    expect(await http.post({ url, ...MESSAGE })).toEqual(DELIVERED);
    expect(await http.post({ url, ...MESSAGE })).toEqual({ ...DELIVERED, repeats: ['resent'] });
    expect(server.requests).toHaveLength(3);
    expect(server.sockets).toHaveLength(2);
    expect(new Set(server.requests.map(({ text }) => text)).size).toBe(1);
  });

  test('closed before a byte of the answer: what is sent once more is signed anew', async () => {
    const server = await serve((received) => {
      if (received.onConnection === 1) respond(received, 200);
      else received.socket.destroy();
    }, serverTls);
    const http = client(clientTls);
    const url = server.url.replace('127.0.0.1', 'localhost');
    let signed = 0;
    const sign = (): string[] => ['signature', `number ${++signed}`];
    expect(await http.post({ url, ...MESSAGE })).toEqual(DELIVERED);
    expect(await http.post({ url, ...MESSAGE, sign })).toEqual({ ...DELIVERED, repeats: ['resent'] });
    const signatures = server.requests.map(({ text }) => /^signature: (.*)\r$/m.exec(text)?.[1]);
    expect(signatures).toEqual([undefined, 'number 1', 'number 2']);
  });

  test('closed, and the new one as well: no third request', async () => {
    const server = await serve((received) => {
      if (received.number === 1) respond(received, 200);
      else received.socket.destroy();
    }, serverTls);
    const http = client(clientTls);
    const url = server.url.replace('127.0.0.1', 'localhost');
    await http.post({ url, ...MESSAGE });
    expect(await http.post({ url, ...MESSAGE })).toMatchObject({
      failureClass: 'reset',
      repeats: ['resent'],
    });
    expect(server.requests).toHaveLength(3);
  });

  test.each(['H', '\r\n'])(
    'closed after the first bytes of the answer (%j): not sent again',
    async (bytes) => {
      const server = await serve((received) => {
        if (received.number === 1) respond(received, 200);
        else received.socket.end(bytes);
      }, serverTls);
      const http = client(clientTls);
      const url = server.url.replace('127.0.0.1', 'localhost');
      await http.post({ url, ...MESSAGE });
      expect(await http.post({ url, ...MESSAGE })).toMatchObject({ failureClass: 'reset' });
      expect(server.requests).toHaveLength(2);
    },
  );

  test('closed, and no answer on the new one: one deadline for both', async () => {
    const server = await serve((received) => {
      if (received.number === 1) respond(received, 200);
      else if (received.number === 2) setTimeout(() => received.socket.destroy(), 1_000);
    }, serverTls);
    const http = client(clientTls);
    const url = server.url.replace('127.0.0.1', 'localhost');
    await http.post({ url, ...MESSAGE });
    // One that began anew would be over after this: timers of one process end in their order, however late they are.
    const anew = new Promise((resolve) => setTimeout(resolve, 3_900, 'began anew').unref());
    const result = await Promise.race([http.post({ url, ...MESSAGE, timeoutMs: 3_000 }), anew]);
    expect(result).toMatchObject({ failureClass: 'timeout' });
    expect(server.requests).toHaveLength(3);
  });

  test('to the second address of a name, as the first one refuses', async () => {
    const server = await serve((received) => respond(received, 500, `${received.number}`), serverTls);
    const http = client({
      ...clientTls,
      lookup: (_hostname, _options, found) => process.nextTick(found, null, ADDRESSES),
    });
    const url = server.url.replace('127.0.0.1', 'localhost');
    for (const body of ['1', '2', '3']) {
      expect(await http.post({ url, ...MESSAGE })).toEqual({ kind: 'answer', status: 500, body });
    }
    expect(server.sockets).toHaveLength(1);
  });

  test('closed while idle, noticed or not: the next request is delivered', async () => {
    const server = await serve((received) => respond(received, 200), serverTls);
    const http = client(clientTls);
    const url = server.url.replace('127.0.0.1', 'localhost');
    for (let n = 1; n <= 6; n += 1) {
      expect(await withoutRepeats(http.post({ url, ...MESSAGE }))).toEqual(DELIVERED);
      const socket = server.sockets.at(-1) as Socket;
      if (n % 2) socket.end();
      else socket.destroy();
      if (n > 3) await once(socket, 'close');
    }
    expect(server.sockets).toHaveLength(6);
  });
});
