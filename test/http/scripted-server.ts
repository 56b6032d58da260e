import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';

/** One request as it arrived. */
export interface Received {
  /** Which of all requests to the server, from 1. */
  readonly number: number;
  /** Which of the requests on its connection, from 1. */
  readonly onConnection: number;
  readonly text: string;
  readonly socket: Socket;
  /** Ends the connection with a TCP reset, below TLS. */
  reset(): void;
}

/** A server that answers in raw bytes, so that it can answer wrongly. */
export interface ScriptedServer {
  readonly url: string;
  readonly port: number;
  readonly requests: Received[];
  readonly sockets: Socket[];
  /** Resolves when all connections are closed. */
  allClosed(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a server on a loopback address whose answer to each request is written by `answer`. */
export async function startScriptedServer(
  answer: (received: Received) => void,
  tls?: TlsOptions,
  listenPort = 0,
  host = '127.0.0.1',
): Promise<ScriptedServer> {
  const requests: Received[] = [];
  const sockets: Socket[] = [];
  const raw = new Map<number | undefined, Socket>();
  const onSocket = (socket: Socket): void => {
    sockets.push(socket);
    socket.on('error', () => {});
    let onConnection = 0;
    readRequests(socket, (text) => {
      onConnection += 1;
      const reset = () => void raw.get(socket.remotePort)?.resetAndDestroy();
      const received = { number: requests.length + 1, onConnection, text, socket, reset };
      requests.push(received);
      answer(received);
    });
  };
  const server: Server = tls ? createTlsServer(tls, onSocket) : createServer(onSocket);
  server.on('connection', (socket: Socket) => raw.set(socket.remotePort, socket));
  server.on('tlsClientError', () => {});
  server.listen(listenPort, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const open = () => sockets.filter((socket) => !socket.closed);
  return {
    url: `${tls ? 'https' : 'http'}://${host}:${port}/dispositions?key=query-secret`,
    port,
    requests,
    sockets,
    async allClosed() {
      await Promise.all(open().map((socket) => new Promise((resolve) => socket.once('close', resolve))));
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function readRequests(socket: Socket, onRequest: (text: string) => void): void {
  let buffered = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    buffered += chunk;
    for (;;) {
      const headersEnd = buffered.indexOf('\r\n\r\n');
      if (headersEnd < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(buffered)?.[1] ?? 0);
      const end = headersEnd + 4 + length;
      if (buffered.length < end) return;
      const text = buffered.slice(0, end);
      buffered = buffered.slice(end);
      onRequest(text);
    }
  });
}

/** Writes a whole answer. */
export function respond(
  { socket }: Received,
  status: number,
  body = '',
  headers: readonly string[] = [],
): void {
  const lines = [`HTTP/1.1 ${status} Text`, `content-length: ${Buffer.byteLength(body)}`, ...headers];
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
}
