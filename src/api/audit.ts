import { z } from 'zod';
import { AUDITED_ACTIONS, auditValue } from '../core/audit.ts';
import { readAudit } from '../queue/audit.ts';
import { OF_NO_CLIENT } from '../queue/names.ts';
import type { ApiParts, ApiServer } from './api-parts.ts';
import { chooseClients } from './clients.ts';
import { moment } from './dead-letters.ts';
import { actorSchema, count, problems, time } from './schemas.ts';

/** Entries of one answer. */
const MOST_ENTRIES = 1_000;

const entrySchema = z
  .object({
    at: time.describe('when it changed something first'),
    client: z.string().nullable().describe('null: it belongs to no client'),
    action: z.enum(AUDITED_ACTIONS),
    by: actorSchema,
    id: z.string().describe('what one command did at several clients has the same'),
    filter: z
      .object({
        type: z.string(),
        status: z.string(),
        unit: z.string(),
        id: z.string(),
        since: time,
        until: time,
        failedSince: time,
        failedUntil: time,
        limit: count,
        ids: count.describe('how many events were named by their ids'),
      })
      .partial()
      .describe('which dead letters, or which endpoint'),
    matching: count.nullable().describe('dead letters that matched before it began; null: not counted'),
    done: count.nullable().describe('dead letters that were replayed or discarded; null: it is about none'),
    clients: z
      .object({ added: count, changed: count, removed: count })
      .optional()
      .describe('how many clients a reload added, changed and removed'),
  })
  .meta({ id: 'AuditEntry' });

/** `GET /v1/audit` */
export function addAuditRoute(server: ApiServer, { current, redis, now }: ApiParts): void {
  server.get(
    '/v1/audit',
    {
      schema: {
        operationId: 'listAudit',
        tags: ['audit'],
        summary: 'List what people did in the last 90 days, the latest first',
        querystring: z.strictObject({
          client: z.string().optional().describe('of one client only'),
          since: moment.optional().describe('at or after'),
          until: moment.optional().describe('before'),
        }),
        response: {
          200: z.object({
            entries: z.array(entrySchema),
            complete: z
              .boolean()
              .describe(
                'false: these are the latest; `until` the time of the last one gives those before it',
              ),
          }),
          ...problems(400, 404),
        },
      },
    },
    async (request) => {
      const { client, since, until } = request.query;
      const names = chooseClients(request, client);
      // A key of some clients is not told what was done to all.
      const isOfAll = client === undefined && request.clients === current().clients;
      const clients = isOfAll ? [OF_NO_CLIENT, ...names] : names;
      const query = { clients, since, until, now: now(), limit: MOST_ENTRIES };
      const { entries, complete } = await readAudit(redis, query);
      return { entries: entries.map(auditValue), complete };
    },
  );
}
