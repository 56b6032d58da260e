import { z } from 'zod';
import { type AuthConfig, type ClientConfig, clientConfigSchema, clientNameSchema } from './client-config.ts';
import { clientDefaultsSchema } from './client-defaults.ts';
import { type EndpointHeaders, refuseHeadersOfAuth } from './endpoint-headers.ts';
import { httpConfigSchema, refuseKeysOfNobody } from './http-config.ts';
import { ALWAYS } from './http-fields.ts';
import { incidentsConfigSchema } from './incidents-config.ts';
import type { ProxyRoutes } from './proxy-routes.ts';
import { redisConfigSchema } from './redis-config.ts';
import { smtpConfigSchema } from './smtp-config.ts';
import type { TlsConfig, TlsVersion } from './tls-config.ts';

/** Where health and metrics are served, and what they are judged by. */
const metricsSchema = z.strictObject({
  host: z
    .string()
    .min(1, 'must not be empty')
    .default('127.0.0.1')
    .describe('The address to listen on. By default this machine alone can connect.'),
  port: z.int().min(0).max(65_535).default(9464).describe('The port. 0 takes a free one.'),
  oldestWaitingMs: z
    .int()
    .min(1_000)
    .max(604_800_000)
    .default(3_600_000)
    .describe('/readyz fails if an event waits for longer.'),
  untakenMs: z
    .int()
    .min(1_000)
    .max(86_400_000)
    .default(60_000)
    .describe('/readyz fails if no worker takes waiting events for so long.'),
});

/** The whole of `waybill.yaml`. Durations carry their unit in the name. */
export const configSchema = z.strictObject({
  redis: redisConfigSchema
    .optional()
    .describe('Where events wait. Without it Waybill runs a private Redis of its own in dataDir.'),
  dataDir: z
    .string()
    .min(1, 'must not be empty')
    .optional()
    .describe("The directory for Waybill's own state, relative to the file. Without it: .waybill"),
  deadLetters: z
    .strictObject({
      keepDays: z
        .number()
        .positive()
        .max(36_500)
        .optional()
        .describe('How many days they are kept. Without it: until they are replayed or discarded.'),
    })
    .prefault({})
    .describe('Events that Waybill gave up on.'),
  incidents: incidentsConfigSchema
    .prefault({})
    .describe('Whom to tell about endpoints that keep failing. The log says it in any case.'),
  smtp: smtpConfigSchema
    .optional()
    .describe(
      'The server that mail is sent by: notices of format email, reports to contacts, "waybill report --send".',
    ),
  keepDeliveredHours: z
    .number()
    .min(0)
    .max(8_760)
    .default(24)
    .describe(
      'How many hours "waybill event" knows that an event was delivered. 0 remembers nothing. An event takes 9 to 22 bytes in Redis; nothing is remembered while Redis is full.',
    ),
  metrics: metricsSchema
    .optional()
    .describe(
      'Serves /livez, /readyz and /metrics. Without it nothing is served; `metrics: {}` takes all defaults.',
    ),
  shutdownGraceMs: z
    .int()
    .min(0)
    .max(3_600_000)
    .default(10_000)
    .describe('How long a stopping service waits for the requests under way.'),
  http: httpConfigSchema
    .optional()
    .describe(
      'The HTTP API: events in, and operating the service. Without it nothing listens; `http: {}` takes all defaults.',
    ),
  defaults: clientDefaultsSchema
    .optional()
    .describe(
      'Settings of all clients: any of theirs but baseUrl and endpoints. A client has what it leaves out from here, setting by setting; its auth of another type stands for itself. null in a client takes back what stands here.',
    ),
  clients: z
    .record(clientNameSchema, clientConfigSchema.superRefine(refuseHeadersOfAuth, ALWAYS))
    .refine((clients) => Object.keys(clients).length > 0, 'must name at least one client')
    .describe('Who receives events. A name holds a to z, 0 to 9 and hyphens, 63 characters at most.'),
});

/** The same, with what its sections say of each other. */
export const wholeConfigSchema = configSchema.superRefine(refuseKeysOfNobody);

