import { z } from 'zod';
import { type DeadLetterFilter, matchesFilter } from '../core/dead-letter-filter.ts';
import { deadLetterDetail, deadLetterRow } from '../dead-letters/dead-letter-value.ts';
import type { DeadLetter } from '../dead-letters/find-dead-letters.ts';
import type { ApiParts, ApiServer } from './api-parts.ts';
import { chooseClients } from './clients.ts';
import { type Cursor, filterShape, readCursor, toFilter, writeCursor } from './dead-letter-query.ts';
import type { Operations } from './operations.ts';
import { ProblemError } from './problems.ts';
import { deadLetterDetailSchema, deadLetterSchema, problems } from './schemas.ts';

const TAGS = ['dead letters'];
const COMMON = [400, 401, 403, 404, 503] as const;
const MOST_ROWS = 500;
const DEFAULT_ROWS = 50;
/** Dead letters that one request looks at, whether they match or not, and so many from Redis at a time. */
const MOST_LOOKED_AT = 5_000;
const LOOK_AT_ONCE = 500;

/** `GET /v1/dead-letters`, `GET /v1/dead-letters/:id` */
export function addDeadLetterRoutes(server: ApiServer, parts: ApiParts): void {
  addListRoute(server, parts);
  addShowRoute(server, parts);
}

function addListRoute(server: ApiServer, { current, operations }: ApiParts): void {
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
        querystring: z.strictObject({
          ...filterShape,
          limit: z.coerce
            .number()
            .int()
            .min(1)
            .max(MOST_ROWS)
            .default(DEFAULT_ROWS)
            .describe('rows of a page'),
          cursor: z.string().optional().describe('`next` of the page before, with the same filters'),
        }),
        response: {
          200: z.object({
            deadLetters: z.array(deadLetterSchema),
            next: z.string().nullable().describe('null: there are no more'),
          }),
          ...problems(...COMMON),
        },
      },
    },
    async ({ query }) => {
      const names = chooseClients(current(), query.client);
      const from = query.cursor === undefined ? undefined : readCursor(query.cursor);
      if (query.cursor !== undefined && from === undefined) {
        const errors = [{ path: 'query.cursor', message: 'is not the next of a page' }];
        throw new ProblemError('REQUEST_INVALID', 'the cursor is not the next of a page', { errors });
      }
      const { letters, next } = await listPage(operations, names, toFilter(query), query.limit, from);
      return { deadLetters: letters.map(deadLetterRow), next };
    },
  );
}

/** One page: what matches among the next so many dead letters. */
async function listPage(
  operations: Operations,
  names: readonly string[],
  filter: DeadLetterFilter,
  limit: number,
  from: Cursor | undefined,
): Promise<{ letters: DeadLetter[]; next: string | null }> {
  const letters: DeadLetter[] = [];
  let lookedAt = 0;
  for await (const { client, placed, end } of pagesFrom(operations, names, from)) {
    for (const { event, position } of placed.filter(({ event }) => matchesFilter(event, filter))) {
      letters.push({ client, event });
      if (letters.length === limit) return { letters, next: writeCursor(client, position) };
    }
    lookedAt += placed.length;
    if (lookedAt >= MOST_LOOKED_AT) return { letters, next: writeCursor(client, end) };
  }
  return { letters, next: null };
}

async function* pagesFrom(operations: Operations, names: readonly string[], from: Cursor | undefined) {
  for (const client of names) {
    if (from !== undefined && client < from.client) continue;
    let after = client === from?.client ? from.after : undefined;
    for (;;) {
      const { letters, end } = await operations.deadLetterPage(client, LOOK_AT_ONCE, after);
      if (end === undefined) break;
      yield { client, placed: letters, end };
      after = end;
    }
  }
}

function addShowRoute(server: ApiServer, { current, operations }: ApiParts): void {
  server.get(
    '/v1/dead-letters/:id',
    {
      schema: {
        operationId: 'getDeadLetter',
        tags: TAGS,
        summary: 'Show a dead letter: every attempt, the last response, the payload',
        params: z.strictObject({ id: z.string().describe("the event's id") }),
        querystring: z.strictObject({ client: z.string().optional().describe('look at one client only') }),
        response: { 200: deadLetterDetailSchema, ...problems(...COMMON) },
      },
    },
    async ({ params: { id }, query }) => {
      for (const client of chooseClients(current(), query.client)) {
        const event = await operations.deadLetter(client, id);
        if (event !== undefined) return deadLetterDetail({ client, event });
      }
      throw new ProblemError('NOT_FOUND', `event ${id} is not among the dead letters`);
    },
  );
}
