import { z } from 'zod';
import { incidentSchema } from './incidents.ts';
import { count, status, time } from './schemas.ts';

const failureSchema = z.looseObject({
  status,
  class: z.string(),
  words: z.string().describe('what it means'),
  events: count,
  firstDiedAt: time,
  lastDiedAt: time,
  units: z.array(z.string()).describe('of the newest of them'),
  samples: z
    .array(z.looseObject({ event: z.string(), unit: z.string(), at: time, attempts: count }))
    .describe('events with what was sent and answered, without personal data'),
});

const endpointSchema = z.looseObject({
  type: z.string(),
  url: z.string().nullable().describe('null: there is no such endpoint any more'),
  events: count.describe('dead letters'),
  failingSince: time,
  firstDiedAt: time.nullable(),
  lastDiedAt: time.nullable(),
  incident: incidentSchema.nullable(),
  course: z
    .array(z.object({ at: time, class: z.string(), status, attempts: count }))
    .describe('attempts by minute, or a coarser span'),
  failures: z.array(failureSchema),
  asks: z.array(z.string()).describe('what is asked of the client'),
});

/** A report for a client's tech support, as `buildReport` makes it. */
export const reportSchema = z
  .looseObject({
    client: z.string(),
    contact: z.looseObject({ name: z.string().optional(), email: z.string().optional() }),
    madeAt: time,
    since: time.nullable(),
    events: count.describe('dead letters of all endpoints'),
    repeats: z.record(z.string(), count).describe('how often an event may have arrived again, by cause'),
    endpoints: z.array(endpointSchema).describe('those that fail'),
    next: z.object({
      attempts: count.describe('of an event in each life'),
      spanMs: z.number().describe('how long its retries take'),
      keepDays: z.number().nullable().describe('null: dead letters are kept for ever'),
      firstRemovedAt: time.nullable(),
      waiting: count,
    }),
  })
  .meta({ id: 'Report' });
