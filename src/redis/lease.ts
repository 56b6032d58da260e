import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { WaybillError } from '../core/waybill-error.ts';

/**
 * A lease is a connection with a name of its own, held for as long as its process uses the server. The
 * operating system closes it when the process dies, however that happens, so the server's list of
 * connections always tells who uses it.
 */
const LEASE_NAME = 'waybill-embedded-lease';
const LOADING_POLL_MS = 50;

/** Who answered. */
export interface ServerFacts {
  readonly pid: number;
  readonly directory: string;
  readonly version: string;
}

/** How far a server has come in reading its append-only file. */
export interface LoadingProgress {
  readonly loadedBytes: number;
  readonly totalBytes: number;
}

/** A connection that counts as a user of the server. */
export interface Lease {
  readonly server: ServerFacts;
  readonly socketPath: string;
  /** Calls back once, when the connection has ended. */
  onClosed(listener: () => void): void;
  isClosed(): boolean;
  /** undefined: the server is ready; throws when the connection ends. */
  loading(): Promise<LoadingProgress | undefined>;
  /** How many leases there are, this one included. */
  count(): Promise<number>;
  /** Asks the server to end; its refusal as text, undefined: it ends. */
  shutdown(): Promise<string | undefined>;
  close(): void;
}

/**
 * Connects to a server; undefined if none listens. This, and all that is asked through the lease, throws
 * a WaybillError `REDIS_NOT_ANSWERING` if the server stays silent for `answerTimeoutMs`.
 */
export async function takeLease(socketPath: string, answerTimeoutMs: number): Promise<Lease | undefined> {
  const redis = new Redis({
    path: socketPath,
    lazyConnect: true,
    retryStrategy: () => null,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    commandTimeout: answerTimeoutMs,
    connectTimeout: answerTimeoutMs,
    disableClientInfo: true,
    connectionName: LEASE_NAME,
    protocol: 2,
  });
  let reason: NodeJS.ErrnoException | undefined;
  redis.on('error', (error: NodeJS.ErrnoException) => {
    reason = error;
  });
  try {
    await redis.connect();
    return leaseOver(redis, socketPath, await askWho(redis));
  } catch (error) {
    close(redis);
    const cause = (reason ?? error) as NodeJS.ErrnoException;
    if (meansNobodyThere(cause)) return undefined;
    throw notAnswering(socketPath, cause);
  }
}

/** ioredis would hold the process for two seconds more over a connection that has ended already. */
function close(redis: Redis): void {
  if (redis.status !== 'end') redis.disconnect();
}

function notAnswering(socketPath: string, cause: Error): WaybillError {
  const sentence = `the embedded Redis at ${socketPath} does not answer: ${cause.message}`;
  return new WaybillError('REDIS_NOT_ANSWERING', sentence, { cause });
}

/** No socket, a socket without a listener, or a server that is just ending. */
function meansNobodyThere(error: NodeJS.ErrnoException): boolean {
  const codes = ['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOTDIR'];
  return codes.includes(error.code ?? '') || error.message === 'Connection is closed.';
}

async function askWho(redis: Redis): Promise<ServerFacts> {
  const info = await redis.info('server');
  return {
    pid: Number(infoField(info, 'process_id')),
    version: infoField(info, 'redis_version') ?? '0',
    directory: ((await redis.config('GET', 'dir')) as string[])[1] ?? '',
  };
}

function infoField(info: string, name: string): string | undefined {
  const line = info.split('\r\n').find((text) => text.startsWith(`${name}:`));
  return line?.slice(name.length + 1);
}

function leaseOver(redis: Redis, socketPath: string, server: ServerFacts): Lease {
  const ask = <T>(question: Promise<T>): Promise<T> =>
    question.catch((cause: Error) => Promise.reject(notAnswering(socketPath, cause)));
  return {
    server,
    socketPath,
    onClosed: (listener) => void redis.once('end', listener),
    isClosed: () => redis.status === 'end',
    loading: async () => {
      const info = await ask(redis.info('persistence'));
      if (infoField(info, 'loading') !== '1') return undefined;
      return {
        loadedBytes: Number(infoField(info, 'loading_loaded_bytes') ?? 0),
        totalBytes: Number(infoField(info, 'loading_total_bytes') ?? 0),
      };
    },
    count: async () => {
      const clients = String(await ask(redis.client('LIST')));
      return clients.split('\n').filter((line) => line.includes(` name=${LEASE_NAME} `)).length;
    },
    shutdown: () =>
      redis.shutdown().then(
        () => undefined,
        (error: Error) => (error.name === 'ReplyError' ? error.message : undefined),
      ),
    close: () => close(redis),
  };
}

/**
 * Waits until the server has read its append-only file. Goes on for as long as it makes progress; throws a
 * WaybillError `REDIS_LOADING` after `stallTimeoutMs` without any, and what the lease throws.
 */
export async function waitUntilLoaded(
  lease: Lease,
  stallTimeoutMs: number,
  onLoading: (progress: LoadingProgress) => void,
): Promise<void> {
  let loadedBytes = -1;
  let progressAt = performance.now();
  for (;;) {
    const progress = await lease.loading();
    if (!progress) return;
    if (progress.loadedBytes > loadedBytes) {
      loadedBytes = progress.loadedBytes;
      progressAt = performance.now();
      onLoading(progress);
    } else if (performance.now() - progressAt > stallTimeoutMs) {
      const where = `${progress.loadedBytes} of ${progress.totalBytes} bytes`;
      throw new WaybillError('REDIS_LOADING', `the embedded Redis stands still at ${where} of its file`);
    }
    await pause(LOADING_POLL_MS);
  }
}
