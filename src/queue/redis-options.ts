import type { ConnectionOptions } from 'node:tls';
import { Cluster, Redis } from 'ioredis';
import type { TlsMaterial } from '../config/config-schema.ts';
import { type RedisConfig, readAddress, type ServerAddress } from '../config/redis-config.ts';
import { followMaster, type PlainOptions } from './follow-master.ts';
import type { Connection } from './servers.ts';
import { reasonOf } from './until-writable.ts';

/** Where one Redis is: on a unix socket, or behind a URL (`redis://`, `rediss://`, or a path). */
export type OneServer =
  | { readonly socketPath: string }
  | { readonly url: string; readonly tls?: TlsMaterial };
/** Where Redis is: one, or as it is configured, with the contents of the TLS files. */
export type RedisLocation =
  | OneServer
  | (Omit<RedisConfig, 'tls' | 'acknowledgedBy'> & { readonly tls?: TlsMaterial });

/**
 * How a connection behaves when Redis is away: `intake` fails at once and never sends twice, `worker` waits
 * for as long as it takes, `operator` (a command at a terminal) gives up after seconds.
 */
export type ConnectionRole = 'intake' | 'worker' | 'operator';

const ROLE_OPTIONS: Record<ConnectionRole, PlainOptions> = {
  intake: {
    enableOfflineQueue: false,
    // 0: a connection that ends rejects what it had under way, at once.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    connectTimeout: 5_000,
  },
  worker: { maxRetriesPerRequest: null, connectTimeout: 5_000 },
  operator: { maxRetriesPerRequest: 1, connectTimeout: 2_000 },
};

/** How long closing waits for the other side; ioredis waits even if the connection is gone. */
const CLOSE_TIMEOUT_MS = 250;
/** A sentinel that accepts connections and says nothing is left for the next one. */
const SENTINEL_ANSWER_MS = 1_000;
/** Where another server may take over, a silent one is left after this time: it may be frozen, and hold no majority. */
const SILENT_SERVER_MS = 10_000;
/** How long a server of a Cluster may take to be reached. */
export const SERVER_CONNECT_MS = 2_000;
/**
 * How often a command is sent again while a Cluster has no server for it, about ten times a second. A worker never gives
 * up: it waits for a failover as long as for one Redis. An operator waits for seconds.
 */
const MAX_REDIRECTIONS: Record<ConnectionRole, number> = { intake: 16, worker: 1_000_000, operator: 50 };
/** If a name leads to a replica, it is left no more often than this: each time the log says that Redis is back. */
const LEAVE_REPLICA_EVERY_MS = 2_000;

const retryIn = (times: number): number => Math.min(50 * 2 ** Math.min(times, 6), 2_000);

/** Makes a connection, which connects at once. @param answerTimeoutMs how long an intake waits for a silent Redis */
export function connectRedis(
  location: RedisLocation,
  role: ConnectionRole,
  answerTimeoutMs: number,
): Connection {
  const options: PlainOptions = {
    ...ROLE_OPTIONS[role],
    // Not commandTimeout: it leaves the connection open, and each later command waits that long again.
    ...(role === 'intake' ? { socketTimeout: answerTimeoutMs } : {}),
    // The protocol that BullMQ is tested with.
    protocol: 2,
    disconnectTimeout: CLOSE_TIMEOUT_MS,
    connectionName: `waybill-${role}`,
    retryStrategy: retryIn,
    reconnectOnError: leaveReplica(),
  };
  if ('socketPath' in location) return new Redis(location.socketPath, options);
  const { url, cluster, tls, username, password }: Servers = location;
  const secured: PlainOptions = { ...options, ...(tls && { tls: toNode(tls) }) };
  // A path is a unix socket.
  if (url !== undefined) return new Redis(url, secured);
  const user = { ...(username && { username }), ...(password && { password }) };
  const several = { ...secured, ...user, ...(role === 'worker' && { socketTimeout: SILENT_SERVER_MS }) };
  if (cluster !== undefined) return connectCluster(location, role, several);
  return connectSentinel(location, several);
}

/** A name or a proxy may lead to another server by now than to the one that was made a replica. */
function leaveReplica(): (error: Error) => boolean {
  let next = 0;
  return (error) => {
    if (!reasonOf(error).startsWith('READONLY') || performance.now() < next) return false;
    next = performance.now() + LEAVE_REPLICA_EVERY_MS;
    return true;
  };
}

/** As Node takes it. */
function toNode({ minVersion, ...files }: TlsMaterial): ConnectionOptions {
  return { ...files, minVersion: `TLSv${minVersion}` };
}

type Servers = Exclude<RedisLocation, OneServer>;

function connectSentinel(location: Servers, options: PlainOptions): Redis {
  const { sentinels = [], name, tls, natMap, sentinelUsername, sentinelPassword } = location;
  const all: PlainOptions = {
    ...options,
    sentinels: addressesIn(sentinels),
    ...(name && { name }),
    ...(sentinelUsername && { sentinelUsername }),
    ...(sentinelPassword && { sentinelPassword }),
    ...(tls && { sentinelTLS: toNode(tls), enableTLSForSentinelMode: true }),
    ...(natMap && { natMap: readNatMap(natMap) }),
    sentinelRetryStrategy: retryIn,
    sentinelCommandTimeout: SENTINEL_ANSWER_MS,
    failoverDetector: false,
  };
  const redis = new Redis(all);
  followMaster(redis);
  return redis;
}

function connectCluster(
  { cluster = [], natMap }: Servers,
  role: ConnectionRole,
  { enableOfflineQueue = true, retryStrategy: _, ...options }: PlainOptions,
): Cluster {
  return new Cluster(addressesIn(cluster), {
    enableOfflineQueue,
    // It asks one server, which may be the one that is away.
    enableReadyCheck: false,
    clusterRetryStrategy: retryIn,
    retryDelayOnMoved: 20,
    maxRedirections: MAX_REDIRECTIONS[role],
    ...(natMap && { natMap: readNatMap(natMap) }),
    // Certificates are held against names; and one that cannot be resolved must not stand for all.
    dnsLookup: (address, done) => done(null, address),
    redisOptions: { ...options, connectTimeout: SERVER_CONNECT_MS },
  });
}

function addressesIn(texts: readonly string[]): ServerAddress[] {
  return texts.flatMap((text) => readAddress(text) ?? []);
}

function readNatMap(natMap: Readonly<Record<string, string>>) {
  return Object.fromEntries(
    Object.entries(natMap).flatMap(([from, to]) => {
      const [own, reached] = [readAddress(from), readAddress(to)];
      return own && reached ? [[`${own.host}:${own.port}`, reached]] : [];
    }),
  );
}
