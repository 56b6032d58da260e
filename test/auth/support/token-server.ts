import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A request as the token service saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What the service answers; a string body goes out as it is. `hang` answers never. */
export type Reply =
  | 'hang'
  | { readonly status: number; readonly body: unknown; readonly headers?: OutgoingHttpHeaders };

/** A real token service, scripted. */
export interface TokenServer {
  readonly url: string;
  readonly seen: SeenRequest[];
  /** Answers the n-th request, counted from 1. */
  reply: (n: number) => Reply | Promise<Reply>;
  /** Resolves once n requests have arrived. */
  received(n: number): Promise<void>;
  close(): Promise<void>;
}

/** What a token service answers by default: a token that names the number of its request. */
export function tokenReply(n: number, fields: object = {}): Reply {
  return {
    status: 200,
    body: { access_token: `token-${n}`, token_type: 'Bearer', expires_in: 3_600, ...fields },
  };
}

/** Starts a token service on a free port. */
export async function startTokenServer(): Promise<TokenServer> {
  const waiting: { n: number; resolve: () => void }[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request);
    const { method = '', url: path = '', headers } = request;
    const n = server.seen.push({ method, path, headers, body });
    for (const waiter of waiting) if (waiter.n <= n) waiter.resolve();
    const reply = await server.reply(n);
    if (reply === 'hang') return;
    response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers });
    response.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body));
  };
  const http = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const server: TokenServer = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/oauth/token`,
    seen: [],
    reply: (n) => tokenReply(n),
    received: (n) =>
      server.seen.length >= n ? Promise.resolve() : new Promise((resolve) => waiting.push({ n, resolve })),
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
  return server;
}
