import { z } from 'zod';
import { incidentValue } from '../core/incident.ts';
import { readAllIncidents } from '../incidents/read-incidents.ts';
import type { ApiParts, ApiServer } from './api-parts.ts';
import { chooseClients } from './clients.ts';
import { count, problems, status, time } from './schemas.ts';

/** An incident, as `incidentValue` writes it. */
export const incidentSchema = z.object({
  id: z.string(),
  client: z.string(),
  type: z.string(),
  cause: z
    .enum(['died', 'down', 'judged'])
    .describe('why it opened: judged: a hundred client errors in a row'),
  openedAt: time.describe('when the first event was given up on, or the endpoint went down'),
  failingSince: time.describe('when the first attempt failed of those that opened it'),
  lastAt: time.nullable().describe('when the last event was given up on; null: none was'),
  closedAt: time.nullable(),
  end: z.enum(['delivered', 'discarded', 'quiet']).nullable(),
  state: z
    .enum(['open', 'slowed', 'down', 'recovering'])
    .nullable()
    .describe('the endpoint; null: it is over'),
  downSince: time.nullable().describe('since when nothing was delivered, if it is down'),
  waiting: count
    .nullable()
    .describe('events of the endpoint that wait or will be tried again; null: it is over'),
  events: count.describe('that were given up on since it opened, each once'),
  diedAgain: count.describe('how often one of them was replayed and given up on again'),
  deadLetters: count.describe('of them that stand'),
  failures: z
    .array(z.object({ class: z.string(), status, events: count }))
    .describe('why events were given up on; one that died again counts again'),
});

/** `GET /v1/incidents` */
export function addIncidentRoute(server: ApiServer, { redis, now }: ApiParts): void {
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
    async (request) => {
      const names = chooseClients(request, request.query.client);
      const { open, closed } = await readAllIncidents(redis, names, now());
      return { open: open.map(incidentValue), closed: closed.map(incidentValue) };
    },
  );
}
