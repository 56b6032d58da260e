import { extendLocks } from 'bullmq/dist/cjs/scripts/extendLocks-1.js';
import { moveStalledJobsToWait } from 'bullmq/dist/cjs/scripts/moveStalledJobsToWait-9.js';
import { moveToActive } from 'bullmq/dist/cjs/scripts/moveToActive-11.js';
import { version } from 'bullmq/dist/cjs/version.js';
import type { Cluster, Command, Redis } from 'ioredis';
import { afterRunning, atMost } from '../core/time.ts';
import { WaybillError } from '../core/waybill-error.ts';
import { defineScript } from './define-script.ts';
import { type ConnectionRole, connectRedis, type OneServer, type RedisLocation } from './redis-options.ts';
import { GO_ON_WHEN_FULL } from './scripts/when-full.ts';
import { type Connection, isCluster, serverOf, serversOf } from './servers.ts';
import { reasonOf } from './until-writable.ts';

/** What a connection may be given otherwise. */
export interface ConnectionOptions {
  /** How long Redis may be silent while an intake or operator connection waits for an answer; default 10 s. */
  readonly answerTimeoutMs?: number;
}

/** How long a silent Redis is waited for by an intake or operator connection. */
export const DEFAULT_ANSWER_TIMEOUT_MS = 10_000;

const extendGuarded = defineScript('extend-locks', GO_ON_WHEN_FULL + extendLocks.content);

/** The latest error of each connection that is away. */
const latestErrors = new WeakMap<Connection, Error>();
/** Connections that were closed here. */
const closed = new WeakSet<Connection>();

/** Opens a connection. Its errors go to `onError`; commands reject by themselves. */
export function openRedis(
  location: OneServer,
  role: ConnectionRole,
  onError: (error: Error) => void,
  options?: ConnectionOptions,
): Redis;
export function openRedis(
  location: RedisLocation,
  role: ConnectionRole,
  onError: (error: Error) => void,
  options?: ConnectionOptions,
): Connection;
export function openRedis(
  location: RedisLocation,
  role: ConnectionRole,
  onError: (error: Error) => void,
  { answerTimeoutMs = DEFAULT_ANSWER_TIMEOUT_MS }: ConnectionOptions = {},
): Connection {
  const redis = connectRedis(location, role, answerTimeoutMs);
  const note = (given: Error): void => {
    const error = plainError(redis, given);
    latestErrors.set(redis, error);
    onError(error);
  };
  redis.on('error', note);
  // A server of a Cluster; the Cluster has errors of its own if none is left.
  redis.on('node error', note);
  // The earlier error says nothing of a server that listens and does not answer yet.
  redis.on('connect', () => latestErrors.delete(redis));
  redis.on('end', () => {
    // With Sentinel, a connection that is lost while the master is asked for may end for good.
    if (!closed.has(redis)) redis.connect().catch(() => {});
  });
  if (role === 'worker') keepWorkingWhenFull(redis);
  if (role === 'operator') limitAnswers(redis, answerTimeoutMs);
  return redis;
}

/** ioredis says neither which sentinels it asked, nor for what. */
function plainError(redis: Connection, error: Error): Error {
  const [found, reason = NO_CONNECTION] =
    /^All sentinels are unreachable\b.*?ms\.(?: Last error: (.*))?$/s.exec(error.message) ?? [];
  if (found === undefined || isCluster(redis)) return error;
  const { sentinels = [], name } = redis.options;
  const asked = sentinels.map(({ host, port }) => `${host}:${port}`).join(', ');
  const why = reason === NO_CONNECTION ? 'no connection' : reason;
  return new Error(`no sentinel named the master "${name}": ${why} (asked: ${asked})`, { cause: error });
}

/** What ioredis calls a connection that did not come about. */
const NO_CONNECTION = 'Connection is closed.';

/** Calls back each time that Redis, or one server of a Cluster, takes commands again. */
export function onReady(redis: Connection, action: () => void): void {
  redis.on('ready', action);
  redis.on('+node', (server: Redis) => server.once('ready', action));
}

/** Whether a command given now would be written to Redis, to any server of a Cluster, not rejected or kept for later. */
export function isConnected(redis: Connection): boolean {
  return redis.status === 'ready' && serversOf(redis).some(isWritable);
}

/** A connection that is being closed is still called ready. */
function isWritable({ status, stream }: Redis): boolean {
  return status === 'ready' && stream.writable;
}

