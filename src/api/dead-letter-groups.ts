import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { type DeadLetterFilter, diedAt, lastFailure, matchesFilter } from '../core/dead-letter-filter.ts';
import type { StoredEvent } from '../core/event.ts';
import { parseFieldErrors } from '../core/validation-failure.ts';
import { maskFieldErrors } from '../incidents/mask-personal.ts';
import { readDeadLetters } from '../queue/dead-letters.ts';
import type { ApiParts, ApiServer } from './api-parts.ts';
import { chooseClients } from './clients.ts';
import { filterShape } from './dead-letters.ts';
import { count, problems, status, time } from './schemas.ts';

/** An endpoint may make up statuses and fields. */
const MOST_GROUPS = 100;
/** The time that one request reads. */
const MOST_MS = 5_000;
/** Answers that are read for fields: one takes about 10 µs. */
const MOST_READ_FOR_FIELDS = 20_000;

const groupSchema = z
  .object({
    client: z.string(),
    type: z.string().describe('the event type'),
    class: z.string().describe('of the last attempt'),
    status,
    field: z
      .string()
      .nullable()
      .describe(
        `the first that the client refused; null: none was named, or ${MOST_READ_FOR_FIELDS.toLocaleString('en-US')} answers were read already`,
      ),
    code: z.string().nullable().describe('what is wrong with the field'),
    count: count.describe('dead letters'),
    oldest: time.describe('when the first of them died'),
    newest: time,
  })
  .meta({ id: 'DeadLetterGroup' });
type Group = Omit<z.infer<typeof groupSchema>, 'oldest' | 'newest'> & { oldest: number; newest: number };

/** `GET /v1/dead-letters/groups` */
export function addDeadLetterGroupRoute(server: ApiServer, parts: ApiParts): void {
  server.get(
    '/v1/dead-letters/groups',
    {
      schema: {
        operationId: 'groupDeadLetters',
        tags: ['dead letters'],
        summary: 'What dead letters died of: how many by endpoint, failure and refused field',
        querystring: z.strictObject(filterShape),
        response: {
          200: z.object({
            groups: z.array(groupSchema).describe(`the largest first, ${MOST_GROUPS} at most`),
            total: count.describe('dead letters that match'),
            complete: z.boolean().describe('false: time was up, and there may be more'),
          }),
          ...problems(400, 404),
        },
      },
    },
    async (request) => {
      const { client, ...filter } = request.query;
      const until = performance.now() + Math.min(MOST_MS, parts.http.requestTimeoutMs);
      const groups = new Groups();
      for await (const [name, events] of pagesOf(parts, chooseClients(request, client), filter)) {
        for (const event of events.filter((one) => matchesFilter(one, filter))) groups.add(name, event);
        if (performance.now() > until) return groups.answer(false);
        // Others are served between two pages.
        await setImmediate();
      }
      return groups.answer(true);
    },
  );
}

async function* pagesOf({ redis }: ApiParts, clients: readonly string[], filter: DeadLetterFilter) {
  for (const client of clients) {
    for await (const events of readDeadLetters(redis, client, filter)) yield [client, events] as const;
  }
}

class Groups {
  readonly #groups = new Map<string, Group>();
  #total = 0;
  #read = 0;

  add(client: string, event: StoredEvent): void {
    this.#total += 1;
    const { status: answered, failureClass } = lastFailure(event);
    const { field = null, code = null } = this.#refusedField(event) ?? {};
    const name = JSON.stringify([client, event.type, failureClass, answered, field, code]);
    const at = diedAt(event);
    const group = this.#groups.get(name);
    if (group !== undefined) {
      group.count += 1;
      group.oldest = Math.min(group.oldest, at);
      group.newest = Math.max(group.newest, at);
      return;
    }
    const facts = { client, type: event.type, class: failureClass, status: answered === 0 ? null : answered };
    this.#groups.set(name, { ...facts, field, code, count: 1, oldest: at, newest: at });
  }

  #refusedField(event: StoredEvent) {
    const isRead = event.response !== undefined && this.#read < MOST_READ_FOR_FIELDS;
    if (!isRead) return undefined;
    this.#read += 1;
    const [first] = parseFieldErrors(event.response);
    // A field may be named by what stands in it.
    return first === undefined ? undefined : maskFieldErrors([first], JSON.parse(event.body))[0];
  }

  answer(complete: boolean) {
    const sorted = [...this.#groups.values()].sort((a, b) => b.count - a.count).slice(0, MOST_GROUPS);
    const iso = (ms: number) => new Date(ms).toISOString();
    return {
      groups: sorted.map((group) => ({ ...group, oldest: iso(group.oldest), newest: iso(group.newest) })),
      total: this.#total,
      complete,
    };
  }
}
