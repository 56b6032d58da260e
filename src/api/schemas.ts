import { z } from 'zod';
import { WITHHELD_FOR } from '../queue/withheld-mark.ts';
import { PROBLEM_TYPE } from './problems.ts';

/** A moment. */
export const time = z.iso.datetime().describe('ISO 8601, UTC');
/** A number of things. */
export const count = z.int().min(0);
/** Who did something. */
export const actorSchema = z.union([
  z.object({ key: z.string().describe("an API key's name") }),
  z.object({ user: z.string(), host: z.string() }),
]);
/** The status of an attempt. */
export const status = z.int().nullable().describe('null: there was none');

const errorsSchema = z.array(
  z.object({ path: z.string().describe('a JSON path, or query.name'), message: z.string() }),
);

const place = { index: count.describe('counts the events of the request from 0') };

/** What became of the events of a request; events in none of the lists were not taken. */
export const accountSchema = z
  .object({
    accepted: z.array(
      z.object({
        ...place,
        id: z.uuid(),
        repeated: z.literal(true).optional().describe('the event of an earlier submission with the same key'),
      }),
    ),
    refused: z.array(
      z.object({
        ...place,
        line: z.int().min(1).optional().describe('the line in an NDJSON body'),
        code: z.string(),
        errors: errorsSchema,
      }),
    ),
    unknown: z.array(z.object({ ...place, id: z.uuid() })),
  })
  .meta({ id: 'EventAccount' });
/** `unknown`: Redis' answer was lost, or no replica has confirmed it, and the event may have been taken. */
export type EventAccount = z.infer<typeof accountSchema>;

const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string().describe('stable; "waybill docs errors" explains each'),
    detail: z.string(),
    errors: errorsSchema
      .optional()
      .describe('what is wrong with the request; of events it stands in refused'),
    ...accountSchema.partial().shape,
  })
  .meta({ id: 'Problem' });

const DESCRIPTIONS: Readonly<Record<number, string>> = {
  400: 'the request is not as documented',
  401: 'a key is needed',
  403: 'the key is not allowed to do this',
  404: 'there is no such thing',
  408: 'the request took too long',
  409: 'another one is under way: the same request may succeed after Retry-After',
  413: 'too large, or too many',
  415: 'a body of this type is not taken',
  422: 'refused: each event with its problems, by path',
  431: 'the headers are larger than 16 KiB',
  502: 'the mail server did not take it',
  503: 'Redis is away or full, or too much is under way: the same request may succeed after Retry-After',
  504: "Redis' answer was lost, or no replica has confirmed it: it may have been done; events that stand in unknown may have been taken",
};

/** The documented problems of a route that wants a key and asks Redis, and further ones by status. */
export function problems<const Status extends number>(...further: Status[]) {
  return problemsOf<401 | 403 | 503 | Status>(401, 403, 503, ...further);
}

/** The documented problems of a route by status. */
export function problemsOf<const Status extends number>(...statuses: Status[]) {
  const entries = statuses.map((code) => [
    code,
    { description: DESCRIPTIONS[code], content: { [PROBLEM_TYPE]: { schema: problemSchema } } },
  ]);
  return Object.fromEntries(entries) as Record<Status, { content: Record<string, { schema: z.ZodType }> }>;
}

/** The last failed attempt of an endpoint or a client. */
export const lastErrorSchema = z.object({
  at: time,
  event: z.string(),
  type: z.string(),
  attempt: count,
  status,
  ...{ class: z.string(), detail: z.string() },
  deliveredSince: count.describe('events delivered to the endpoint of this type since'),
});

const countsSchema = z.object({
  waiting: count.describe('events not sent yet'),
  inFlight: count.describe('events of batches that a worker has open'),
  retrying: count.describe('events that failed and will be tried again'),
  dead: count.describe('dead letters'),
  delivered: count.describe('events in all'),
  deliveredByType: z.record(z.string(), z.record(z.string(), count)).describe('the same, by status'),
  failedAttempts: z.record(z.string(), count).describe('attempts in all, by class'),
  repeats: z.record(z.string(), count).describe('how often an event may have arrived again, by cause'),
  accepted: count.describe('events in all'),
  replayed: count.describe('events in all'),
  discarded: count.describe('events in all'),
  broken: count.describe("jobs that failed by a fault of Waybill's own"),
  pausedAt: time.nullable(),
  lastError: lastErrorSchema.optional(),
});

