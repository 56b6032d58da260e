import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { v7 as uuidv7 } from 'uuid';
import type { Places } from '../protocol.ts';
import type { Sender } from '../sender.ts';
import { BODY_BYTES, bodyOf, CONCURRENCY, headersOf, PATH } from '../workload.ts';

const READ_BUFFER_BYTES = 4_096;
const DIFFERENT_REQUESTS = 1_000;

/**
 * Drives the receiver to its limit: the same requests over as many connections, one at a time on each, as bytes
 * that were made beforehand, with nothing read of the answers but that they came. Cheaper than the receiver.
 */
export function createRawSender({ port }: Places): Sender {
  const requests = Array.from({ length: DIFFERENT_REQUESTS }, (_, n) => encodeRequest(n, port));
  let sockets: Socket[] = [];
  let left = 0;

  function sendNext(socket: Socket): void {
    if (left === 0) return;
    left -= 1;
    socket.write(requests[left % DIFFERENT_REQUESTS] as Buffer);
  }

  function open(): Socket {
    const socket: Socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      // An answer fits into one segment, hence into one read.
      onread: {
        buffer: Buffer.alloc(READ_BUFFER_BYTES),
        callback: () => {
          sendNext(socket);
          return true;
        },
      },
    });
    return socket;
  }

  return {
    async prepare(total) {
      left = total;
      sockets = Array.from({ length: CONCURRENCY }, open);
      await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    },
    async start() {
      for (const socket of sockets) sendNext(socket);
    },
    async stop() {
      const closed = sockets.map((socket) => once(socket, 'close'));
      for (const socket of sockets) socket.destroy();
      await Promise.all(closed);
    },
  };
}

function encodeRequest(n: number, port: number): Buffer {
  const headers = headersOf(uuidv7());
  const lines = [`POST ${PATH} HTTP/1.1`, `host: 127.0.0.1:${port}`, 'connection: keep-alive'];
  for (let at = 0; at < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`);
  lines.push(`content-length: ${BODY_BYTES}`);
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${bodyOf(n)}`);
}
