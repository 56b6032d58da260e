import { type Cluster, type Command, type Redis, ReplyError } from 'ioredis';
import { afterRunning, atMost } from '../core/time.ts';
import { WaybillError } from '../core/waybill-error.ts';
import { disconnectForGood } from './follow-master.ts';
import {
  type ConnectionRole,
  connectRedis,
  type OneServer,
  type RedisLocation,
  SERVER_CONNECT_MS,
} from './redis-options.ts';
import { type Connection, hasAllSlots, isCluster, keepFinding, serverOf, serversOf } from './servers.ts';
import { isNotWritable, reasonOf } from './until-writable.ts';

/** What a connection may be given otherwise. */
export interface ConnectionOptions {
  /** How long Redis may be silent while an intake or operator connection waits for an answer; default 10 s. */
  readonly answerTimeoutMs?: number;
}

/** How long a silent Redis is waited for by an intake or operator connection. */
export const DEFAULT_ANSWER_TIMEOUT_MS = 10_000;

/** The latest error of each connection that is away. */
const latestErrors = new WeakMap<Connection, Error>();

/** What ioredis rejects a command with whose connection was lost, or did not come about. */
const CLOSED = 'Connection is closed.';

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
    // It says less than the error that closed it.
    if (isCluster(redis) && given.message === CLOSED) return;
    const error = plainError(redis, given);
    latestErrors.set(redis, error);
    onError(error);
  };
  // That of a Cluster says only that no server is left.
  redis.on('error', (error: Error & { lastNodeError?: Error }) => note(error.lastNodeError ?? error));
  // A server of a Cluster, which was asked where the keys are.
  redis.on('node error', (error: Error, server: string) => {
    note(error.message === 'timeout' ? new Error(`${server} does not answer`) : error);
  });
  // The earlier error says nothing of a server that listens and does not answer yet.
  redis.on('connect', () => latestErrors.delete(redis));
  redis.on('+node', (server: Redis) => server.once('ready', () => latestErrors.delete(redis)));
  if (role === 'operator') {
    limitAnswers(redis, answerTimeoutMs);
    // Some are asked directly.
    redis.on('+node', (server: Redis) => limitAnswers(server, answerTimeoutMs));
  }
  if (isCluster(redis)) keepFinding(redis);
  return redis;
}

function withSentinel(redis: Connection): boolean {
  return !isCluster(redis) && redis.options.sentinels != null;
}

/** ioredis says neither which sentinels it asked, nor for what. */
function plainError(redis: Connection, error: Error): Error {
  const [found, reason = CLOSED] =
    /^All sentinels are unreachable\b.*?ms\.(?: Last error: (.*))?$/s.exec(error.message) ?? [];
  if (found === undefined || isCluster(redis)) return error;
  const { sentinels = [], name } = redis.options;
  const asked = sentinels.map(({ host, port }) => `${host}:${port}`).join(', ');
  const why = reason === CLOSED ? 'no connection' : reason;
  return new Error(`no sentinel named the master "${name}": ${why} (asked: ${asked})`, { cause: error });
}

/** Calls back each time that Redis, or one server of a Cluster, takes commands again. @returns what ends it */
export function onReady(redis: Connection, action: () => void): () => void {
  const watch = (server: Redis) => server.once('ready', action);
  const servers = () => (isCluster(redis) ? redis.nodes() : []);
  redis.on('ready', action);
  redis.on('+node', watch);
  servers().forEach(watch);
  return () => {
    redis.off('ready', action);
    redis.off('+node', watch);
    for (const server of servers()) server.off('ready', action);
  };
}

/** Calls back each time that all of Redis takes commands again: of a Cluster the last master that was away. */
export function onAllReady(redis: Connection, action: () => void): void {
  if (!isCluster(redis)) return void redis.on('ready', action);
  let isExpected = false;
  const look = (): void => {
    if (!isExpected || !hasAllSlots(redis) || !serversOf(redis).every(isWritable)) return;
    isExpected = false;
    action();
  };
  onReady(redis, () => {
    isExpected = true;
    look();
  });
  // Which slots a new master has is known later.
  redis.on('refresh', look);
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
  if (server === undefined) return undefined;
  if (isCluster(redis) && !isWritable(server)) await connectionTo(server);
  return isWritable(server) ? server : undefined;
}

