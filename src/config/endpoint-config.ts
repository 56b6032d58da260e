import { z } from 'zod';
import { EVENT_TYPE_NAMES, findEventType } from '../core/event-types.ts';
import { didYouMean } from '../core/near-miss.ts';
import { headersSchema } from './endpoint-headers.ts';
import { endpointAddress } from './http-fields.ts';

const eventTypeName = z.string().refine((name) => findEventType(name) !== undefined, {
  error: ({ input }) => {
    const known = EVENT_TYPE_NAMES.join(', ');
    return `is not an event type (${known})${didYouMean(String(input), EVENT_TYPE_NAMES)}`;
  },
});

const retry = {
  retries: z.int().min(0).max(20),
  baseDelayMs: z.int().min(0).max(86_400_000),
  factor: z.number().min(1).max(100),
  maxDelayMs: z.int().min(0).max(604_800_000),
  jitter: z.number().min(0).max(1),
};

/** When a failed event is sent again. */
export const retrySchema = z.strictObject({
  retries: retry.retries
    .default(5)
    .describe('Retries after the first attempt; then the event is a dead letter.'),
  baseDelayMs: retry.baseDelayMs.default(15_000).describe('The delay before the first retry.'),
  factor: retry.factor.default(5).describe('How many times longer each further delay is.'),
  maxDelayMs: retry.maxDelayMs.default(14_400_000).describe('No delay is longer.'),
  jitter: retry.jitter.default(0.1).describe('The share by which a delay varies, up or down. 0.1 is 10 %.'),
});

/** Requests in flight. */
export const concurrency = z.int().min(1).max(1_000);
/** Events a second. */
export const ratePerSecond = z.number().min(0.001).max(1_000_000);
/** For one request. */
export const timeoutMs = z.int().min(1).max(600_000);
/** How old an event is sent. */
export const maxAgeHours = z.number().positive().max(8_760);

const paceMode = z.enum(['adaptive', 'fixed']);

/** How an endpoint sets how fast it is sent to: a mode alone, or with the longest hold and the least rate. */
export const paceSchema = z.union([
  paceMode.transform((mode) => ({ mode, holdMs: undefined, minPerSecond: 0 })),
  z.strictObject({
    mode: paceMode.default('adaptive'),
    holdMs: z.int().min(0).max(604_800_000).optional(),
    minPerSecond: z.number().min(0).max(1_000_000).default(0),
  }),
]);

/** An endpoint with settings of its own: what it leaves out is the client's, but for the rate, which it adds to it. */
const endpointSettings = z.strictObject({
  path: endpointAddress
    .optional()
    .describe('A path that is appended to baseUrl, or a full URL. Left out: the usual path of the type.'),
  headers: headersSchema.optional().describe("Beside the client's, or instead of those of the same name."),
  concurrency: concurrency.optional().describe("Instead of the client's."),
  ratePerSecond: ratePerSecond.optional().describe("Of this endpoint alone; the client's rate holds, too."),
  timeoutMs: timeoutMs.optional().describe("Instead of the client's."),
  pace: paceSchema.optional().describe("Instead of the client's."),
  maxAgeHours: maxAgeHours.optional().describe("Instead of the client's."),
  retry: z.strictObject(retry).partial().optional().describe("Those that it names, instead of the client's."),
});

type EndpointSettings = z.infer<typeof endpointSettings>;

/** The endpoints of a client, by event type. */
export const endpointsSchema = z
  .record(
    eventTypeName,
    z.union([endpointAddress.transform((path): EndpointSettings => ({ path })), endpointSettings]),
  )
  .refine((endpoints) => Object.keys(endpoints).length > 0, 'must name at least one event type');
