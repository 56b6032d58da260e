import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TlsOptions } from 'node:tls';

/** One TCP connection to a company. */
export interface Connection {
  /** Counted from 1, in order of opening. */
  readonly index: number;
  /** Below TLS, if that is spoken: only a TCP socket can be reset. */
  readonly socket: Socket;
}

/** Receives each request, and its connection. */
type Receive = (message: IncomingMessage, response: ServerResponse, connection: Connection) => void;

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

/** A server on a port of its own that can go away and come back on the same port. */
export class Listener {
  /** Connections opened so far. */
  opened = 0;
  readonly #server: Server | TlsServer;
  /** By address and port of the peer: a TLS socket does not show the TCP socket below it. */
  readonly #connections = new Map<string, Connection>();
  #address: Address;

  /** Listens once it is started: on a free loopback port unless told otherwise. With `tls`, speaks HTTPS. */
  constructor(receive: Receive, options: { readonly tls?: TlsOptions; readonly address?: Address }) {
    const server = options.tls === undefined ? createServer() : createTlsServer(options.tls);
    // No idle timeout closes a connection just when a sender reuses it, unless a script asks for that.
    server.keepAliveTimeout = 0;
    server.requestTimeout = 0;
    server.headersTimeout = 0;
    server.on('connection', (socket: Socket) => this.#add(socket));
    server.on('request', (message: IncomingMessage, response: ServerResponse) => {
      const connection = this.#connections.get(peerOf(message.socket));
      if (connection !== undefined) receive(message, response, connection);
    });
    this.#server = server;
    this.#address = options.address ?? ANY_LOOPBACK_PORT;
  }

  /** Zero until it was started, if any port will do. */
  get port(): number {
    return this.#address.port;
  }

  /** Connections open now. */
  get open(): number {
    return this.#connections.size;
  }

  /** @throws errors of the operating system, such as EADDRINUSE */
  async start(): Promise<void> {
    const { host, port } = this.#address;
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
    this.#address = { host, port: (this.#server.address() as AddressInfo).port };
  }

  /** Listens again, on the same port. */
  async restart(): Promise<void> {
    for (let tried = 1; !this.#server.listening; tried += 1) {
      try {
        await this.start();
      } catch (error) {
        const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
        if (!isTaken || tried === REBIND_TRIES) throw error;
        await sleep(REBIND_PAUSE_MS);
      }
    }
  }

  /** Closes the port and every connection, hung ones too; new ones are refused. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const sockets = [...this.#connections.values()].map(({ socket }) => socket);
    const closed = sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    closed.push(new Promise((resolve) => this.#server.close(resolve)));
    for (const socket of sockets) socket.destroy();
    await Promise.all(closed);
  }

  #add(socket: Socket): void {
    this.opened += 1;
    const connection = { index: this.opened, socket };
    const peer = peerOf(socket);
    this.#connections.set(peer, connection);
    socket.once('close', () => {
      if (this.#connections.get(peer) === connection) this.#connections.delete(peer);
    });
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
