import { z } from 'zod';
import type { ResolvedClient } from '../config/config-schema.ts';
import { paceValue } from '../core/endpoint-pace.ts';
import { type EndpointView, readClientView, readViewsInReach } from '../queue/client-view.ts';
import { clientViewValue } from '../queue/client-view-value.ts';
import { openEndpoint } from '../queue/open-endpoint.ts';
import { setPaused } from '../queue/pause-client.ts';
import { countServices } from '../queue/stored-clients.ts';
import type { ApiParts, ApiServer, PresentConfig } from './api-parts.ts';
import { keyOf } from './keys.ts';
import { ProblemError } from './problems.ts';
import { clientStatusSchema, openedSchema, pauseSchema, problems } from './schemas.ts';

const params = z.strictObject({ client: z.string().describe('the name of a client') });

/** Finds the clients that a request is about: the one that it names, or all of its key. @throws ProblemError */
export function chooseClients(
  { clients }: Pick<PresentConfig, 'clients'>,
  name: string | undefined,
): string[] {
  if (name === undefined) return Object.keys(clients).sort();
  if (Object.hasOwn(clients, name)) return [name];
  // The same, whichever it is: a key learns nothing of other clients.
  const detail = `client "${name}" is not in the configuration, or the key is not for it`;
  throw new ProblemError('UNKNOWN_CLIENT', detail);
}

/** The client that a request names. @throws ProblemError */
export function clientOf(config: Pick<PresentConfig, 'clients'>, name: string): ResolvedClient {
  chooseClients(config, name);
  return config.clients[name] as ResolvedClient;
}

/** `GET /v1/clients`, `GET /v1/clients/:client`, `POST /v1/clients/:client/pause`, `resume` and `pace/:type/open` */
export function addClientRoutes(server: ApiServer, parts: ApiParts): void {
  addStatusRoutes(server, parts);
  addPauseRoute(server, parts, 'pause', 'Stop sending: what is under way is finished, the rest waits');
  addPauseRoute(server, parts, 'resume', 'Go on sending');
  addOpenRoute(server, parts);
}

function addStatusRoutes(server: ApiServer, { redis }: ApiParts): void {
  server.get(
    '/v1/clients',
    {
      schema: {
        operationId: 'listClients',
        tags: ['clients'],
        summary: "Where every client's events are",
        response: {
          200: z.object({
            services: z.int().nullable().describe('worker processes; null: Redis does not say'),
            clients: z.record(z.string(), clientStatusSchema),
            unread: z.array(z.string()).describe('clients whose server of a Cluster is away'),
          }),
          ...problems(),
        },
      },
    },
    async (request) => {
      const all = chooseClients(request, undefined).map((name) => clientOf(request, name));
      const { found, unread } = await readViewsInReach(redis, all);
      const values = [...found].map(([name, view]) => [name, clientViewValue(view)] as const);
      return {
        services: (await countServices(redis)) ?? null,
        clients: Object.fromEntries(values),
        unread: [...unread],
      };
    },
  );
  server.get(
    '/v1/clients/:client',
    {
      schema: {
        operationId: 'getClient',
        tags: ['clients'],
        summary: "Where a client's events are",
        params,
        response: { 200: clientStatusSchema, ...problems(404) },
      },
    },
    async (request) => {
      return clientViewValue(await readClientView(redis, clientOf(request, request.params.client)));
    },
  );
}

function addPauseRoute(
  server: ApiServer,
  { redis, views, now, newId }: ApiParts,
  verb: 'pause' | 'resume',
  summary: string,
): void {
  server.post(
    `/v1/clients/:client/${verb}`,
    {
      schema: {
        operationId: `${verb}Client`,
        tags: ['clients'],
        summary,
        params,
        response: { 200: pauseSchema, ...problems(404, 504) },
      },
    },
    async (request) => {
      const client = clientOf(request, (request.params as z.infer<typeof params>).client);
      const paused = verb === 'pause';
      const note = { id: newId(), action: verb, by: keyOf(request) };
      const changed = await setPaused(redis, client.name, paused, now(), note);
      views.readSoon();
      const { waiting, inFlight, retrying } = await readClientView(redis, client);
      return { client: client.name, paused, changed, waiting, inFlight, retrying };
    },
  );
}

function addOpenRoute(server: ApiServer, { redis, views, newId }: ApiParts): void {
  server.post(
    '/v1/clients/:client/pace/:type/open',
    {
      schema: {
        operationId: 'openEndpoint',
        tags: ['clients'],
        summary: 'Try an endpoint again at once that is down or slowed',
        params: params.extend({ type: z.string().describe('the event type of an endpoint') }),
        response: { 200: openedSchema, ...problems(404, 504) },
      },
    },
    async (request) => {
      const { client: name, type } = request.params;
      const client = clientOf(request, name);
      const endpoint = Object.hasOwn(client.endpoints, type) ? client.endpoints[type] : undefined;
      if (endpoint === undefined) {
        throw new ProblemError('NO_ENDPOINT', `client "${name}" has no endpoint for "${type}"`);
      }
      const note = { id: newId(), action: 'pace', by: keyOf(request), filter: { type } } as const;
      const opened = await openEndpoint(redis, endpoint, note);
      views.readSoon();
      const { endpoints } = await readClientView(redis, client);
      return { client: name, type, ...opened, pace: paceValue((endpoints[type] as EndpointView).pace) };
    },
  );
}
