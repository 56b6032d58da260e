import { z } from 'zod';
import { eventFateValue, type LookUpEvent } from '../core/event-fate.ts';
import type { ApiServer, PresentConfig } from './api-parts.ts';
import { chooseClients } from './clients.ts';
import { ProblemError } from './problems.ts';
import { eventFateSchema, problems } from './schemas.ts';

/** `GET /v1/events/:id` */
export function addEventFateRoute(
  server: ApiServer,
  current: () => PresentConfig,
  lookUp: LookUpEvent,
): void {
  server.get(
    '/v1/events/:id',
    {
      schema: {
        operationId: 'getEvent',
        tags: ['events'],
        summary: 'What became of an event',
        params: z.strictObject({ id: z.uuid() }),
        querystring: z.strictObject({ client: z.string().optional().describe('look at one client only') }),
        response: { 200: eventFateSchema, ...problems(400, 401, 403, 404, 503) },
      },
    },
    async ({ params: { id }, query: { client } }) => {
      chooseClients(current(), client);
      const fate = await lookUp(id, client);
      if (fate !== undefined) return eventFateValue(fate);
      throw new ProblemError('NOT_FOUND', `nothing is known of event ${id}, or not any longer`);
    },
  );
}
