import { z } from 'zod';
import { paceValue } from '../core/endpoint-pace.ts';
import { lastErrorValue } from '../core/last-error.ts';
import type { EndpointHistory } from '../observability/endpoint-history.ts';
import type { ClientView, EndpointView } from '../queue/client-view.ts';
import { markValue } from '../queue/withheld-mark.ts';
import { count, lastErrorSchema, paceSchema, time, withheldSchema } from './schemas.ts';

/** The samples of a row's `spark`. */
const SPARK = 30;

/** An endpoint in the stream of the overview. */
export const liveRowSchema = z
  .object({
    client: z.string(),
    type: z.string().describe('the event type'),
    ...paceSchema.pick({ state: true, since: true, ratePerSecond: true, nextTryAt: true }).shape,
    paused: time.nullable().describe('since when the client is paused; null: it is not'),
    withheld: withheldSchema,
    incident: z.boolean().describe('whether the endpoint has an open one'),
    ...{ waiting: count, inFlight: count, retrying: count, dead: count },
    delivered: count.describe('events in all'),
    deliveredPerSecond: z.number().describe('in the last sample of the history'),
    oldestSeconds: count.describe('for how long the oldest waiting batch has waited'),
    drainSeconds: count.nullable(),
    lastError: lastErrorSchema
      .pick({ at: true, status: true, class: true, detail: true, deliveredSince: true })
      .nullable(),
    spark: z
      .array(z.number())
      .describe('events delivered per second in the last 30 samples, oldest first; fewer after a start'),
  })
  .meta({ id: 'LiveRow' });
export type LiveRow = z.infer<typeof liveRowSchema>;

/** What an event `overview` of the stream has for data. */
export const liveOverviewSchema = z
  .object({
    at: time.describe('when it was read'),
    services: z.int().nullable().describe('worker processes; null: Redis does not say'),
    full: z.boolean().describe('true: rows has all endpoints; false: the changed ones'),
    rows: z.array(liveRowSchema),
    unread: z
      .array(z.string())
      .describe('clients whose server of a Cluster is away: their rows are as they were read last'),
    gone: z.array(z.string()).describe('endpoints that are there no longer: client and type with a blank'),
  })
  .meta({ id: 'LiveOverview' });
export type LiveOverview = z.infer<typeof liveOverviewSchema>;

/** What an event `away` of the stream has for data. */
export const liveAwaySchema = z
  .object({ at: time, reason: z.string().describe('why Redis cannot be read') })
  .meta({ id: 'LiveAway' });
export type LiveAway = z.infer<typeof liveAwaySchema>;

/** The row of an endpoint. */
export function liveRow(
  client: string,
  type: string,
  { incidents }: Pick<ClientView, 'incidents'>,
  endpoint: EndpointView,
  history: EndpointHistory,
): LiveRow {
  const { waiting, inFlight, retrying, dead, delivered, oldestMs, pausedAt, withheld } = endpoint;
  const { state, since, ratePerSecond, nextTryAt, drainSeconds } = paceValue(endpoint.pace);
  const spark = history.deliveredPerSecond(client, type, SPARK);
  return {
    ...{ client, type, state, since, ratePerSecond, nextTryAt },
    paused: pausedAt === undefined ? null : new Date(pausedAt).toISOString(),
    withheld: withheld === undefined ? null : markValue(withheld),
    incident: incidents.includes(type),
    ...{ waiting, inFlight, retrying, dead, delivered },
    deliveredPerSecond: spark.at(-1) ?? 0,
    oldestSeconds: Math.round(oldestMs / 1_000),
    drainSeconds,
    lastError: errorOf(endpoint),
    spark,
  };
}

function errorOf({ lastError }: EndpointView): LiveRow['lastError'] {
  if (lastError === undefined) return null;
  const { at, status, class: failureClass, detail, deliveredSince } = lastErrorValue(lastError);
  return { at, status, class: failureClass, detail, deliveredSince };
}
