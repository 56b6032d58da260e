import { lookup } from 'node:dns/promises';
import type { Socket } from 'node:net';
import { Redis, type RedisOptions } from 'ioredis';

/** Replies stay in RESP 2 shapes. */
export type PlainOptions = Omit<RedisOptions, 'replyMapping'>;

const CHANNEL = '+switch-master';
/** A sentinel that does not answer for this long is left for the next one. */
const SILENT_MS = 10_000;
/** The sentinels learn of a new master one after the other, within about a second. */
const LOOK_AGAIN_MS = 1_000;

/** Where a server is reached, by the address that the servers know; undefined: at that one. */
export function mappedBy({ natMap }: Pick<RedisOptions, 'natMap'>, address: string) {
  return typeof natMap === 'object' ? natMap?.[address] : undefined;
}

/**
 * Has a connection with Sentinel leave a master once another one is named. By itself it stays with a master that still
 * answers until the sentinels make that a replica, some ten seconds later; what is written meanwhile is lost. It hears
 * of that over a connection to one sentinel. ioredis' own `failoverDetector` may end the connection for good.
 */
export function followMaster(redis: Redis): void {
  const { sentinels = [], sentinelUsername, sentinelPassword, sentinelTLS } = redis.options;
  const { connectTimeout, retryStrategy } = redis.options;
  let turn = 0;
  const next = (): PlainOptions => {
    const { host = '', port = 0 } = sentinels[turn % sentinels.length] ?? {};
    turn += 1;
    return { host, port };
  };
  const options: PlainOptions = {
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
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    connectionName: 'waybill-sentinel',
  };
  const sentinel = new Redis(options);
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;

  async function leaveUnless(host: string, port: number): Promise<void> {
    // Sentinels may announce names.
    const found = await lookup(host, { all: true }).catch(() => []);
    const { remoteAddress, remotePort } = redis.stream as { remoteAddress?: string; remotePort?: number };
    const isThere = remotePort === port && found.some(({ address }) => address === remoteAddress);
    // While it connects, it is about to ask anew; to disconnect it then would end it for good.
    if (redis.status === 'ready' && !isThere) redis.disconnect(true);
  }

  // If no sentinel is there, the connection itself says so.
  sentinel.on('error', () => {});
  // ioredis reads them at each attempt.
  sentinel.on('reconnecting', () => Object.assign(sentinel.options, next()));
  // It keeps no process alive.
  sentinel.on('connect', () => (sentinel.stream as Socket).unref());
  sentinel.on('ready', () => {
    // It may have been about to connect when it was closed.
    if (isOver) sentinel.disconnect();
    else sentinel.subscribe(CHANNEL).catch(() => {});
  });
  sentinel.on('message', (_channel, message) => {
    const [name, , , host = '', port = ''] = message.split(' ');
    if (name !== redis.options.name) return;
    const master = mappedBy(redis.options, `${host}:${port}`) ?? { host, port: Number(port) };
    void leaveUnless(master.host, master.port);
    clearTimeout(timer);
    timer = setTimeout(() => void leaveUnless(master.host, master.port), LOOK_AGAIN_MS).unref();
  });
  redis.on('ready', () => {
    isOver = false;
    if (sentinel.status === 'wait' || sentinel.status === 'end') sentinel.connect().catch(() => {});
  });
  redis.on('end', () => {
    isOver = true;
    clearTimeout(timer);
    sentinel.disconnect();
  });
}
