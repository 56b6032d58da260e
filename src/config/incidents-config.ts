import { z } from 'zod';
import { anyCredential, headerName, headerValue, httpUrl } from './http-fields.ts';
import { mailAddress } from './smtp-config.ts';

const PAGERDUTY_URL = 'https://events.pagerduty.com/v2/enqueue';

const common = {
  url: httpUrl.describe('Where notices are posted to.'),
  headers: z.record(headerName, headerValue).default({}).describe('Further headers of each notice.'),
  timeoutMs: z.int().min(100).max(60_000).default(10_000).describe('How long one notice may take.'),
  allowPrivateNetwork: z
    .boolean()
    .default(false)
    .describe('Whether url may lead to a loopback or private address.'),
};

const channelSchema = z.discriminatedUnion('format', [
  z.strictObject({
    format: z
      .enum(['slack', 'teams', 'json', 'text'])
      .describe('slack, teams, json, text, pagerduty or email.'),
    ...common,
  }),
  z.strictObject({
    format: z.literal('pagerduty'),
    ...common,
    url: httpUrl.default(PAGERDUTY_URL).describe('Where notices are posted to.'),
    routingKey: anyCredential.describe('Of pagerduty alone: the key of a service (Events API v2).'),
  }),
  z.strictObject({
    format: z.literal('email'),
    to: z
      .array(mailAddress)
      .min(1)
      .max(20)
      .describe('Of email alone, beside format: the addresses that are written to. It needs smtp.'),
  }),
]);

/** What is done about incidents. */
export const incidentsConfigSchema = z.strictObject({
  notify: z
    .array(channelSchema)
    .max(20)
    .default([])
    .describe('Channels to tell: slack, teams (a Workflows webhook), json, text, pagerduty, email.'),
  lookEveryMs: z
    .int()
    .min(100)
    .max(60_000)
    .default(5_000)
    .describe('How often Waybill looks for something to tell.'),
  downAfterMs: z
    .int()
    .min(0)
    .max(3_600_000)
    .default(60_000)
    .describe('How long an endpoint has to be down before that is told; a dead letter is told at once.'),
});

/** How incidents are told of, with all defaults filled in. */
export type IncidentsConfig = z.infer<typeof incidentsConfigSchema>;
/** Where incidents are told of, and in which form. */
export type IncidentChannel = IncidentsConfig['notify'][number];
/** One that is told by HTTP. Its URL may be a secret. */
export type HttpChannel = Exclude<IncidentChannel, { format: 'email' }>;
