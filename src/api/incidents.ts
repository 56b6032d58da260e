import { z } from 'zod';
import { incidentValue } from '../core/incident.ts';
import { readAllIncidents } from '../queue/incident-store.ts';
import type { ApiParts, ApiServer } from './api-parts.ts';
import { chooseClients } from './clients.ts';
import { count, problems, status, time } from './schemas.ts';

const incidentSchema = z.object({
  id: z.string(),
  client: z.string(),
  type: z.string(),
  openedAt: time.describe('when the first event was given up on'),
  failingSince: time.describe('when the first attempt failed of those that were given up on'),
  lastAt: time.describe('when the last event was given up on'),
  closedAt: time.nullable(),
  end: z.enum(['delivered', 'discarded']).nullable(),
  events: count.describe('that were given up on since it opened'),
  deadLetters: count.describe('of them that stand'),
  failures: z.array(z.object({ class: z.string(), status, events: count })),
});

/** `GET /v1/incidents` */
export function addIncidentRoute(server: ApiServer, { current, redis, now }: ApiParts): void {
  server.get(
    '/v1/incidents',
    {
      schema: {
        operationId: 'listIncidents',
        tags: ['incidents'],
        summary: 'List the incidents that are open, and those of the last 7 days that are over',
        querystring: z.strictObject({ client: z.string().optional().describe('of one client only') }),
        response: {
          200: z.object({ open: z.array(incidentSchema), closed: z.array(incidentSchema) }),
          ...problems(400, 404),
        },
      },
    },
    async ({ query }) => {
      const { open, closed } = await readAllIncidents(redis, chooseClients(current(), query.client), now());
      return { open: open.map(incidentValue), closed: closed.map(incidentValue) };
    },
  );
}
