import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';
import { WaybillError } from '../core/waybill-error.ts';
import type { Readiness } from './readiness.ts';
import { TEXT_TYPE } from './workers-metrics.ts';

/** What the server answers with. */
export interface HealthAnswers {
  readiness(): Promise<Readiness>;
  /** In Prometheus' text format. */
  metrics(): Promise<string>;
}

/** How long a request may take to come in. */
const REQUEST_MS = 5_000;
const TIMES = {
  requestTimeout: REQUEST_MS,
  headersTimeout: REQUEST_MS,
  keepAliveTimeout: REQUEST_MS,
  connectionsCheckingInterval: 1_000,
};
const MOST_CONNECTIONS = 100;
const PATHS = ['/livez', '/readyz', '/metrics'];

/**
 * Serves `/livez`, `/readyz` and `/metrics`.
 *
 * @throws WaybillError `METRICS_LISTEN_FAILED` if it cannot listen there
 */
export async function startHealthServer(
  { host, port }: { readonly host: string; readonly port: number },
  { readiness, metrics }: HealthAnswers,
) {
  // With a server of its own, fastify listens at one address, even for `localhost`.
  const server = fastify({
    forceCloseConnections: true,
    serverFactory: (handler) =>
      Object.assign(createServer(TIMES, handler), { maxConnections: MOST_CONNECTIONS }),
  });
  server.addHook('onRequest', async ({ is404, url }, reply) => {
    reply.header('cache-control', 'no-store').type('application/json').serializer(toBody);
    if (!is404) return undefined;
    if (!PATHS.includes(url.split('?', 1).join())) {
      return reply.code(404).send({ error: 'there are /livez, /readyz and /metrics' });
    }
    return reply.code(405).header('allow', 'GET, HEAD').send({ error: 'only GET and HEAD' });
  });
  server.setErrorHandler(({ message }: Error, _request, reply) =>
    reply.code(500).type('application/json').send({ error: message }),
  );
  server.get('/livez', async () => ({ live: true }));
  server.get('/readyz', async (_request, reply) => {
    const found = await readiness();
    return reply.code(found.ready ? 200 : 503).send(found);
  });
  server.get('/metrics', async (_request, reply) => reply.type(TEXT_TYPE).send(await metrics()));
  try {
    await server.listen({ host, port });
  } catch (error) {
    const message = `metrics cannot be served on ${host}, port ${port}: ${(error as Error).message}`;
    throw new WaybillError('METRICS_LISTEN_FAILED', message, { cause: error });
  }
  return { host, port: (server.server.address() as AddressInfo).port, close: () => server.close() };
}

function toBody(value: unknown): string {
  return typeof value === 'string' ? value : `${JSON.stringify(value)}\n`;
}
