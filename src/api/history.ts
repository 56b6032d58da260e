import { z } from 'zod';
import { FAILURE_GROUPS, HISTORY_STATES } from '../observability/endpoint-change.ts';
import type { ApiParts, ApiServer } from './api-parts.ts';
import { clientOf } from './clients.ts';
import { ProblemError } from './problems.ts';
import { count, problemsOf, time } from './schemas.ts';

const ms = z.array(z.number().nullable()).describe('milliseconds; null: there was no attempt');

/** The last hour of an endpoint: all lists are of one length. */
export const historySchema = z
  .object({
    everySeconds: z.number().describe('between two samples'),
    at: time.nullable().describe('of the last sample; null: there is none yet'),
    accepted: z.array(count).describe('events within each sample, the oldest sample first'),
    delivered: z.array(count).describe('events within the sample'),
    waiting: z.array(count).describe('events that wait or will be tried again'),
    dead: z.array(count).describe('dead letters that stand'),
    state: z.array(z.enum(HISTORY_STATES)).describe('unknown: nobody looked at that time'),
    ratePerSecond: z
      .array(z.number().nullable())
      .describe('requests, while it is slowed or recovering; null: no rate held'),
    failed: z
      .record(z.string(), z.array(count))
      .describe(`attempts that failed within the sample, by class: ${FAILURE_GROUPS.join(', ')}`),
    latency: z
      .object({ p50: ms, p90: ms, p99: ms })
      .describe("attempts of this service's own workers within the sample"),
  })
  .meta({ id: 'History' });
export type History = z.infer<typeof historySchema>;

/** `GET /v1/clients/:client/endpoints/:type/history` */
export function addHistoryRoute(server: ApiServer, { views }: ApiParts): void {
  server.get(
    '/v1/clients/:client/endpoints/:type/history',
    {
      schema: {
        operationId: 'getHistory',
        tags: ['clients'],
        summary: 'The last hour of an endpoint, from the memory of this service',
        params: z.strictObject({
          client: z.string().describe('the name of a client'),
          type: z.string().describe('the event type of an endpoint'),
        }),
        response: { 200: historySchema, ...problemsOf(401, 403, 404) },
      },
    },
    async (request): Promise<History> => {
      const { client, type } = request.params;
      const { endpoints } = clientOf(request, client);
      const { history } = views;
      if (!Object.hasOwn(endpoints, type) && !history.has(client, type)) {
        throw new ProblemError('NO_ENDPOINT', `client "${client}" has no endpoint for "${type}"`);
      }
      const { at, everyMs } = history;
      return {
        everySeconds: everyMs / 1_000,
        at: at === undefined ? null : new Date(at).toISOString(),
        ...history.read(client, type),
      };
    },
  );
}