/** What `waybill.yaml` says, with all defaults filled in. */
export type ConfigFile = z.infer<typeof configSchema>;

/**
 * What `waybill.yaml` may say, defaults left out. Names end in their unit (`timeoutMs`, `keepDays`); `waybill docs
 * config` has every setting.
 */
export type ConfigInput = z.input<typeof configSchema>;

/** How TLS connections are made, with the contents of the files, in PEM. */
export interface TlsMaterial {
  readonly minVersion: TlsVersion;
  /** Certificate authorities to trust instead of the public ones. */
  readonly ca?: string;
  /** Waybill's own certificate, with its chain; stands together with `key`. */
  readonly cert?: string;
  readonly key?: string;
  /** What `key` is encrypted with. */
  readonly passphrase?: string;
}

/** A section `tls` with what its files hold. */
export function tlsMaterialOf(
  { passphrase, minVersion }: TlsConfig,
  files: Pick<TlsMaterial, 'ca' | 'cert' | 'key'> = {},
): TlsMaterial {
  // YAML reads 1.2 as a number.
  const version = `${minVersion}` as const;
  return { ...files, minVersion: version, ...(passphrase === undefined ? {} : { passphrase }) };
}

/** One endpoint of a client, with all that holds for it. */
export interface ResolvedEndpoint
  extends EndpointHeaders,
    Pick<ClientConfig, 'concurrency' | 'timeoutMs' | 'retry' | 'maxAgeHours'> {
  /** The client's name. */
  readonly client: string;
  readonly type: string;
  /** Absolute. */
  readonly url: string;
  /** Of this endpoint alone; the client's rate holds, too. */
  readonly ratePerSecond?: number;
  readonly pace: {
    readonly mode: 'adaptive' | 'fixed';
    /** The longest hold: how long events wait without an attempt; milliseconds. */
    readonly holdMs: number;
    /** The least rate while the endpoint is slowed or recovering, per second over all processes; 0: one. */
    readonly minPerSecond: number;
  };
}

/** A client as the engine needs it: its settings, its name, and all that they refer to. */
export type ResolvedClient = Readonly<Omit<ClientConfig, 'endpoints' | 'auth' | 'proxy'>> & {
  readonly auth: AuthConfig;
  readonly name: string;
  /** By event type; has no prototype. */
  readonly endpoints: Readonly<Record<string, ResolvedEndpoint>>;
  /** For the endpoints. */
  readonly tlsMaterial?: TlsMaterial;
  /** For the token service; absent: as for the endpoints. */
  readonly authTlsMaterial?: TlsMaterial;
  /** Absent: all targets are reached directly. */
  readonly proxy?: ProxyRoutes;
};

/** How a client's endpoints are reached. */
export function networkOf(client: ResolvedClient) {
  const { timeoutMs, connectionMaxAgeMs, allowPrivateNetwork, tlsMaterial: tls, proxy } = client;
  const limits = { timeoutMs, connectionMaxAgeMs, allowPrivateNetwork };
  return { ...limits, ...(tls && { tls }), ...(proxy && { proxy }) };
}

/** How TLS connections with a client's token service are made; undefined: as Node does. */
export function tokenTlsOf({ authTlsMaterial, tlsMaterial }: ResolvedClient): TlsMaterial | undefined {
  return authTlsMaterial ?? tlsMaterial;
}

/** A configuration that is ready for use; frozen to the last leaf. */
export type Config = Readonly<Omit<ConfigFile, 'clients' | 'dataDir' | 'defaults'>> & {
  /** The absolute path of the configuration file. */
  readonly file: string;
  /** The absolute path of the directory that the file stands in. */
  readonly directory: string;
  /** The absolute path of the directory for state, such as the embedded Redis. */
  readonly dataDir: string;
  /** What tokens in Redis are encrypted with; absent: they are not. Comes from the environment alone. */
  readonly secretKey?: string;
  /** Every client under its name; has no prototype, so that no name finds anything else. */
  readonly clients: Readonly<Record<string, ResolvedClient>>;
};