const paceState = z.enum(['open', 'slowed', 'down', 'recovering']);

/** How fast an endpoint is sent to. */
export const paceSchema = z
  .object({
    state: paceState,
    since: time.nullable().describe('null: it has always been open'),
    ratePerSecond: z
      .number()
      .min(0)
      .nullable()
      .describe('requests over all processes, while it is slowed or recovering'),
    nextTryAt: time
      .nullable()
      .describe('when something is sent next, while it is down or held by its Retry-After'),
    paced: count.describe('events that wait for the pace; also counted as waiting or retrying'),
    pacedUntil: time
      .nullable()
      .describe('until when the oldest of them waits at most, while it is down or held'),
    drainSeconds: count.nullable().describe('how long the waiting events take at the present rate'),
  })
  .meta({ id: 'Pace' });

/** Why events wait without an attempt. */
export const withheldSchema = z
  .object({
    for: z.enum(WITHHELD_FOR),
    since: time,
    blame: z.enum(['credentials', 'service', 'proxy', 'local']),
    detail: z.string(),
    nextTryAt: time,
  })
  .nullable()
  .describe(
    'why its events wait without an attempt: there is no token, our proxy is away, or this machine is short of something',
  );

const endpointCountsSchema = countsSchema
  .extend({
    withheld: withheldSchema,
    pace: paceSchema.describe('how fast it is sent to'),
    webPages: z
      .object({ deliveries: count, since: time, latestAt: time })
      .optional()
      .describe('deliveries that were answered with a web page: its URL may be wrong'),
  })
  .meta({ id: 'EndpointCounts' });

/** A client's status, as `waybill status --json` prints it. */
export const clientStatusSchema = countsSchema
  .extend({
    endpoints: z
      .record(z.string(), endpointCountsSchema)
      .describe('the same of each endpoint, by event type'),
  })
  .meta({ id: 'ClientStatus' });

/** An endpoint at which replayed events would not be delivered soon. */
export const unavailableSchema = z
  .object({
    client: z.string(),
    type: z.string(),
    reason: z.enum(['paused', 'down', 'retry_after']),
    since: time.nullable().describe('since when it is down'),
    until: time.nullable().describe('until when nothing is sent to it'),
    holds: z.boolean().describe('replayed events wait; false: its pace is fixed, and they are sent'),
  })
  .meta({ id: 'UnavailableEndpoint' });

/** What a pause or its end changed. */
export const pauseSchema = z.object({
  client: z.string(),
  paused: z.boolean(),
  changed: z.boolean().describe('false: it was so already'),
  waiting: count,
  inFlight: count,
  retrying: count,
});

/** What trying an endpoint again at once did. */
export const openedSchema = z.object({
  client: z.string(),
  type: z.string(),
  changed: z.boolean().describe('false: it was open already'),
  before: paceState,
  after: paceState.describe('recovering: it was down or held, and is tried slowly at first'),
  pace: paceSchema,
});

const letter = {
  client: z.string(),
  id: z.string().describe("the event's id"),
  type: z.string(),
  unit: z.string(),
  replays: count,
};

/** A row of the list of dead letters. */
export const deadLetterSchema = z
  .object({ ...letter, attempts: count, status, class: z.string(), diedAt: time })
  .meta({ id: 'DeadLetter' });

/** A dead letter with all that is known of it. */
export const deadLetterDetailSchema = z
  .object({
    ...letter,
    attempts: z.array(z.object({ attempt: count, at: time, status, class: z.string(), ms: z.number() })),
    expiredAt: time.optional().describe('when it was too old to be sent, and was given up on for that'),
    url: z
      .string()
      .optional()
      .describe("the endpoint's URL, sent to or not, without the values of its query"),
    response: z.string(),
    headers: z.record(z.string(), z.string()).optional().describe('some of the response, by their names'),
    fieldErrors: z.array(z.object({ field: z.string(), code: z.string() })).optional(),
    payload: z.unknown(),
    masked: z.literal(true).optional().describe('personal data are *** for a key without operate'),
  })
  .meta({ id: 'DeadLetterDetail' });