/** The connection to the server that has a client's keys, if a command given to it now would be written. */
export async function connectedServer(redis: Connection, client: string): Promise<Redis | undefined> {
  const server = serverOf(redis, client);
  // That of a Cluster connects when it is needed first.
  if (server?.status === 'wait') await server.connect().catch(() => {});
  return server !== undefined && isWritable(server) ? server : undefined;
}

/** Why a connection is away, as a part of a sentence. */
export function whyAway(redis: Connection): string {
  const error = latestErrors.get(redis) as NodeJS.ErrnoException | undefined;
  // If a name has several addresses, Node's error has a code only.
  if (error !== undefined) return error.message || error.code || error.name;
  return redis.status === 'connect'
    ? 'it is loading its data, or does not answer'
    : 'the connection was closed';
}

/** Says that Redis cannot be reached just now, and why. */
export function unavailable(redis: Connection, cause?: unknown): WaybillError {
  return new WaybillError('REDIS_UNAVAILABLE', `Redis cannot be reached: ${whyAway(redis)}`, { cause });
}

/** Says why Redis did not take a write. */
export function refusedByRedis(error: Error): WaybillError {
  return new WaybillError('REDIS_REFUSED', `Redis refused the write: ${reasonOf(error)}`, { cause: error });
}

/** Says that it is not known whether Redis took a write. */
export function answerLost(redis: Connection, error: Error): WaybillError {
  const message = `Redis did not confirm the write: ${whyAway(redis)}; it may or may not have been written`;
  return new WaybillError('REDIS_ANSWER_LOST', message, { cause: error });
}

/** Resolves when the first connection has come about, or has failed, or is not waited for any longer. */
export async function firstConnection(redis: Connection, timeoutMs: number): Promise<void> {
  if (redis.status === 'ready') return;
  // A Redis that loads its data neither takes commands nor closes the connection.
  await atMost(
    timeoutMs,
    // While no sentinel names the master, nothing is closed.
    new Promise<void>((resolve) => {
      redis
        .once('ready', resolve)
        .once('close', resolve)
        .once('error', () => resolve());
    }),
  );
}

/** Asks Redis for a sign of life. Rejects if there is none soon. */
export async function expectAnswer(redis: Connection): Promise<void> {
  if (isCluster(redis) || redis.options.sentinels) {
    // What is asked before would wait until a server is found.
    await firstConnection(redis, DEFAULT_ANSWER_TIMEOUT_MS);
    if (redis.status !== 'ready') throw new Error('none of its servers is there');
  }
  await redis.ping();
}

/** Closes a connection without waiting for a server that may be gone. */
export function closeRedis(redis: Connection): void {
  closed.add(redis);
  if (isCluster(redis)) endRefreshes(redis);
  redis.disconnect();
}

/** If ioredis is closed while it asks for the slots, it would go on asking for ever, and keep the process alive. */
function endRefreshes(redis: Cluster): void {
  redis.options.slotsRefreshInterval = 1;
  redis.refreshSlotsCache = () => {};
}

/** Rejects what is not answered in time. Not commandTimeout: a process that stood still would reject before it reads. */
function limitAnswers(redis: Connection, timeoutMs: number): void {
  const send = redis.sendCommand.bind(redis) as (...given: Parameters<Cluster['sendCommand']>) => unknown;
  redis.sendCommand = (command: Command, ...where: unknown[]) => {
    const stop = afterRunning(timeoutMs, () => command.reject(new Error('Command timed out')));
    command.promise.then(stop, stop);
    return send(command, ...(where as []));
  };
}

/**
 * Lets a connection's workers take batches, keep their locks and take over those of lost processes while Redis is
 * full: without that nothing would be delivered, and so nothing would ever become free. BullMQ defines a script only
 * if the connection does not know it by its name yet.
 */
function keepWorkingWhenFull(redis: Connection): void {
  for (const { name, content, keys } of [moveToActive, moveStalledJobsToWait]) {
    redis.defineCommand(`${name}:${version}`, { numberOfKeys: keys, lua: GO_ON_WHEN_FULL + content });
  }
  // It has one key: without the guard it would take locks for lost whose hash slot is being moved.
  const command = ([stalled = '', ...args]: readonly string[]) => extendGuarded(redis, [stalled], args);
  Object.assign(redis, { [`${extendLocks.name}:${version}`]: command });
}
