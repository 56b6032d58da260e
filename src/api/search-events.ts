import { z } from 'zod';
import { EVENT_STATES, eventRecordValue, matchesEvent, OUTCOMES } from '../core/event-record.ts';
import { EVENT_TYPE_NAMES } from '../core/event-types.ts';
import { findEvents, findOneEvent, LatestEvents, readWaits, WAITS_FOR } from '../queue/find-events.ts';
import type { ApiParts, ApiServer } from './api-parts.ts';
import { chooseClients, clientOf } from './clients.ts';
import { moment, statusFilter } from './dead-letters.ts';
import { actorSchema, count, problems, status, time } from './schemas.ts';

const MOST_ROWS = 500;
const DEFAULT_ROWS = 50;
/** Events that one request looks at, whether they match or not: a second or two. */
const MOST_LOOKED_AT = 1_000_000;

const query = z.strictObject({
  client: z.string().optional().describe('of one client'),
  id: z.uuid().optional().describe('one event, found at once; the other filters hold for it, too'),
  unit: z.string().optional().describe('about one unit'),
  type: z.enum(EVENT_TYPE_NAMES).optional().describe('of one event type'),
  outcome: z
    .enum(OUTCOMES)
    .optional()
    .describe('that came to this; whatever became of them since: an attempt failed, they died'),
  status: statusFilter.optional().describe('of any attempt: 422, 5xx, timeout ...'),
  since: moment
    .optional()
    .describe('whose outcome, or without an outcome anything of theirs, came at or after'),
  until: moment.optional().describe('for which it came before'),
  limit: z.coerce.number().int().min(1).max(MOST_ROWS).default(DEFAULT_ROWS).describe('at most this many'),
});

export const recordSchema = z
  .object({
    client: z.string(),
    id: z.string(),
    type: z.string().nullable().describe('null: this version does not know it'),
    unit: z
      .string()
      .nullable()
      .describe('null: of what was delivered or discarded only a fingerprint of it is kept'),
    probably: z
      .literal(true)
      .optional()
      .describe(
        'it was found by the fingerprint of the unit that was asked for, which another one may share',
      ),
    state: z.enum(EVENT_STATES),
    waitsFor: z.enum(WAITS_FOR).optional(),
    acceptedAt: time,
    endedAt: time.optional().describe('when it died, was delivered or discarded'),
    nextAttemptAt: time.optional(),
    status: z.int().optional().describe('what a delivery was answered with'),
    by: actorSchema.optional().describe('who discarded it'),
    replays: count,
    attempts: count.describe('of its last life'),
    failedAttempts: z.array(
      z.object({
        life: count.describe('how often it had been replayed by then'),
        attempt: count.describe('counts from 1 in each life'),
        at: time,
        status,
        class: z.string(),
        ms: z.number(),
      }),
    ),
  })
  .meta({ id: 'Event' });

/** `GET /v1/events` */
export function addEventSearchRoute(server: ApiServer, parts: ApiParts): void {
  const { redis, now } = parts;
  server.get(
    '/v1/events',
    {
      schema: {
        operationId: 'findEvents',
        tags: ['events'],
        summary: 'Find events by unit, time, outcome or status',
        description:
          'What waits, is retried or dead, and what was delivered or discarded, as long as that is remembered: the ' +
          'latest accepted ones, in the order of their acceptance.',
        querystring: query,
        response: {
          200: z.object({
            events: z.array(recordSchema),
            found: count.describe('all that were found, shown or not'),
            complete: z
              .boolean()
              .describe('false: there may be more; ask for one client, one unit or a shorter time'),
          }),
          ...problems(400, 404),
        },
      },
    },
    async (request) => {
      const { client, id, ...asked } = request.query;
      const names = chooseClients(request, client);
      const { latest, complete } = await (id === undefined
        ? search(parts, names, asked)
        : findOne(parts, names, id, asked));
      const events = latest.sorted();
      const configured = names.map((name) => clientOf(request, name));
      const waits = await readWaits(redis, configured, events, now());
      return {
        events: events.map((event) => eventRecordValue(event, asked.unit, waits.get(event))),
        found: latest.found,
        complete,
      };
    },
  );
}

type Asked = Omit<z.infer<typeof query>, 'client' | 'id'>;

/** Looks through events, at most MOST_LOOKED_AT of them. */
async function search({ redis, now }: ApiParts, clients: readonly string[], { limit, ...filter }: Asked) {
  const latest = new LatestEvents(limit);
  let isComplete = true;
  let looked = 0;
  const found = findEvents({
    ...{ redis, clients, filter, now: now() },
    onProgress: (count) => {
      looked = count;
    },
    onMissed: () => {
      isComplete = false;
    },
  });
  for await (const events of found) {
    latest.add(events);
    if (looked > MOST_LOOKED_AT) break;
  }
  return { latest, complete: isComplete && latest.found <= limit && looked <= MOST_LOOKED_AT };
}

/** Looks up one event; it counts if the other filters mean it, too. */
async function findOne(
  { redis, now }: ApiParts,
  clients: readonly string[],
  id: string,
  { limit, ...filter }: Asked,
) {
  const latest = new LatestEvents(limit);
  const event = await findOneEvent(id, { redis, clients, now });
  if (event === undefined || event === 'moving') return { latest, complete: event === undefined };
  // Of what is over only a fingerprint of the unit is kept.
  const isAboutUnit = filter.unit === undefined || (event.unit ?? filter.unit) === filter.unit;
  if (isAboutUnit && matchesEvent(event, filter)) latest.add([event]);
  return { latest, complete: true };
}
