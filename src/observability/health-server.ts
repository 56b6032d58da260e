import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WaybillError } from '../core/waybill-error.ts';
import type { Readiness } from './readiness.ts';
import { TEXT_TYPE } from './workers-metrics.ts';

/** What the server answers with. */
export interface HealthAnswers {
  readiness(): Promise<Readiness>;
  /** In Prometheus' text format. */
  metrics(): Promise<string>;
}

/** A server that listens. */
export interface HealthServer {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

/** How long a request may take to come in. */
const REQUEST_MS = 5_000;
const MOST_CONNECTIONS = 100;
const JSON_TYPE = 'application/json';

/**
 * Serves `/livez`, `/readyz` and `/metrics`.
 *
 * @throws WaybillError `METRICS_LISTEN_FAILED` if it cannot listen there
 */
export async function startHealthServer(
  { host, port }: { readonly host: string; readonly port: number },
  answers: HealthAnswers,
): Promise<HealthServer> {
  const options = {
    requestTimeout: REQUEST_MS,
    headersTimeout: REQUEST_MS,
    connectionsCheckingInterval: 1_000,
  };
  const server = createServer(options, listenerFor(answers));
  server.maxConnections = MOST_CONNECTIONS;
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    const message = `metrics cannot be served on ${host}, port ${port}: ${(error as Error).message}`;
    throw new WaybillError('METRICS_LISTEN_FAILED', message, { cause: error });
  }
  return {
    host,
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function listenerFor(answers: HealthAnswers): RequestListener {
  return (request, response) => {
    request.resume();
    const { method = '' } = request;
    const path = request.url?.split('?', 1)[0] ?? '';
    answer(path, method, answers, response).catch((error: unknown) => {
      if (!response.headersSent) send(response, 500, JSON_TYPE, toJson({ error: (error as Error).message }));
      else response.destroy();
    });
  };
}

async function answer(path: string, method: string, answers: HealthAnswers, response: ServerResponse) {
  if (!['/livez', '/readyz', '/metrics'].includes(path)) {
    send(response, 404, JSON_TYPE, toJson({ error: 'there are /livez, /readyz and /metrics' }));
  } else if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    send(response, 405, JSON_TYPE, toJson({ error: 'only GET and HEAD' }));
  } else if (path === '/livez') {
    send(response, 200, JSON_TYPE, toJson({ live: true }));
  } else if (path === '/readyz') {
    const readiness = await answers.readiness();
    send(response, readiness.ready ? 200 : 503, JSON_TYPE, toJson(readiness));
  } else {
    send(response, 200, TEXT_TYPE, await answers.metrics());
  }
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  });
  response.end(body);
}
