import { z } from 'zod';
import { authSchema } from './auth-config.ts';
import {
  concurrency,
  endpointsSchema,
  maxAgeHours,
  paceSchema,
  ratePerSecond,
  retrySchema,
  timeoutMs,
} from './endpoint-config.ts';
import { headersSchema } from './endpoint-headers.ts';
import { httpBaseUrl } from './http-fields.ts';
import { proxySetting } from './proxy-config.ts';
import { signingSchema } from './signing-config.ts';
import { mailAddress } from './smtp-config.ts';
import { tlsSchema } from './tls-config.ts';

const KIB = 1024;

/** A client's name: part of Redis keys, command lines and URLs. */
export const clientNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'is not a client name: it must match [a-z0-9][a-z0-9-]{0,62}');

const text = z.string().min(1, 'must not be empty');

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
    'A path or full URL for each event type, or an object with settings of its own: path, headers, concurrency, timeoutMs, maxAgeHours, retry, pace, ratePerSecond. "waybill docs events" has the types and their usual paths, which hold if path is left out.',
  ),
  headers: headersSchema
    .optional()
    .describe(
      "Headers of each request to the endpoints, beside Waybill's own and that of auth. Content-Type may be another media type of JSON. What came from ${…} is masked if an endpoint repeats it.",
    ),
  auth: authSchema
    .default({ type: 'none' })
    .describe('How requests are authorized. "waybill docs auth" explains each type.'),
  signing: signingSchema
    .optional()
    .describe(
      'Signs each request as Standard Webhooks says, beside auth: webhook-id, webhook-timestamp, webhook-signature. "waybill docs auth" explains it.',
    ),
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
      email: mailAddress.optional().describe('Their address.'),
      notify: z
        .boolean()
        .default(false)
        .describe(
          'Whether they are sent the report of each incident of theirs when it opens, has grown tenfold, and is over. It needs email and smtp.',
        ),
    })
    .optional()
    .describe(
      "The client's tech support, whom a report is for. It stands in the report, and is written to only if notify is true.",
    ),
});

/** A client's settings with all defaults filled in. */
export type ClientConfig = z.infer<typeof clientConfigSchema>;
/** OAuth 2 client credentials (RFC 6749, section 4.4). */
export type OAuth2Config = Extract<ClientConfig['auth'], { type: 'oauth2' }> & {
  /** The values of `parameters`, and parts of them, that came from `${…}`. */
  readonly secretParameters?: readonly string[];
};
/** How requests to a client are authorized. */
export type AuthConfig = Exclude<ClientConfig['auth'], { type: 'oauth2' }> | OAuth2Config;
/** A token service of the client's own making. */
export type TokenServiceConfig = Extract<AuthConfig, { type: 'token_service' }>;
/** Credentials that get a token, which is what requests carry. */
export type TokenAuthConfig = OAuth2Config | TokenServiceConfig;

/** Whether requests carry a token that has to be asked for. */
export function asksForTokens(auth: AuthConfig): auth is TokenAuthConfig {
  return auth.type === 'oauth2' || auth.type === 'token_service';
}

/** Where a token is asked for. */
export function tokenUrlOf(auth: TokenAuthConfig): string {
  return auth.type === 'oauth2' ? auth.tokenUrl : auth.url;
}

/** How long one token request may take, with its repetitions. */
export function tokenTimeoutMs({ auth, timeoutMs }: { auth: AuthConfig; timeoutMs: number }): number {
  return asksForTokens(auth) ? (auth.timeoutMs ?? timeoutMs) : timeoutMs;
}

/** Statuses of the client's endpoints that lead to a new token, beside 401. */
export function renewOnOf(auth: AuthConfig): readonly number[] {
  return asksForTokens(auth) ? (auth.renewOn ?? []) : [];
}

/** The largest batch and the largest event, in bytes of serialised bodies. */
export const MAX_BATCH_BYTES = 256 * KIB;
