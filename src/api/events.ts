import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { eventFateValue } from '../core/event-fate.ts';
import { findEventType, KNOWN_TYPES } from '../core/event-types.ts';
import type { ApiParts, ApiServer, PresentConfig } from './api-parts.ts';
import { chooseClients } from './clients.ts';
import { EVENT_FORMATS, type EventFormat, type EventItem, parseEvents, readEvents } from './event-items.ts';
import { ProblemError } from './problems.ts';
import { type BodyRoom, readBody, withWholeBody } from './request-body.ts';
import {
  accountSchema,
  actorSchema,
  count,
  type EventAccount,
  problems,
  problemsOf,
  status,
  time,
} from './schemas.ts';
import { inWrapper, Submission } from './submit-events.ts';

/** Whole bodies that may be in memory at once, of the largest size. */
const WHOLE_BODIES = 4;
const CREATED_LATER = 202;
const KEY_FOR_MANY =
  'the header Idempotency-Key is for one event by itself; several have theirs in application/vnd.waybill.events+json';
const OTHER_KEY = 'the header Idempotency-Key and the idempotencyKey beside the payload are not the same';

const fate = { id: z.string(), client: z.string() };
const died = { ...fate, attempts: count, replays: count };
const latest = { class: z.string().describe('of its latest attempt'), status };

/** What became of an event. */
const eventFateSchema = z
  .discriminatedUnion('state', [
    z.object({ ...fate, state: z.literal('waiting') }),
    z
      .object({ ...fate, state: z.literal('moving') })
      .describe('it waits or is being sent; jobs moved too fast to tell which'),
    z.object({ ...fate, state: z.literal('retrying'), attempt: count, nextAttemptAt: time, ...latest }),
    z.object({
      ...{ ...fate, state: z.literal('delivered'), deliveredAt: time, status: z.int() },
      attempts: count.describe('in its last life, with the one that was delivered'),
    }),
    z.object({ ...died, state: z.literal('dead'), deadLetterId: z.string(), ...latest }),
    z.object({ ...fate, state: z.literal('discarded'), discardedAt: time, by: actorSchema }),
  ])
  .meta({ id: 'EventFate' });

const params = z.strictObject({
  client: z.string().describe('the name of a client'),
  type: z.string().describe('an event type that the client has an endpoint for'),
});

/** `POST /v1/clients/:client/events/:type`, `GET /v1/events/:id` */
export function addEventRoutes(server: ApiServer, parts: ApiParts): void {
  addSubmitRoute(server, parts);
  addLookUpRoute(server, parts);
}

