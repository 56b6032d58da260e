import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

const HOST = '127.0.0.1';

/** A way to a server on this machine, as an address translation or a moving name would be. */
export interface TcpProxy {
  readonly port: number;
  /** Connections that are open. */
  readonly open: number;
  /** Leads new connections to another port. */
  leadTo(port: number): void;
  /** Forwards nothing any more, and keeps and takes connections. */
  fallSilent(): void;
}

/** Starts one on a free port; it is gone when the test is over. */
export async function startTcpProxy(first: number): Promise<TcpProxy> {
  let target = first;
  let isSilent = false;
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket.on('error', () => {}));
    socket.on('close', () => sockets.delete(socket));
  };
  const forward = (from: Socket, to: Socket): void => {
    from.on('data', (chunk) => void (isSilent || to.write(chunk)));
    from.on('close', () => to.destroy());
  };
  const server = createServer((socket) => {
    const back = connect(target, HOST);
    keep(socket);
    keep(back);
    forward(socket, back);
    forward(back, socket);
  });
  await once(server.listen(0, HOST), 'listening');
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await once(server.close(), 'close');
  });
  return {
    port: (server.address() as AddressInfo).port,
    get open() {
      return sockets.size / 2;
    },
    leadTo(port) {
      target = port;
    },
    fallSilent() {
      isSilent = true;
    },
  };
}
