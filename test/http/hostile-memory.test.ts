import type { Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { client, MESSAGE, serve } from './http-fixture.ts';
import { flood } from './raw-server.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const MIB = 1_048_576;
const AT_ONCE = 8;
const WARM_UP_ROUNDS = 2;
const ROUNDS = 6;
/** What may be left behind by 48 attacks, each of which brings a mebibyte or would be one unpacked. */
const LEFT_BYTES = 8 * MIB;
/** What attacks need while they are under way, server and test runner included; 8 unpacked bombs need 256 MiB. */
const NEEDED_BYTES = 160 * MIB;

const BOMB = gzipSync(Buffer.alloc(32 * MIB));
const CHUNKED = 'transfer-encoding: chunked\r\n\r\n';

const flooding =
  (head: string, bytes: string) =>
  (socket: Socket): void => {
    socket.write(head);
    flood(socket, bytes);
  };

const packed =
  (status: number) =>
  (socket: Socket): void => {
    socket.write(
      `HTTP/1.1 ${status} Text\r\ncontent-encoding: gzip\r\ncontent-length: ${BOMB.length}\r\n\r\n`,
    );
    socket.write(BOMB);
  };

test.each([
  ['10 MB of headers', flooding('HTTP/1.1 200 OK\r\n', `x-long: ${'x'.repeat(4_000)}\r\n`)],
  ['endless interim answers', flooding('', `HTTP/1.1 103 Hints\r\nlink: ${'x'.repeat(4_000)}\r\n\r\n`)],
  ['an endless reason phrase', flooding('HTTP/1.1 200 ', 'x'.repeat(65_536))],
  ['an endless body after 200', flooding('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n', 'x'.repeat(65_536))],
  ['an endless body after 500', flooding('HTTP/1.1 500 No\r\nconnection: close\r\n\r\n', 'x'.repeat(65_536))],
  ['an endless chunk extension', flooding(`HTTP/1.1 500 No\r\n${CHUNKED}5;x=`, 'x'.repeat(65_536))],
  ['a gzip bomb after 200', packed(200)],
  ['a gzip bomb after 500', packed(500)],
])(
  '%s, 48 times: memory stays flat and no connection is left',
  { timeout: 60_000 },
  async (_name, attack) => {
    const server = await serve(({ socket }) => attack(socket));
    let most = 0;

    async function attacks(rounds: number): Promise<void> {
      const http = client({ connections: AT_ONCE, timeoutMs: 30_000 });
      for (let round = 0; round < rounds; round += 1) {
        const posts = Array.from({ length: AT_ONCE }, () => http.post({ url: server.url, ...MESSAGE }));
        const results = await Promise.all(posts);
        for (const { kind } of results) expect(['answer', 'no_answer']).toContain(kind);
        most = Math.max(most, process.memoryUsage.rss());
      }
      await until(async () => server.sockets.filter((socket) => !socket.closed).length <= AT_ONCE);
      await http.close();
      await server.allClosed();
    }

    async function left(): Promise<number> {
      // Sockets that are closed are let go of some turns later.
      for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
      server.requests.length = 0;
      server.sockets.length = 0;
      collectGarbage();
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    }

    await attacks(WARM_UP_ROUNDS);
    const before = await left();
    const rssBefore = process.memoryUsage.rss();
    most = rssBefore;
    await attacks(ROUNDS);
    await until(async () => (await left()) - before < LEFT_BYTES);
    expect(most - rssBefore).toBeLessThan(NEEDED_BYTES);
  },
);
