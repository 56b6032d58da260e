import { z } from 'zod';
import { type DeadLetterFilter, isStatusFilter, matchesFilter } from '../core/dead-letter-filter.ts';
import type { StoredEvent } from '../core/event.ts';
import { EVENT_TYPE_NAMES } from '../core/event-types.ts';
import { isIsoTimestamp } from '../core/iso-timestamp.ts';
import { deadLetterDetail, deadLetterRow } from '../dead-letters/dead-letter-value.ts';
import type { DeadLetter } from '../dead-letters/find-dead-letters.ts';
import { answerOf, maskFieldErrors, maskPayload } from '../incidents/mask-personal.ts';
import { readDeadLetterPage, readDeadLettersById } from '../queue/dead-letters.ts';
import type { Connection } from '../queue/servers.ts';
import type { ApiParts, ApiServer } from './api-parts.ts';
import { chooseClients } from './clients.ts';
import { hasScope } from './keys.ts';
import { ProblemError } from './problems.ts';
import { deadLetterDetailSchema, deadLetterSchema, problems } from './schemas.ts';

const TAGS = ['dead letters'];
const MOST_ROWS = 500;
const DEFAULT_ROWS = 50;
/** Dead letters that one request looks at, whether they match or not, and so many from Redis at a time. */
const MOST_LOOKED_AT = 5_000;
const LOOK_AT_ONCE = 500;
const ZONED = /(?:Z|[+-]\d{2}:?\d{2})$/;

/** A moment that a request names, in ms since the epoch; without a zone it is UTC. */
export const moment = z
  .string()
  .refine(isIsoTimestamp, 'must be an ISO 8601 date-time, such as 2026-03-01T14:00:00Z')
  .transform((iso) => Date.parse(ZONED.test(iso) ? iso : `${iso}Z`))
  .describe('an ISO 8601 date-time');

/** A status as filters name it. */
export const statusFilter = z
  .string()
  .refine(isStatusFilter, 'must be a status (422), a range (5xx) or a class (timeout, refused, tls ...)');

/** The filters of dead letters, combinable; all but `client` are a `DeadLetterFilter`. */
export const filterShape = {
  client: z.string().optional().describe('of one client'),
  type: z.enum(EVENT_TYPE_NAMES).optional().describe('of one event type'),
  status: statusFilter.optional().describe('whose last attempt ended so: 422, 5xx, timeout ...'),
  unit: z.string().optional().describe('about one unit'),
  id: z.string().optional().describe('one event'),
  since: moment.optional().describe('that died at or after'),
  until: moment.optional().describe('that died before'),
  failedSince: moment.optional().describe('with an attempt that failed at or after'),
  failedUntil: moment
    .optional()
    .describe('with an attempt that failed before; with failedSince the same one'),
};

const listQuery = z.strictObject({
  ...filterShape,
  limit: z.coerce.number().int().min(1).max(MOST_ROWS).default(DEFAULT_ROWS).describe('rows of a page'),
  cursor: z
    .string()
    .regex(/^[a-z0-9-]+\.\d{1,20}$/, 'is not the next of a page')
    .optional()
    .describe('`next` of the page before, with the same filters'),
});

/** `GET /v1/dead-letters`, `GET /v1/dead-letters/:id` */
export function addDeadLetterRoutes(server: ApiServer, parts: ApiParts): void {
  addListRoute(server, parts);
  addShowRoute(server, parts);
}

function addListRoute(server: ApiServer, { redis }: ApiParts): void {
  server.get(
    '/v1/dead-letters',
    {
      schema: {
        operationId: 'listDeadLetters',
        tags: TAGS,
        summary: 'List dead letters',
        description:
          'Client by client in the order of their names, oldest first. A page may have fewer rows than asked ' +
          'for, even none, with more behind it: `next` says so.',
        querystring: listQuery,
        response: {
          200: z.object({
            deadLetters: z.array(deadLetterSchema),
            next: z.string().nullable().describe('null: there are no more'),
          }),
          ...problems(400, 404),
        },
      },
    },
    async (request) => {
      const { client, limit, cursor, ...filter } = request.query;
      const pages = pagesFrom(redis, chooseClients(request, client), cursor);
      const { letters, next } = await listPage(pages, filter, limit);
      return { deadLetters: letters.map(deadLetterRow), next };
    },
  );
}

/** One page: what matches among the next so many dead letters. */
async function listPage(pages: ReturnType<typeof pagesFrom>, filter: DeadLetterFilter, limit: number) {
  const letters: DeadLetter[] = [];
  let lookedAt = 0;
  for await (const { client, placed, end } of pages) {
    for (const { event, position } of placed.filter(({ event }) => matchesFilter(event, filter))) {
      letters.push({ client, event });
      if (letters.length === limit) return { letters, next: `${client}.${position}` };
    }
    lookedAt += placed.length;
    if (lookedAt >= MOST_LOOKED_AT) return { letters, next: `${client}.${end}` };
  }
  return { letters, next: null };
}

/** @param cursor the client and the position that the pages begin behind */
async function* pagesFrom(redis: Connection, names: readonly string[], cursor = '') {
  const [first = '', position] = cursor.split('.');
  for (const client of names.filter((name) => name >= first)) {
    let after = client === first ? position : undefined;
    for (;;) {
      const { letters, end } = await readDeadLetterPage(redis, client, LOOK_AT_ONCE, after);
      if (end === undefined) break;
      yield { client, placed: letters, end };
      after = end;
    }
  }
}

function addShowRoute(server: ApiServer, { redis, current }: ApiParts): void {
  server.get(
    '/v1/dead-letters/:id',
    {
      schema: {
        operationId: 'getDeadLetter',
        tags: TAGS,
        summary: 'Show a dead letter: every attempt, the last response, the payload',
        description:
          'A key without the scope operate gets payload and response without user logins, postal and e-mail addresses.',
        params: z.strictObject({ id: z.string().describe("the event's id") }),
        querystring: z.strictObject({ client: z.string().optional().describe('look at one client only') }),
        response: { 200: deadLetterDetailSchema, ...problems(400, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      for (const client of chooseClients(request, request.query.client)) {
        const event = (await readDeadLettersById(redis, client, [id])).at(-1);
        if (event === undefined) continue;
        const detail = deadLetterDetail({ client, event });
        return hasScope(request, current().keys, 'operate') ? detail : withoutPersonal(detail, event);
      }
      throw new ProblemError('NOT_FOUND', `event ${id} is not among the dead letters`);
    },
  );
}

/** A dead letter without personal data. */
function withoutPersonal(detail: ReturnType<typeof deadLetterDetail>, event: StoredEvent) {
  const { payload, logins } = maskPayload(detail.payload);
  const { answer: response, headers } = answerOf(event, logins);
  const fieldErrors = detail.fieldErrors && maskFieldErrors(detail.fieldErrors, detail.payload);
  return {
    ...{ ...detail, payload, response },
    ...(headers && { headers }),
    ...(fieldErrors && { fieldErrors }),
    masked: true,
  };
}
