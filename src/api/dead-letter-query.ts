import { z } from 'zod';
import { type DeadLetterFilter, isStatusFilter } from '../core/dead-letter-filter.ts';
import { EVENT_TYPE_NAMES } from '../core/event-types.ts';
import { isIsoTimestamp } from '../core/iso-timestamp.ts';

const ZONED = /(?:Z|[+-]\d{2}:?\d{2})$/;

/** An ISO time; without a zone it is UTC. */
const moment = z
  .string()
  .refine(isIsoTimestamp, 'must be an ISO 8601 date-time, such as 2026-03-01T14:00:00Z')
  .describe('an ISO 8601 date-time');

/** The filters of dead letters, combinable. */
export const filterShape = {
  client: z.string().optional().describe('of one client'),
  type: z.enum(EVENT_TYPE_NAMES).optional().describe('of one event type'),
  status: z
    .string()
    .refine(isStatusFilter, 'must be a status (422), a range (5xx) or a class (timeout, refused, tls ...)')
    .optional()
    .describe('whose last attempt ended so: 422, 5xx, timeout ...'),
  unit: z.string().optional().describe('about one unit'),
  id: z.string().optional().describe('one event'),
  since: moment.optional().describe('that died at or after'),
  until: moment.optional().describe('that died before'),
};

type Filters = z.infer<z.ZodObject<typeof filterShape>>;

/** The filter that a request's filters mean. */
export function toFilter({ type, status, unit, id, since, until }: Filters): DeadLetterFilter {
  return { type, status, unit, id, since: toMs(since), until: toMs(until) };
}

function toMs(iso: string | undefined): number | undefined {
  if (iso === undefined) return undefined;
  return Date.parse(ZONED.test(iso) ? iso : `${iso}Z`);
}

/** A place in the list of dead letters: what comes behind it is on the next page. */
export interface Cursor {
  readonly client: string;
  readonly after: string;
}

const cursorSchema = z.tuple([z.string(), z.string().regex(/^\d{1,20}$/)]);

/** Writes a cursor as a text that means nothing to anybody else. */
export function writeCursor(client: string, after: string): string {
  return Buffer.from(JSON.stringify([client, after])).toString('base64url');
}

/** Reads what `writeCursor` wrote; undefined: it is nothing of that kind. */
export function readCursor(text: string): Cursor | undefined {
  try {
    const [client, after] = cursorSchema.parse(JSON.parse(Buffer.from(text, 'base64url').toString()));
    return { client, after };
  } catch {
    return undefined;
  }
}
