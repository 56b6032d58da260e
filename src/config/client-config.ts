import { z } from 'zod';
import { EVENT_TYPE_NAMES, findEventType } from '../core/event-types.ts';
import { didYouMean } from '../core/near-miss.ts';
import {
  anyCredential,
  bearerToken,
  credential,
  endpointAddress,
  headerName,
  headerValue,
  httpBaseUrl,
  httpUrl,
} from './http-fields.ts';
import { proxySetting } from './proxy-config.ts';
import { tokenServiceSchema, tokenSettings } from './token-service-config.ts';

const KIB = 1024;

/** A client's name: part of Redis keys, command lines and URLs. */
export const clientNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'is not a client name: it must match [a-z0-9][a-z0-9-]{0,62}');

const text = z.string().min(1, 'must not be empty');

const eventTypeName = z.string().refine((name) => findEventType(name) !== undefined, {
  error: ({ input }) => {
    const known = EVENT_TYPE_NAMES.join(', ');
    return `is not an event type (${known})${didYouMean(String(input), EVENT_TYPE_NAMES)}`;
  },
});

/** How a token request carries the credentials (RFC 6749, section 2.3.1; json: services like the sender's own). */
export const TOKEN_STYLES = ['form', 'basic', 'json'] as const;

const authSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('none') }),
  z.strictObject({
    type: z.literal('bearer'),
    token: bearerToken.describe('Sent as "Authorization: Bearer <token>".'),
  }),
  z.strictObject({
    type: z.literal('basic'),
    // RFC 7617, section 2: the first colon ends the user name, and neither part holds control characters.
    username: credential(/^[^:\p{Cc}]*$/u, 'must not hold a colon or a control character').describe(
      'The user name.',
    ),
    password: credential(/^\P{Cc}*$/u, 'must not hold a control character').describe('The password.'),
  }),
  z.strictObject({
    type: z.literal('api_key'),
    header: headerName.describe('The header that carries the key.'),
    key: headerValue.describe('The key.'),
  }),
  z.strictObject({
    type: z.literal('oauth2'),
    tokenUrl: httpUrl.describe('The token endpoint.'),
    clientId: anyCredential.describe('The name that the token service knows Waybill by.'),
    clientSecret: anyCredential.describe('Its secret.'),
    scope: anyCredential.optional().describe('What to ask for.'),
    style: z
      .enum(TOKEN_STYLES)
      .default('form')
      .describe(
        'How the credentials are sent: form, basic or json. "waybill check" names the one that works.',
      ),
    ...tokenSettings,
  }),
  tokenServiceSchema,
]);

const retry = {
  retries: z.int().min(0).max(20),
  baseDelayMs: z.int().min(0).max(86_400_000),
  factor: z.number().min(1).max(100),
  maxDelayMs: z.int().min(0).max(604_800_000),
  jitter: z.number().min(0).max(1),
};

const retrySchema = z.strictObject({
  retries: retry.retries
    .default(5)
    .describe('Retries after the first attempt; then the event is a dead letter.'),
  baseDelayMs: retry.baseDelayMs.default(15_000).describe('The delay before the first retry.'),
  factor: retry.factor.default(5).describe('Each further delay is so many times longer.'),
  maxDelayMs: retry.maxDelayMs.default(14_400_000).describe('No delay is longer.'),
  jitter: retry.jitter.default(0.1).describe('The share by which a delay varies, up or down. 0.1 is 10 %.'),
});

const concurrency = z.int().min(1).max(1_000);
const ratePerSecond = z.number().min(0.001).max(1_000_000);
const timeoutMs = z.int().min(1).max(600_000);
const maxAgeHours = z.number().positive().max(8_760);

const paceMode = z.enum(['adaptive', 'fixed']);

/** How an endpoint sets how fast it is sent to: a mode alone, or with the longest hold and the least rate. */
const paceSchema = z.union([
  paceMode.transform((mode) => ({ mode, holdMs: undefined, minPerSecond: 0 })),
  z.strictObject({
    mode: paceMode.default('adaptive'),
    holdMs: z.int().min(0).max(604_800_000).optional(),
    minPerSecond: z.number().min(0).max(1_000_000).default(0),
  }),
]);

/** An endpoint with settings of its own: what it leaves out is the client's, but for the rate, which it adds to it. */
const endpointSettings = z.strictObject({
  path: endpointAddress.describe('A path that is appended to baseUrl, or a full URL.'),
  concurrency: concurrency.optional().describe("Instead of the client's."),
  ratePerSecond: ratePerSecond.optional().describe("Of this endpoint alone; the client's rate holds, too."),
  timeoutMs: timeoutMs.optional().describe("Instead of the client's."),
  pace: paceSchema.optional().describe("Instead of the client's."),
  maxAgeHours: maxAgeHours.optional().describe("Instead of the client's."),
  retry: z.strictObject(retry).partial().optional().describe("Those that it names, instead of the client's."),
});

type EndpointSettings = z.infer<typeof endpointSettings>;

const endpointsSchema = z
  .record(
    eventTypeName,
    z.union([endpointAddress.transform((path): EndpointSettings => ({ path })), endpointSettings]),
  )
  .refine((endpoints) => Object.keys(endpoints).length > 0, 'must name at least one event type');

