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
  z.strictObject({ type: z.literal('bearer'), token: bearerToken }),
  z.strictObject({
    type: z.literal('basic'),
    // RFC 7617, section 2: the first colon ends the user name, and neither part holds control characters.
    username: credential(/^[^:\p{Cc}]*$/u, 'must not hold a colon or a control character'),
    password: credential(/^\P{Cc}*$/u, 'must not hold a control character'),
  }),
  z.strictObject({ type: z.literal('api_key'), header: headerName, key: headerValue }),
  z.strictObject({
    type: z.literal('oauth2'),
    tokenUrl: httpUrl,
    clientId: anyCredential,
    clientSecret: anyCredential,
    scope: anyCredential.optional(),
    style: z.enum(TOKEN_STYLES).default('form'),
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
  retries: retry.retries.default(5),
  baseDelayMs: retry.baseDelayMs.default(15_000),
  factor: retry.factor.default(5),
  maxDelayMs: retry.maxDelayMs.default(14_400_000),
  jitter: retry.jitter.default(0.1),
});

const concurrency = z.int().min(1).max(1_000);
const ratePerSecond = z.number().min(0.001).max(1_000_000);
const timeoutMs = z.int().min(1).max(600_000);

/** An endpoint with settings of its own: what it leaves out is the client's, but for the rate, which it adds to it. */
const endpointSettings = z.strictObject({
  path: endpointAddress,
  concurrency: concurrency.optional(),
  ratePerSecond: ratePerSecond.optional(),
  timeoutMs: timeoutMs.optional(),
  retry: z.strictObject(retry).partial().optional(),
});

type EndpointSettings = z.infer<typeof endpointSettings>;

const endpointsSchema = z
  .record(
    eventTypeName,
    z.union([endpointAddress.transform((path): EndpointSettings => ({ path })), endpointSettings]),
  )
  .refine((endpoints) => Object.keys(endpoints).length > 0, 'must name at least one event type');

const tlsSchema = z
  .strictObject({ ca: text.optional(), cert: text.optional(), key: text.optional() })
  .superRefine((tls, context) => {
    if (tls.cert !== undefined && tls.key === undefined) {
      context.addIssue({ code: 'custom', path: ['key'], message: 'is required where cert is given' });
    }
    if (tls.key !== undefined && tls.cert === undefined) {
      context.addIssue({ code: 'custom', path: ['cert'], message: 'is required where key is given' });
    }
  });

/** Whether the client's endpoints may be load-tested, and how hard at most; see `findPermit` for what is left out. */
const loadtestSchema = z.strictObject({
  allowed: z.boolean().optional(),
  maxRatePerSecond: z.number().min(0.001).max(1_000_000).optional(),
  maxRequests: z.int().min(1).max(1_000_000_000).optional(),
});

/** One client of `waybill.yaml`. Durations and sizes carry their unit in the name; tls names files. */
export const clientConfigSchema = z.strictObject({
  baseUrl: httpBaseUrl,
  endpoints: endpointsSchema,
  auth: authSchema.default({ type: 'none' }),
  concurrency: concurrency.default(32),
  ratePerSecond: ratePerSecond.optional(),
  timeoutMs: timeoutMs.default(15_000),
  connectionMaxAgeMs: z.int().min(1).max(86_400_000).default(30_000),
  retry: retrySchema.prefault({}),
  batchSize: z.int().min(1).max(500).default(50),
  allowPrivateNetwork: z.boolean().default(false),
  tls: tlsSchema.optional(),
  loadtest: loadtestSchema.optional(),
  contact: z
    .strictObject({
      name: text.optional(),
      email: z.email({ error: 'must be an email address' }).optional(),
    })
    .optional(),
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
