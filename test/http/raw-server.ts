import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** A server that leaves everything to the test: it neither reads nor writes nor closes by itself. */
export interface RawServer {
  readonly url: string;
  readonly port: number;
  readonly sockets: Socket[];
  /** Resolves when all connections are closed. */
  allClosed(): Promise<void>;
  close(): Promise<void>;
}

/** Starts one on a loopback address; it hands over each connection as soon as it is accepted, paused. */
export async function startRawServer(
  onSocket: (socket: Socket) => void,
  { host = '127.0.0.1', port = 0 }: { readonly host?: string; readonly port?: number } = {},
): Promise<RawServer> {
  const sockets: Socket[] = [];
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    // The other side's end is an end, once it is read.
    socket.on('end', () => socket.destroy());
    onSocket(socket);
  });
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address() as AddressInfo;
  const isOpen = (socket: Socket): boolean => !socket.closed;
  return {
    url: `http://${host}:${address.port}/dispositions`,
    port: address.port,
    sockets,
    async allClosed() {
      const open = sockets.filter(isOpen);
      for (const socket of open) socket.resume();
      await Promise.all(open.map((socket) => new Promise((resolve) => socket.once('close', resolve))));
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A call to the system for every few bytes would keep this process from all else for a fifth of a second. */
const LEAST_WRITE_BYTES = 16_384;

/** Writes the same bytes again and again, as fast as they are taken, until the connection is closed. */
export function flood(socket: Socket, bytes: string | Buffer): void {
  const piece = Buffer.from(bytes);
  const chunk = Buffer.concat(Array(Math.ceil(LEAST_WRITE_BYTES / piece.length)).fill(piece));
  const write = (): void => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on('drain', write);
  write();
}
