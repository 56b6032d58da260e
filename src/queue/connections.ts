import { extendLocks, moveStalledJobsToWait, moveToActive } from 'bullmq/dist/cjs/scripts/index.js';
import { version } from 'bullmq/dist/cjs/version.js';
import { Redis, type RedisOptions } from 'ioredis';
import { afterRunning, atMost } from '../core/time.ts';
import { WaybillError } from '../core/waybill-error.ts';
import { GO_ON_WHEN_FULL } from './scripts/when-full.ts';
import { reasonOf } from './until-writable.ts';

/** Where Redis is: a URL (`redis://`, `rediss://`) or a unix socket. */
export type RedisLocation = { readonly url: string } | { readonly socketPath: string };

/**
 * How a connection behaves when Redis is away: `intake` fails at once and never sends twice, `worker` waits
 * for as long as it takes, `operator` (a command at a terminal) gives up after seconds.
 */
export type ConnectionRole = 'intake' | 'worker' | 'operator';

/** What a connection may be given otherwise. */
export interface ConnectionOptions {
  /** How long Redis may be silent while an intake or operator connection waits for an answer; default 10 s. */
  readonly answerTimeoutMs?: number;
}

/** Replies stay in RESP 2 shapes. */
type PlainOptions = Omit<RedisOptions, 'replyMapping'>;

/** How long a silent Redis is waited for by an intake or operator connection. */
export const DEFAULT_ANSWER_TIMEOUT_MS = 10_000;

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

/** The latest error of each connection that is away. */
const latestErrors = new WeakMap<Redis, Error>();

/** Opens a connection. Its errors go to `onError`; commands reject by themselves. */
export function openRedis(
  location: RedisLocation,
  role: ConnectionRole,
  onError: (error: Error) => void,
  { answerTimeoutMs = DEFAULT_ANSWER_TIMEOUT_MS }: ConnectionOptions = {},
): Redis {
  const options: PlainOptions = {
    ...ROLE_OPTIONS[role],
    // Not commandTimeout: it leaves the connection open, and each later command waits that long again.
    ...(role === 'intake' ? { socketTimeout: answerTimeoutMs } : {}),
    // The protocol that BullMQ is tested with.
    protocol: 2,
    disconnectTimeout: CLOSE_TIMEOUT_MS,
    connectionName: `waybill-${role}`,
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 6), 2_000),
  };
  const redis =
    'url' in location ? new Redis(location.url, options) : new Redis(location.socketPath, options);
  redis.on('error', (error) => {
    latestErrors.set(redis, error);
    onError(error);
  });
  // The earlier error says nothing of a server that listens and does not answer yet.
  redis.on('connect', () => latestErrors.delete(redis));
  if (role === 'worker') keepWorkingWhenFull(redis);
  if (role === 'operator') limitAnswers(redis, answerTimeoutMs);
  return redis;
}

/** Whether a command given now would be written to Redis, not rejected or kept for later. */
export function isConnected(redis: Redis): boolean {
  // A connection that is being closed is still called ready.
  return redis.status === 'ready' && redis.stream.writable;
}

/** Why a connection is away, as a part of a sentence. */
export function whyAway(redis: Redis): string {
  const error = latestErrors.get(redis) as NodeJS.ErrnoException | undefined;
  // If a name has several addresses, Node's error has a code only.
  if (error !== undefined) return error.message || error.code || error.name;
  return redis.status === 'connect'
    ? 'it is loading its data, or does not answer'
    : 'the connection was closed';
}

/** Says that Redis cannot be reached just now, and why. */
export function unavailable(redis: Redis, cause?: unknown): WaybillError {
  return new WaybillError('REDIS_UNAVAILABLE', `Redis cannot be reached: ${whyAway(redis)}`, { cause });
}

/** Says why Redis did not take a write. */
export function refusedByRedis(error: Error): WaybillError {
  return new WaybillError('REDIS_REFUSED', `Redis refused the write: ${reasonOf(error)}`, { cause: error });
}

/** Says that it is not known whether Redis took a write. */
export function answerLost(redis: Redis, error: Error): WaybillError {
  const message = `Redis did not confirm the write: ${whyAway(redis)}; it may or may not have been written`;
  return new WaybillError('REDIS_ANSWER_LOST', message, { cause: error });
}

/** Resolves when the first connection has come about, or has failed, or is not waited for any longer. */
export async function firstConnection(redis: Redis, timeoutMs: number): Promise<void> {
  if (redis.status === 'ready') return;
  // A Redis that loads its data neither takes commands nor closes the connection.
  await atMost(
    timeoutMs,
    new Promise<void>((resolve) => redis.once('ready', resolve).once('close', resolve)),
  );
}

/** Closes a connection without waiting for a server that may be gone. */
export function closeRedis(redis: Redis): void {
  redis.disconnect();
}

/** Rejects what is not answered in time. Not commandTimeout: a process that stood still would reject before it reads. */
function limitAnswers(redis: Redis, timeoutMs: number): void {
  const send = redis.sendCommand.bind(redis);
  redis.sendCommand = (command, stream) => {
    const stop = afterRunning(timeoutMs, () => command.reject(new Error('Command timed out')));
    command.promise.then(stop, stop);
    return send(command, stream);
  };
}

/**
 * Lets a connection's workers take batches, keep their locks and take over those of lost processes while Redis is
 * full: without that nothing would be delivered, and so nothing would ever become free. BullMQ defines a script only
 * if the connection does not know it by its name yet.
 */
function keepWorkingWhenFull(redis: Redis): void {
  for (const { name, content, keys } of [moveToActive, extendLocks, moveStalledJobsToWait]) {
    redis.defineCommand(`${name}:${version}`, { numberOfKeys: keys, lua: GO_ON_WHEN_FULL + content });
  }
}