const tlsSchema = z
  .strictObject({
    ca: text.optional().describe('Authorities to trust instead of the public ones.'),
    cert: text.optional().describe("Waybill's own certificate, with its chain; goes with key."),
    key: text.optional().describe('The private key of cert.'),
  })
  .superRefine((tls, context) => {
    if ((tls.cert === undefined) === (tls.key === undefined)) return;
    const [missing, given] = tls.key === undefined ? ['key', 'cert'] : ['cert', 'key'];
    context.addIssue({ code: 'custom', path: [missing], message: `is required where ${given} is given` });
  });

/** Whether the endpoints may be load-tested, and how hard at most; `findPermission` has the defaults. */
const loadtestSchema = z.strictObject({
  allowed: z
    .boolean()
    .optional()
    .describe('Whether load tests are allowed. Without it: only on loopback, with allowPrivateNetwork.'),
  maxRatePerSecond: z
    .number()
    .min(0.001)
    .max(1_000_000)
    .optional()
    .describe('The highest rate of a load test. Without it: 50, on loopback any.'),
  maxRequests: z
    .int()
    .min(1)
    .max(1_000_000_000)
    .optional()
    .describe('The most requests of one test. Without it: 100000.'),
});

/** One client of `waybill.yaml`. Durations and sizes carry their unit in the name; tls names files. */
export const clientConfigSchema = z.strictObject({
  baseUrl: httpBaseUrl.describe("Where the client's endpoints are. Their paths are appended to it."),
  endpoints: endpointsSchema.describe(
    'A path or full URL for each event type, or an object with settings of its own: path, concurrency, timeoutMs, maxAgeHours, retry, pace, ratePerSecond.',
  ),
  auth: authSchema
    .default({ type: 'none' })
    .describe('How requests are authorized. "waybill docs auth" explains each type.'),
  concurrency: concurrency.default(32).describe('Requests in flight, for each endpoint and worker process.'),
  ratePerSecond: ratePerSecond
    .optional()
    .describe(
      'Events a second, over all endpoints and processes. Sends are spread evenly. Without it there is no limit.',
    ),
  pace: paceSchema
    .prefault({})
    .describe(
      'How fast each endpoint is sent to: adaptive (the default) by how it answers, fixed as fast as concurrency and rates allow. In full { mode, holdMs, minPerSecond }. holdMs: how long an event waits at most for an endpoint that is down or says Retry-After, or for a token; left out: as long as all retry delays together, two minutes at least; 0: nothing waits. minPerSecond: no rate of an overloaded endpoint is less, over all processes; 0: one a second.',
    ),
  timeoutMs: timeoutMs
    .default(15_000)
    .describe(
      'How long one request may take, from connecting to the last byte. Each address of a name has 2 s to connect, the last one the remainder.',
    ),
  connectionMaxAgeMs: z
    .int()
    .min(1)
    .max(86_400_000)
    .default(30_000)
    .describe('How long a connection is used. A new one follows a name that moved.'),
  retry: retrySchema
    .prefault({})
    .describe(
      'When a failed event is sent again. The defaults span three hours: 15 s, 75 s, 6 min, 31 min, 2.6 h.',
    ),
  maxAgeHours: maxAgeHours
    .optional()
    .describe(
      'An older event is not sent, but a dead letter of class expired. Its age counts from its acceptance or latest replay. Without it events do not expire.',
    ),
  batchSize: z.int().min(1).max(500).default(50).describe('Events that may share a job in the queue.'),
  allowPrivateNetwork: z
    .boolean()
    .default(false)
    .describe('Whether loopback and private addresses may be reached.'),
  tls: tlsSchema
    .optional()
    .describe('PEM files, relative to the configuration. Without it the public authorities are trusted.'),
  proxy: proxySetting,
  loadtest: loadtestSchema
    .optional()
    .describe(
      'Whether "waybill loadtest" may load the endpoints, and how hard at most. Ask the client first.',
    ),
  contact: z
    .strictObject({
      name: text.optional().describe('Their name.'),
      email: z.email({ error: 'must be an email address' }).optional().describe('Their address.'),
    })
    .optional()
    .describe("The client's tech support, whom a report is for."),
});

/** A client's settings with all defaults filled in. */
export type ClientConfig = z.infer<typeof clientConfigSchema>;
/** How requests to a client are authorized. */
export type AuthConfig = ClientConfig['auth'];
/** OAuth 2 client credentials (RFC 6749, section 4.4). */
export type OAuth2Config = Extract<AuthConfig, { type: 'oauth2' }>;
/** A token service of the client's own making. */
export type TokenServiceConfig = Extract<AuthConfig, { type: 'token_service' }>;
/** Credentials that get a token, which is what requests carry. */
export type TokenAuthConfig = OAuth2Config | TokenServiceConfig;

/** Whether requests carry a token that has to be asked for. */
export function asksForTokens(auth: AuthConfig): auth is TokenAuthConfig {
  return auth.type === 'oauth2' || auth.type === 'token_service';
}

/** How long one token request may take, with its repetitions. */
export function tokenTimeoutMs({ auth, timeoutMs }: Pick<ClientConfig, 'auth' | 'timeoutMs'>): number {
  return asksForTokens(auth) ? (auth.timeoutMs ?? timeoutMs) : timeoutMs;
}

/** Statuses of the client's endpoints that lead to a new token, beside 401. */
export function renewOnOf(auth: AuthConfig): readonly number[] {
  return asksForTokens(auth) ? (auth.renewOn ?? []) : [];
}

/** The largest batch and the largest event, in bytes of serialised bodies. */
export const MAX_BATCH_BYTES = 256 * KIB;
