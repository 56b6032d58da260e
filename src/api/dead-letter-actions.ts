import { z } from 'zod';
import { type Actor, type AuditNote, toAuditFilter } from '../core/audit.ts';
import type { StoredEvent } from '../core/event.ts';
import { actOnDeadLetters } from '../dead-letters/act-on-dead-letters.ts';
import { findUnavailable, unavailableValue } from '../dead-letters/unavailable-endpoints.ts';
import {
  discardDeadLetters,
  readDeadLetters,
  readDeadLettersById,
  replayDeadLetters,
} from '../queue/dead-letters.ts';
import type { Endpoint } from '../queue/names.ts';
import type { Connection } from '../queue/servers.ts';
import type { ApiParts, ApiServer, PresentConfig } from './api-parts.ts';
import { chooseClients } from './clients.ts';
import { filterShape } from './dead-letters.ts';
import { keyOf } from './keys.ts';
import { problems, unavailableSchema } from './schemas.ts';

const MOST_IDS = 1_000;
/** So long a request acts at the most; the next one does the rest. */
const MOST_MS = 10_000;

const bodySchema = z
  .strictObject({
    ...filterShape,
    ids: z
      .array(z.string())
      .min(1)
      .max(MOST_IDS)
      .optional()
      .describe('these events and no others; needs client, and goes with no other filter'),
    all: z.literal(true).optional().describe('needed if there is no filter'),
    limit: z.int().min(1).optional().describe('at most so many, oldest first'),
    dryRun: z.boolean().optional().describe('only count'),
    operation: z
      .uuid()
      .optional()
      .describe(
        'requests of a key with the same one and the same filters, whatever their limits, are one entry of the audit, with this id',
      ),
  })
  .superRefine(({ all, limit: _, operation: _op, dryRun, ids, client, ...filters }, context) => {
    const given = Object.values(filters).filter((filter) => filter !== undefined).length;
    const refuse = (path: string, message: string): void => {
      context.addIssue({ code: 'custom', path: [path], message });
    };
    if (ids !== undefined && given > 0) refuse('ids', 'goes with client, and with no other filter');
    if (ids !== undefined && client === undefined) refuse('client', 'is required with ids');
    const isAnything = given === 0 && ids === undefined && client === undefined;
    if (isAnything && all !== true && dryRun !== true) refuse('all', 'must be true if there is no filter');
  });

const UNAVAILABLE =
  'endpoints of these events that are paused, down or held back by Retry-After; a dry run names them before anything is done';

/** `POST /v1/dead-letters/replay` and `discard` */
export function addDeadLetterActions(server: ApiServer, parts: ApiParts): void {
  const { redis, now, newId } = parts;
  addAction(server, parts, {
    verb: 'replay',
    done: 'replayed',
    summary: 'Put dead letters back into delivery, with all their retries again',
    act: (client, events, note) => replayDeadLetters(redis, client, newId(), events, now(), note),
    extraShape: { unavailable: z.array(unavailableSchema).describe(UNAVAILABLE) },
    extraFacts: async (endpoints) => {
      const found = await findUnavailable(redis, parts.current().clients, endpoints);
      return { unavailable: found.map(unavailableValue) };
    },
  });
  addAction(server, parts, {
    verb: 'discard',
    done: 'discarded',
    summary: 'Remove dead letters for good',
    act: (client, events, note) => discardDeadLetters(redis, client, events, note),
    extraShape: {},
    extraFacts: async () => ({}),
  });
}

interface Action {
  readonly verb: 'replay' | 'discard';
  readonly done: string;
  readonly summary: string;
  /** Acts on dead letters of one client in one step; resolves to how many still existed. */
  act(client: string, events: readonly StoredEvent[], note: AuditNote): Promise<number>;
  /** What the answer has besides. */
  readonly extraShape: z.ZodRawShape;
  /** @param endpoints those of the dead letters that matched */
  extraFacts(endpoints: readonly Endpoint[]): Promise<object>;
}

function addAction(server: ApiServer, parts: ApiParts, action: Action): void {
  const { verb, done, summary } = action;
  server.post(
    `/v1/dead-letters/${verb}`,
    {
      schema: {
        operationId: `${verb}DeadLetters`,
        tags: ['dead letters'],
        summary,
        description: 'The same request again, or two at once, acts on each dead letter only once.',
        body: bodySchema,
        response: {
          200: z.object({
            matching: z.int().describe('that were looked at and matched'),
            complete: z.boolean().describe('false: time was up, and the same request does the rest'),
            [done]: z.int(),
            ...action.extraShape,
          }),
          ...problems(400, 404, 413, 415, 504),
        },
      },
    },
    (request) => {
      const { clients } = request;
      return carryOut(parts, action, clients, request.body as z.infer<typeof bodySchema>, keyOf(request));
    },
  );
}

/** Acts until all is done or time is up, and says what was done. */
async function carryOut(
  { redis, http, views, newId }: ApiParts,
  { verb, done, act, extraFacts }: Action,
  clients: PresentConfig['clients'],
  { client, ids, all: _, limit, dryRun, operation, ...filter }: z.infer<typeof bodySchema>,
  by: Actor,
) {
  // The first step's limit says nothing of the whole operation.
  const told = { ...filter, limit: operation === undefined ? limit : undefined };
  const asked = { action: verb, by, filter: toAuditFilter(told, ids?.length) };
  const note: AuditNote =
    operation === undefined ? { id: newId(), ...asked } : { id: operation, isOperation: true, ...asked };
  const endpoints = new Map<string, Endpoint>();
  const result = await actOnDeadLetters(
    (name) => (ids === undefined ? readDeadLetters(redis, name, filter) : byId(redis, name, ids)),
    async (name, events) => {
      for (const { type } of events) endpoints.set(`${name} ${type}`, { client: name, type });
      return dryRun === true ? 0 : act(name, events, note);
    },
    {
      clients: chooseClients({ clients }, client),
      filter,
      limit,
      batchSizeOf: (name) => clients[name]?.batchSize ?? 1,
      signal: AbortSignal.timeout(Math.min(MOST_MS, http.requestTimeoutMs)),
    },
  );
  if (result.done > 0) views.readSoon();
  const facts = await extraFacts([...endpoints.values()]);
  return { matching: result.found, complete: !result.interrupted, [done]: result.done, ...facts };
}

async function* byId(redis: Connection, client: string, ids: readonly string[]) {
  yield await readDeadLettersById(redis, client, ids);
}
