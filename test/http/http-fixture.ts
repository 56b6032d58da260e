import type { Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { afterEach } from 'vitest';
import type { AttemptResult } from '../../src/core/attempt-result.ts';
import { type ClientHttp, createClientHttp, type HttpOptions } from '../../src/http/client-http.ts';
import { type RawServer, startRawServer } from './raw-server.ts';
import { type Received, type ScriptedServer, startScriptedServer } from './scripted-server.ts';

/** What is closed after the test, last opened first. */
export const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

/** What came of a request that a server may have got before: whether it was written in vain, depends on the moment. */
export async function withoutRepeats(posted: Promise<AttemptResult>): Promise<AttemptResult> {
  const { repeats: _, ...result } = await posted;
  return result;
}

/** A server for the present test; `port`: one that is known to be free. */
export async function serve(
  answer: (received: Received) => void,
  tls?: TlsOptions,
  port = 0,
  host = '127.0.0.1',
): Promise<ScriptedServer> {
  const server = await startScriptedServer(answer, tls, port, host);
  opened.push(server);
  return server;
}

/** A server for the present test that is handed its connections raw. */
export async function serveRaw(
  onSocket: (socket: Socket) => void,
  at?: { readonly host?: string; readonly port?: number },
): Promise<RawServer> {
  const server = await startRawServer(onSocket, at);
  opened.push(server);
  return server;
}

/** A client for the present test, which may reach the loopback address; its deadline finds only what hangs. */
export function client(options: Partial<HttpOptions> = {}): ClientHttp {
  const http = createClientHttp({ connections: 4, timeoutMs: 60_000, allowPrivateNetwork: true, ...options });
  opened.push(http);
  return http;
}

/** Headers and body of each test's request. */
export const MESSAGE = {
  headers: ['content-type', 'application/json', 'authorization', 'Bearer header-secret'],
  body: '{"optiturn_lp":"LPAA1234567"}',
} as const;
