import { z } from 'zod';
import {
  ALWAYS,
  anyCredential,
  isUserInfoEncoded,
  NOT_ENCODED,
  textFor,
  whyLineBreak,
} from './http-fields.ts';
import { tlsSchema } from './tls-config.ts';

function whyNotUrl(url: string): string | undefined {
  // The WHATWG parser leaves line breaks out, also of the password.
  const reason = whyLineBreak(url);
  if (reason !== undefined) return reason;
  if (/^\/[^/]/.test(url)) return undefined;
  if (!/^rediss?:\/\/[^/\s]/i.test(url) || !URL.canParse(url)) {
    return 'must be a redis: or rediss: URL, or the absolute path of a unix socket';
  }
  return isUserInfoEncoded(new URL(url)) ? undefined : NOT_ENCODED;
}

/** The host and the port of a server: `redis-1:6379`, `[::1]:6379`. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

const ADDRESS = /^(?:\[(?<ip6>[0-9a-f:.]+)\]|(?<host>[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)):(?<port>\d{1,5})$/i;

/** Reads `host:port`; undefined: it is none. */
export function readAddress(text: string): ServerAddress | undefined {
  const { ip6, host = ip6, port } = ADDRESS.exec(text)?.groups ?? {};
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) return undefined;
  return { host, port: Number(port) };
}

const address = textFor((text) =>
  readAddress(text) === undefined
    ? (whyLineBreak(text) ?? 'must be a host and a port, such as redis-1:6379')
    : undefined,
);
const addresses = z.array(address).min(1, 'must name at least one').max(100);

/** Where events wait: one Redis, or several that stand in for each other (Sentinel) or share the clients (Cluster). */
export const redisConfigSchema = z
  .strictObject({
    url: textFor(whyNotUrl)
      .optional()
      .describe('One Redis: a redis: or rediss: (TLS) URL, or the path of a unix socket.'),
    sentinels: addresses
      .optional()
      .describe('Redis with Sentinel: the sentinels as host:port. Instead of url; goes with name.'),
    name: anyCredential.optional().describe('The name that the sentinels know the master by.'),
    cluster: addresses
      .optional()
      .describe('Redis Cluster: some of its servers as host:port, which name the others. Instead of url.'),
    username: anyCredential.optional().describe('The user of the servers, with password. A URL holds both.'),
    password: anyCredential.optional().describe('The password of the servers.'),
    sentinelUsername: anyCredential.optional().describe('The user of the sentinels, with sentinelPassword.'),
    sentinelPassword: anyCredential
      .optional()
      .describe('The password of the sentinels. Without it they want none.'),
    tls: tlsSchema
      .optional()
      .describe(
        'TLS to the servers, and to the sentinels. `tls: {}` trusts the public authorities. With url: rediss:.',
      ),
    natMap: z
      .record(address, address)
      .optional()
      .describe(
        'Where servers are reached whose own addresses do not lead there, by the address that they have.',
      ),
    acknowledgedBy: z
      .int()
      .min(0)
      .max(10)
      .optional()
      .describe(
        'How many replicas must have an event before it counts as accepted. Without it: 1 with sentinels and with cluster, 0 with url.',
      ),
  })
  .superRefine((redis, context) => {
    if (typeof redis !== 'object' || redis === null) return;
    for (const { keys, message } of issuesOf(redis)) {
      context.addIssue({ code: 'custom', path: keys, message });
    }
  }, ALWAYS);

/** The section `redis`. */
export type RedisConfig = Readonly<
  Omit<z.infer<typeof redisConfigSchema>, 'sentinels' | 'cluster'> & {
    readonly sentinels?: readonly string[] | undefined;
    readonly cluster?: readonly string[] | undefined;
  }
>;

const PLACES = ['url', 'sentinels', 'cluster'] as const;
/** What goes with some of the places alone. */
const GOES_WITH = {
  name: ['sentinels'],
  sentinelUsername: ['sentinels'],
  sentinelPassword: ['sentinels'],
  username: ['sentinels', 'cluster'],
  password: ['sentinels', 'cluster'],
  natMap: ['sentinels', 'cluster'],
} as const;
const PAIRS = [
  ['username', 'password'],
  ['sentinelUsername', 'sentinelPassword'],
] as const;

/** What the settings say of each other. They may be anything that a file can say. */
function issuesOf(redis: RedisConfig): Issue[] {
  const [place, ...others] = PLACES.filter((name) => redis[name] !== undefined);
  if (place === undefined) return [{ keys: ['url'], message: 'is required, or sentinels, or cluster' }];
  if (others.length > 0) {
    return others.map((other) => ({ keys: [other], message: `must not stand beside ${place}` }));
  }
  return [...misplaced(redis, place), ...missing(redis, place)];
}

interface Issue {
  readonly keys: string[];
  readonly message: string;
}

function* misplaced(redis: RedisConfig, place: (typeof PLACES)[number]): Generator<Issue> {
  for (const [setting, wanted] of Object.entries(GOES_WITH)) {
    const isGiven = redis[setting as keyof typeof GOES_WITH] !== undefined;
    if (!isGiven || (wanted as readonly string[]).includes(place)) continue;
    const inUrl = setting === 'username' || setting === 'password' ? ': the URL holds it' : '';
    yield { keys: [setting], message: `goes with ${wanted.join(' and ')}, not with ${place}${inUrl}` };
  }
  if (place === 'url' && redis.tls !== undefined && !/^rediss:/i.test(String(redis.url))) {
    yield { keys: ['tls'], message: 'needs a url that begins with rediss:' };
  }
}

function* missing(redis: RedisConfig, place: (typeof PLACES)[number]): Generator<Issue> {
  if (place === 'sentinels' && redis.name === undefined) {
    yield { keys: ['name'], message: 'is required beside sentinels' };
  }
  for (const [user, password] of PAIRS) {
    const isHalf = redis[user] !== undefined && redis[password] === undefined;
    if (isHalf) yield { keys: [password], message: `is required beside ${user}` };
  }
}

/** How many replicas must have an event before it counts as accepted. */
export function replicasWanted(redis: RedisConfig | undefined): number {
  return redis?.acknowledgedBy ?? (redis === undefined || redis.url !== undefined ? 0 : 1);
}
