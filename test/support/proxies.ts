import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { TlsOptions } from 'node:tls';
import { onTestFinished } from 'vitest';
import { type ForeignServer, startForeignServer } from './foreign-server.ts';
import { testDirectory } from './waybill-process.ts';

/** One CONNECT as it arrived. */
export interface Connect {
  /** What it names: `host:port`. */
  readonly target: string;
  readonly authorization: string | undefined;
  readonly socket: Socket;
}

/** What a proxy does with a CONNECT; `undefined`: it connects. */
export type ProxyScript = (connect: Connect) => 'connect' | 'hang' | string;

/** A proxy by a script: what it answers instead of connecting, as raw bytes. */
export interface ScriptedProxy {
  readonly port: number;
  readonly url: string;
  readonly connects: Connect[];
  /** Both ends of all tunnels. */
  readonly sockets: Set<Socket>;
  script: ProxyScript;
  close(): Promise<void>;
}

/** Starts a proxy on a loopback port; it is gone when the test is over. Names are all 127.0.0.1 to it. */
export async function startProxy(
  script: ProxyScript = () => 'connect',
  { port = 0, tls }: { readonly port?: number; readonly tls?: TlsOptions } = {},
): Promise<ScriptedProxy> {
  const server: Server = tls ? createTlsServer(tls) : createServer();
  const connects: Connect[] = [];
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket.on('error', () => {}).once('close', () => sockets.delete(socket)));
    return socket;
  };
  server.on('connection', keep);
  server.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const [target = '', authorization] = [request.url, request.headers['proxy-authorization']];
    const asked = { target, authorization, socket };
    connects.push(asked);
    const answer = proxy.script(asked);
    if (answer === 'connect') tunnel(keep(socket), target, head, keep);
    else if (answer === 'hang') socket.resume().once('end', () => socket.destroy());
    else socket.end(answer);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const at = (server.address() as AddressInfo).port;
  let closed: Promise<unknown> | undefined;
  const proxy: ScriptedProxy = {
    port: at,
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${at}`,
    connects,
    sockets,
    script,
    async close() {
      closed ??= once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
  onTestFinished(() => proxy.close());
  return proxy;
}

function tunnel(socket: Socket, target: string, head: Buffer, keep: (socket: Socket) => Socket): void {
  const [, host = '', port] = /^\[?(.*?)\]?:(\d+)$/.exec(target) ?? [];
  const onward = keep(connect(Number(port), /^[\d.]+$|:/.test(host) ? host : '127.0.0.1'));
  onward.once('connect', () => {
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    onward.write(head);
    socket.pipe(onward).pipe(socket);
  });
  onward.once('close', () => socket.destroy());
  socket.once('close', () => onward.destroy());
}

/** How a tinyproxy is set up. */
export interface TinyproxySettings {
  readonly user?: string;
  readonly password?: string;
  /** The targets that it refuses, as a regular expression of its kind. */
  readonly deny?: string;
}

/** Starts a tinyproxy. */
export function startTinyproxy({ user, password, deny }: TinyproxySettings = {}): Promise<ForeignServer> {
  const directory = testDirectory();
  const file = join(directory, 'tinyproxy.conf');
  const filter = join(directory, 'filter');
  writeFileSync(filter, `${deny ?? ''}\n`);
  return startForeignServer('tinyproxy', (port) => {
    const lines = [
      `Port ${port}`,
      'Listen 127.0.0.1',
      'Timeout 60',
      'MaxClients 50',
      'LogLevel Connect',
      ...(user === undefined ? [] : [`BasicAuth ${user} ${password}`]),
      ...(deny === undefined ? [] : [`Filter "${filter}"`, 'FilterDefaultDeny No']),
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    return ['-d', '-c', file];
  });
}
