import { lookup } from 'node:dns/promises';
import { Redis, type RedisOptions } from 'ioredis';

/** Replies stay in RESP 2 shapes. */
export type PlainOptions = Omit<RedisOptions, 'replyMapping'>;

/** How often a sentinel is asked which server is the master. */
const ASK_EVERY_MS = 1_000;
/** A sentinel that does not answer for this long is left for the next one. */
const SILENT_MS = 3_000;

/** Connections that were closed here. */
const closed = new WeakSet<object>();

/** Closes a connection without waiting for a server that may be gone, and for good. */
export function disconnectForGood(redis: Pick<Redis, 'disconnect'>): void {
  closed.add(redis);
  redis.disconnect();
}

/** Where a server is reached, by the address that the servers know; undefined: at that one. */
export function mappedBy({ natMap }: Pick<RedisOptions, 'natMap'>, address: string) {
  return typeof natMap === 'object' ? natMap?.[address] : undefined;
}

/**
 * Has a connection with Sentinel leave a master once another one is named. By itself it stays with a master that still
 * answers until the sentinels make that a replica, some ten seconds later; what is written meanwhile is lost. So a
 * sentinel is asked regularly, over a connection of its own. Being told by `+switch-master` would be sooner, but a
 * message may be missed: while the sentinel is connected to, or because it is silent. ioredis' own `failoverDetector`
 * may end the connection for good.
 */
export function followMaster(redis: Redis): void {
  const sentinel = connectSentinels(redis);
  let timer: NodeJS.Timeout | undefined;
  const look = (): void => {
    if (sentinel.status === 'wait' || sentinel.status === 'end') sentinel.connect().catch(() => {});
    // While it connects, it asks by itself; to disconnect it then would end it for good.
    else if (redis.status === 'ready') leaveUnlessMaster(redis, sentinel).catch(() => {});
  };
  redis.on('ready', () => {
    timer ??= setInterval(look, ASK_EVERY_MS).unref();
    look();
  });
  // It may have been about to connect when it was closed.
  sentinel.on('ready', () => {
    if (timer === undefined) sentinel.disconnect();
  });
  redis.on('end', () => {
    clearInterval(timer);
    timer = undefined;
    sentinel.disconnect();
    // A connection that is lost while the master is asked for ends for good, though nobody closed it.
    if (!closed.has(redis)) redis.connect().catch(() => {});
  });
}

/** Reaches a sentinel, another one after each loss; it connects when it is told to, and keeps no process alive. */
function connectSentinels({ options: master }: Redis): Redis {
  const { sentinels = [], sentinelUsername, sentinelPassword, sentinelTLS } = master;
  const { connectTimeout, retryStrategy } = master;
  // Processes begin with different ones: the first may be on the machine that is lost.
  let turn = process.pid;
  const next = (): PlainOptions => {
    const { host = '', port = 0 } = sentinels[turn % sentinels.length] ?? {};
    turn += 1;
    return { host, port };
  };
  const sentinel = new Redis({
    ...next(),
    ...(sentinelUsername && { username: sentinelUsername }),
    ...(sentinelPassword && { password: sentinelPassword }),
    ...(sentinelTLS && { tls: sentinelTLS }),
    ...(connectTimeout && { connectTimeout }),
    ...(retryStrategy && { retryStrategy }),
    protocol: 2,
    socketTimeout: SILENT_MS,
    lazyConnect: true,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectionName: 'waybill-sentinel',
  });
  // If no sentinel is there, the connection to the master itself says so.
  sentinel.on('error', () => {});
  // ioredis reads them at each attempt.
  sentinel.on('reconnecting', () => Object.assign(sentinel.options, next()));
  sentinel.on('connect', () => (sentinel.stream as { unref?(): void }).unref?.());
  return sentinel;
}

async function leaveUnlessMaster(redis: Redis, sentinel: Redis): Promise<void> {
  const named = (await sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', redis.options.name ?? '')) as
    | readonly [host: string, port: string]
    | null;
  if (named === null) return;
  const [host, port] = named;
  const master = mappedBy(redis.options, `${host}:${port}`) ?? { host, port: Number(port) };
  // Sentinel may know servers by their names.
  const found = await lookup(master.host, { all: true });
  const { remoteAddress, remotePort } = redis.stream as { remoteAddress?: string; remotePort?: number };
  const isThere = remotePort === master.port && found.some(({ address }) => address === remoteAddress);
  if (redis.status === 'ready' && !isThere) redis.disconnect(true);
}
