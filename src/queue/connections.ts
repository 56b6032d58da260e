import { Redis, type RedisOptions } from 'ioredis';

/** Where Redis is: a URL (`redis://`, `rediss://`) or a unix socket. */
export type RedisLocation = { readonly url: string } | { readonly socketPath: string };

/**
 * How a connection behaves when Redis is away: `intake` fails at once and never sends twice, `worker` waits
 * for as long as it takes, `operator` (a command at a terminal) gives up after a second or two.
 */
export type ConnectionRole = 'intake' | 'worker' | 'operator';

/** Replies stay in RESP 2 shapes. */
type PlainOptions = Omit<RedisOptions, 'replyMapping'>;

const ROLE_OPTIONS: Record<ConnectionRole, PlainOptions> = {
  intake: {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    commandTimeout: 10_000,
    connectTimeout: 5_000,
  },
  worker: { maxRetriesPerRequest: null, connectTimeout: 5_000 },
  operator: { maxRetriesPerRequest: 1, connectTimeout: 2_000, commandTimeout: 30_000 },
};

/**
 * Opens a connection. Its errors go to `onError`; commands reject by themselves.
 * The RESP 2 protocol is what BullMQ is tested with.
 */
export function openRedis(
  location: RedisLocation,
  role: ConnectionRole,
  onError: (error: Error) => void,
): Redis {
  const options: PlainOptions = {
    ...ROLE_OPTIONS[role],
    protocol: 2,
    connectionName: `waybill-${role}`,
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 6), 2_000),
  };
  const redis =
    'url' in location ? new Redis(location.url, options) : new Redis(location.socketPath, options);
  redis.on('error', onError);
  return redis;
}

/** Closes a connection without waiting for a server that may be gone. */
export function closeRedis(redis: Redis): void {
  redis.disconnect();
}
