import { z } from 'zod';
import type { ApiParts, ApiServer } from './api-parts.ts';
import { chooseClients } from './clients.ts';
import { filterShape, toFilter } from './dead-letter-query.ts';
import { problems } from './schemas.ts';

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
  })
  .superRefine(({ all, limit: _, dryRun, ids, client, ...filters }, context) => {
    const given = Object.values(filters).filter((filter) => filter !== undefined).length;
    const refuse = (path: string, message: string): void => {
      context.addIssue({ code: 'custom', path: [path], message });
    };
    if (ids !== undefined && given > 0) refuse('ids', 'goes with client, and with no other filter');
    if (ids !== undefined && client === undefined) refuse('client', 'is required with ids');
    const isAnything = given === 0 && ids === undefined && client === undefined;
    if (isAnything && all !== true && dryRun !== true) refuse('all', 'must be true if there is no filter');
  });

const resultShape = {
  matching: z.int().describe('that were looked at and matched'),
  complete: z.boolean().describe('false: time was up, and the same request does the rest'),
};

/** `POST /v1/dead-letters/replay` and `discard` */
export function addDeadLetterActions(server: ApiServer, parts: ApiParts): void {
  addAction(server, parts, 'replay', 'Put dead letters back into delivery, with all their retries again');
  addAction(server, parts, 'discard', 'Remove dead letters for good');
}

function addAction(
  server: ApiServer,
  { current, operations, http }: ApiParts,
  verb: 'replay' | 'discard',
  summary: string,
): void {
  const mostMs = Math.min(MOST_MS, http.requestTimeoutMs);
  const doneName = verb === 'replay' ? 'replayed' : 'discarded';
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
          200: z.object({ ...resultShape, [doneName]: z.int() }),
          ...problems(400, 401, 403, 404, 413, 415, 503, 504),
        },
      },
    },
    async (request) => {
      const body = request.body as z.infer<typeof bodySchema>;
      const { clients } = current();
      const { found, done, interrupted } = await operations.act(body.dryRun === true ? 'count' : verb, {
        clients: chooseClients(current(), body.client),
        filter: toFilter(body),
        batchSizeOf: (client) => clients[client]?.batchSize ?? 1,
        signal: AbortSignal.timeout(mostMs),
        ids: body.ids,
        ...(body.limit === undefined ? {} : { limit: body.limit }),
      });
      return { matching: found, complete: !interrupted, [doneName]: done };
    },
  );
}