function addLookUpRoute(server: ApiServer, { lookUpEvent }: ApiParts): void {
  server.get(
    '/v1/events/:id',
    {
      config: { access: 'look_up' },
      schema: {
        operationId: 'getEvent',
        tags: ['events'],
        summary: 'What became of an event',
        description:
          'A key with the scope submit may ask, too, for an event of any client that it is for: whoever knows the id ' +
          'was given it with the event.',
        params: z.strictObject({ id: z.uuid() }),
        querystring: z.strictObject({ client: z.string().optional().describe('look at one client only') }),
        response: { 200: eventFateSchema, ...problemsOf(400, 401, 404, 503) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const fate = await lookUpEvent(id, chooseClients(request, request.query.client));
      if (fate !== undefined) return eventFateValue(fate);
      throw new ProblemError('NOT_FOUND', `nothing is known of event ${id}, or not any longer`);
    },
  );
}

function addSubmitRoute(server: ApiServer, parts: ApiParts): void {
  const submit = submitRoute(parts);
  void server.register(async (scope) => {
    // The body is the handler's: a parser that read it first would hold all of it.
    scope.removeAllContentTypeParsers();
    for (const type of Object.keys(EVENT_FORMATS))
      scope.addContentTypeParser(type, (_request, _body, done) => done(null));
    scope.withTypeProvider<ZodTypeProvider>().post(
      '/v1/clients/:client/events/:type',
      {
        config: { access: 'submit', takes: Object.keys(EVENT_FORMATS) },
        schema: {
          operationId: 'submitEvents',
          tags: ['events'],
          summary: 'Submit events',
          description:
            'One event, an array of them, or NDJSON, which is read as it comes. Answered once Redis has them. ' +
            'Some may be refused where others are accepted: 202 says which. Whatever stands in none of the ' +
            'lists, also in those of a problem, was not taken.',
          params,
          headers: z.looseObject({
            'idempotency-key': z
              .string()
              .optional()
              .describe('makes a repeated submission of one event the same event, for 24 hours'),
          }),
          response: {
            [CREATED_LATER]: accountSchema,
            ...problems(400, 404, 408, 413, 415, 422, 504),
          },
        },
      },
      async (request, reply) => {
        const account = await submit(request, request.params);
        return reply.code(CREATED_LATER).send(account);
      },
    );
  });
}

function submitRoute({ http, submit }: ApiParts) {
  const room: BodyRoom = { bytes: http.bodyLimitBytes * WHOLE_BODIES };
  return async (
    { raw, clients }: Pick<FastifyRequest, 'raw' | 'clients'>,
    { client, type }: z.infer<typeof params>,
  ): Promise<EventAccount> => {
    checkTarget({ clients }, client, type);
    const key = headerKey(raw);
    const format = formatOf(raw);
    const chunks = readBody(raw, http.bodyLimitBytes, http.requestTimeoutMs);
    const submission = new Submission(async ({ payload, source, idempotencyKey = key }) => {
      const result = await submit(client, type, payload, { source, idempotencyKey });
      return format.wrapped ? inWrapper(result) : result;
    });
    if (!format.lines) {
      await withWholeBody(chunks, room, async (body) => submission.add(await itemsOf(body, format, key)));
    } else if (key === undefined) {
      await submitLines(chunks, format, submission);
    } else {
      throw new ProblemError('REQUEST_INVALID', KEY_FOR_MANY);
    }
    return submission.conclude();
  };
}

/** @throws ProblemError */
function checkTarget(config: Pick<PresentConfig, 'clients'>, client: string, type: string): void {
  chooseClients(config, client);
  if (findEventType(type) === undefined) {
    throw new ProblemError('UNKNOWN_EVENT_TYPE', `"${type}" is not an event type; ${KNOWN_TYPES}`);
  }
  if (config.clients[client]?.endpoints[type] === undefined) {
    throw new ProblemError('NO_ENDPOINT', `client "${client}" has no endpoint for ${type}`);
  }
}

function headerKey(raw: IncomingMessage): string | undefined {
  const keys = raw.headersDistinct['idempotency-key'] ?? [];
  if (keys.length <= 1) return keys[0];
  throw new ProblemError('REQUEST_INVALID', 'there is more than one Idempotency-Key header');
}

/** @throws ProblemError `MEDIA_TYPE_UNSUPPORTED` */
function formatOf({ headers }: IncomingMessage): EventFormat {
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') {
    throw new ProblemError(
      'MEDIA_TYPE_UNSUPPORTED',
      `taken unpacked, not with Content-Encoding: ${encoding}`,
    );
  }
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? '';
  // A request without a body needs no type; it is refused for having no events.
  return EVENT_FORMATS[type] ?? { lines: false, wrapped: false };
}

/** @param key of the header. @throws ProblemError */
async function itemsOf(
  body: Uint8Array,
  format: EventFormat,
  key: string | undefined,
): Promise<readonly EventItem[]> {
  if (body.length === 0) return [];
  const { single, items } = await parseEvents(body, format);
  if (key === undefined) return items;
  if (!single) throw new ProblemError('REQUEST_INVALID', KEY_FOR_MANY);
  const [item = {}] = items;
  if ('idempotencyKey' in item && item.idempotencyKey !== key) {
    throw new ProblemError('REQUEST_INVALID', OTHER_KEY);
  }
  return items;
}

/** An error that ends the reading early is answered with the account of the events before. */
async function submitLines(
  chunks: AsyncIterable<Uint8Array>,
  format: EventFormat,
  submission: Submission,
): Promise<void> {
  try {
    for await (const items of readEvents(chunks, format)) await submission.add(items);
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    throw new ProblemError(error.problem.code, error.message, submission.account);
  }
}
