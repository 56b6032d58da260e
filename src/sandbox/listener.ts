import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';

/** One TCP connection to a company. */
export interface Connection {
  /** Counted from 1, in order of opening. */
  readonly index: number;
  /** Sends a TCP reset. */
  reset(): void;
}

/** Receives each request, and its connection. */
type Receive = (message: IncomingMessage, response: ServerResponse, connection: Connection) => void;

/** A server on a loopback port of its own that can go away and come back on the same port. */
export interface Listener {
  readonly port: number;
  /** Connections opened so far. */
  readonly opened: number;
  /** Connections open now. */
  readonly open: number;
  /** Closes the port and every connection, hung ones too; new ones are refused. */
  stop(): Promise<void>;
  /** Listens again, on the same port. */
  start(): Promise<void>;
}

/** Where to listen. */
export interface Address {
  readonly host: string;
  /** 0: one that is free. */
  readonly port: number;
}

const ANY_LOOPBACK_PORT: Address = { host: '127.0.0.1', port: 0 };

/** Another socket may hold the port for a moment after `stop`: this many tries, with this pause. */
const REBIND_TRIES = 40;
const REBIND_PAUSE_MS = 50;

/** Listens on a free loopback port unless told otherwise; with `tls`, speaks HTTPS. */
export async function createListener(
  receive: Receive,
  { tls, address = ANY_LOOPBACK_PORT }: { readonly tls?: TlsOptions; readonly address?: Address } = {},
): Promise<Listener> {
  const server = tls === undefined ? createServer() : createTlsServer(tls);
  // No idle timeout closes a connection just when a sender reuses it, unless a script asks for that.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  server.headersTimeout = 0;
  const connections = trackConnections(server, tls !== undefined);
  server.on('request', (message: IncomingMessage, response: ServerResponse) => {
    receive(message, response, connections.of(message.socket));
  });
  await listen(server, address);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    get opened() {
      return connections.opened();
    },
    get open() {
      return connections.sockets.size;
    },
    stop: () => stop(server, connections.sockets),
    start: () => (server.listening ? Promise.resolve() : relisten(server, { ...address, port })),
  };
}

interface Connections {
  readonly sockets: ReadonlySet<Socket>;
  opened(): number;
  of(socket: Socket): Connection;
}

function trackConnections(server: Server | TlsServer, isTls: boolean): Connections {
  const sockets = new Set<Socket>();
  const bySocket = new WeakMap<Socket, Connection>();
  // A reset needs the TCP socket below a TLS socket, which does not show it: the peer's port finds it.
  const byPeerPort = new Map<number, Connection>();
  let opened = 0;
  server.on('connection', (socket: Socket) => {
    opened += 1;
    const connection: Connection = { index: opened, reset: () => socket.resetAndDestroy() };
    sockets.add(socket);
    bySocket.set(socket, connection);
    const peerPort = socket.remotePort;
    if (isTls && peerPort !== undefined) byPeerPort.set(peerPort, connection);
    socket.once('close', () => {
      sockets.delete(socket);
      if (peerPort !== undefined && byPeerPort.get(peerPort) === connection) byPeerPort.delete(peerPort);
    });
  });
  if (isTls) {
    server.on('secureConnection', (socket: Socket) => {
      const connection = byPeerPort.get(socket.remotePort ?? 0);
      if (connection !== undefined) bySocket.set(socket, connection);
    });
  }
  const unknown: Connection = { index: 0, reset: () => {} };
  return { sockets, opened: () => opened, of: (socket) => bySocket.get(socket) ?? unknown };
}

function listen(server: Server | TlsServer, { host, port }: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function relisten(server: Server | TlsServer, address: Address): Promise<void> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await listen(server, address);
    } catch (error) {
      const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!isTaken || tried === REBIND_TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, REBIND_PAUSE_MS));
    }
  }
}

async function stop(server: Server | TlsServer, sockets: ReadonlySet<Socket>): Promise<void> {
  if (!server.listening) return;
  const closed = [...sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
  closed.push(new Promise((resolve) => server.close(resolve)));
  for (const socket of sockets) socket.destroy();
  await Promise.all(closed);
}
