import { z } from 'zod';
import { anyCredential, headerName, headerValue, httpUrl } from './http-fields.ts';

const PAGERDUTY_URL = 'https://events.pagerduty.com/v2/enqueue';

const common = {
  url: httpUrl,
  headers: z.record(headerName, headerValue).default({}),
  timeoutMs: z.int().min(100).max(60_000).default(10_000),
  allowPrivateNetwork: z.boolean().default(false),
};

const channelSchema = z.discriminatedUnion('format', [
  z.strictObject({ format: z.literal('slack'), ...common }),
  z.strictObject({ format: z.literal('teams'), ...common }),
  z.strictObject({ format: z.literal('json'), ...common }),
  z.strictObject({ format: z.literal('text'), ...common }),
  z.strictObject({
    format: z.literal('pagerduty'),
    ...common,
    url: httpUrl.default(PAGERDUTY_URL),
    routingKey: anyCredential,
  }),
]);

/** What is done about incidents. */
export const incidentsConfigSchema = z.strictObject({
  notify: z.array(channelSchema).max(20).default([]),
  lookEveryMs: z.int().min(100).max(60_000).default(5_000),
});

/** How incidents are told of, with all defaults filled in. */
export type IncidentsConfig = z.infer<typeof incidentsConfigSchema>;
/** Where incidents are told of by HTTP, and in which form. Its URL may be a secret. */
export type IncidentChannel = IncidentsConfig['notify'][number];
