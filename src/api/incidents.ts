import { z } from 'zod';
import { type ClosedIncident, type Incident, incidentId, incidentValue } from '../core/incident.ts';
import { readAllIncidents } from '../incidents/read-incidents.ts';
import { readTold, type ToldNotice } from '../queue/told-notices.ts';
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

/** An incident with who was told of it. */
export const toldIncidentSchema = incidentSchema.extend({
  told: z
    .array(
      z.object({
        at: time,
        channel: z.string().describe('log, or its kind and host'),
        kind: z.enum(['opened', 'grew', 'closed']),
        reason: z.string().nullable().describe('why it was not taken; null: it was'),
      }),
    )
    .describe('who was told of it, the oldest first; 200 of a client are kept'),
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
          200: z.object({ open: z.array(toldIncidentSchema), closed: z.array(toldIncidentSchema) }),
          ...problems(400, 404),
        },
      },
    },
    async (request) => {
      const names = chooseClients(request, request.query.client);
      const { open, closed } = await readAllIncidents(redis, names, now());
      const clients = [...new Set([...open, ...closed].map(({ client }) => client))];
      const told = (await Promise.all(clients.map((client) => readTold(redis, client)))).flat();
      const toValue = (incident: Incident | ClosedIncident) => ({
        ...incidentValue(incident),
        told: toldOf(incidentId(incident), told),
      });
      return { open: open.map(toValue), closed: closed.map(toValue) };
    },
  );
}

/** A channel's name without what tells it from others of its kind and host. */
function toldOf(id: string, all: readonly ToldNotice[]) {
  return all
    .filter(({ incident }) => incident === id)
    .map(({ at, channel, kind, reason = null }) => ({
      at: new Date(at).toISOString(),
      channel: channel.replace(/:[0-9a-f]{8}$/, ''),
      kind,
      reason,
    }))
    .reverse();
}