/** By server of a Cluster, whose connection is made once: it comes about, or fails, or is not waited for any longer. */
const connecting = new WeakMap<Redis, Promise<void>>();

function connectionTo(server: Redis): Promise<void> {
  const begun = connecting.get(server);
  if (begun !== undefined) return begun;
  const settled = new Promise<void>((resolve) => server.once('ready', resolve).once('end', resolve));
  if (server.status === 'wait') server.connect().catch(() => {});
  // A frozen server accepts connections: later writes are refused at once.
  const awaited = atMost(SERVER_CONNECT_MS, settled);
  connecting.set(server, awaited as Promise<void>);
  return awaited as Promise<void>;
}

/** Why a connection is away, as a part of a sentence. */
export function whyAway(redis: Connection): string {
  const error = latestErrors.get(redis) as NodeJS.ErrnoException | undefined;
  // If a name has several addresses, Node's error has a code only.
  if (error !== undefined) return error.message || error.code || error.name;
  if (isCluster(redis) && redis.status === 'ready')
    return 'a server of the Cluster is away, or does not answer';
  return redis.status === 'connect'
    ? 'it is loading its data, or does not answer'
    : 'the connection was closed';
}

/** Says that Redis cannot be reached just now, and why. */
export function unavailable(redis: Connection, cause?: unknown): WaybillError {
  return new WaybillError('REDIS_UNAVAILABLE', `Redis cannot be reached: ${whyAway(redis)}`, { cause });
}

/** Errors of ioredis that are not Redis' answer: it has no class for them. */
const NOT_ANSWERED =
  /^(?:Connection is closed|Command timed out|None of startup nodes|Cluster is ended|Reached the max retries|Socket timeout|Stream isn't writeable|Too many Cluster redirections)/;

/** Whether an error says that there was no answer. */
export function isNotAnswered(error: unknown): boolean {
  return error instanceof Error && !isNotWritable(error) && NOT_ANSWERED.test(error.message);
}

/** What a command at a terminal says of an error if it is one of Redis or of the way there; else the error itself. */
export function toldOf(redis: Connection, error: unknown): unknown {
  if (error instanceof ReplyError || isNotWritable(error)) return refusedByRedis(error as Error);
  return isNotAnswered(error) ? unavailable(redis, error) : error;
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

/**
 * Resolves when the first connection has come about, or has failed, or is not waited for any longer; in a Cluster that
 * to any server.
 */
export async function firstConnection(redis: Connection, timeoutMs: number): Promise<void> {
  if (isConnected(redis)) return;
  let end = (): void => {};
  // A Redis that loads its data neither takes commands nor closes the connection.
  await atMost(
    timeoutMs,
    new Promise<void>((resolve) => {
      end = onReady(redis, () => {
        if (isConnected(redis)) resolve();
      });
      redis.once('close', resolve);
      // While no sentinel names the master, nothing is closed.
      if (!isCluster(redis)) redis.once('error', () => resolve());
    }),
  );
  end();
}

/** Asks Redis, or any server of a Cluster, for a sign of life. Rejects if there is none soon. */
export async function expectAnswer(redis: Connection): Promise<void> {
  const isOne = !isCluster(redis) && !withSentinel(redis);
  // What is asked before would wait until a server is found.
  if (!isOne) await firstConnection(redis, DEFAULT_ANSWER_TIMEOUT_MS);
  if (!isOne && !isConnected(redis)) throw new Error('none of its servers is there');
  const asked = serversOf(redis).map((server) => server.ping());
  await Promise.any(asked).catch(({ errors: [first] }: AggregateError) => Promise.reject(first));
}

/** Closes a connection without waiting for a server that may be gone. */
export function closeRedis(redis: Connection): void {
  if (isCluster(redis)) endRefreshes(redis);
  disconnectForGood(redis);
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
