import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { WaybillError } from '../core/waybill-error.ts';
import type { DataDirectory } from './data-directory.ts';
import { infoField } from './settings.ts';

/**
 * The name of a lease's connection. The operating system closes it when its process dies, however that happens, so
 * the server's list of connections always tells who uses it.
 */
const LEASE_NAME = 'waybill-embedded-lease';
const LOADING_POLL_MS = 50;

/** How far a server has come in reading its append-only file. */
export interface LoadingProgress {
  readonly loadedBytes: number;
  readonly totalBytes: number;
}

/**
 * A connection that counts as a user of the server. What is asked through it throws a WaybillError
 * `REDIS_NOT_ANSWERING` if the server stays silent, or if the connection ends.
 */
export class Lease {
  readonly directory: DataDirectory;
  /** Who answered. */
  readonly server: Awaited<ReturnType<typeof askWho>>;
  readonly #redis: Redis;

  private constructor(redis: Redis, directory: DataDirectory, server: Lease['server']) {
    this.#redis = redis;
    this.directory = directory;
    this.server = server;
  }

  /**
   * Connects to a server; undefined if none listens.
   *
   * @param answerTimeoutMs how long the server may stay silent, now and later
   */
  static async take(directory: DataDirectory, answerTimeoutMs: number): Promise<Lease | undefined> {
    const redis = new Redis({
      path: directory.socketPath,
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
    let reason: Error | undefined;
    redis.on('error', (error) => {
      reason = error;
    });
    try {
      await redis.connect();
      return new Lease(redis, directory, await askWho(redis));
    } catch (error) {
      disconnect(redis);
      const cause = reason ?? (error as Error);
      if (meansNobodyThere(cause)) return undefined;
      throw notAnswering(directory, cause);
    }
  }

  get isClosed(): boolean {
    return this.#redis.status === 'end';
  }

  /** Calls back once, when the connection has ended. */
  onClosed(listener: () => void): void {
    this.#redis.once('end', listener);
  }

  /** undefined: the server is ready. */
  async loading(): Promise<LoadingProgress | undefined> {
    const info = await this.#ask(this.#redis.info('persistence'));
    if (infoField(info, 'loading') !== '1') return undefined;
    return {
      loadedBytes: Number(infoField(info, 'loading_loaded_bytes') ?? 0),
      totalBytes: Number(infoField(info, 'loading_total_bytes') ?? 0),
    };
  }

  /**
   * Waits until the server has read its append-only file. Goes on for as long as it makes progress; throws a
   * WaybillError `REDIS_LOADING` after `stallTimeoutMs` without any.
   */
  async untilLoaded(stallTimeoutMs: number, onLoading: (progress: LoadingProgress) => void): Promise<void> {
    let latest = -1;
    let progressAt = performance.now();
    for (;;) {
      const progress = await this.loading();
      if (!progress) return;
      const { loadedBytes, totalBytes } = progress;
      if (loadedBytes > latest) {
        latest = loadedBytes;
        progressAt = performance.now();
        onLoading(progress);
      } else if (performance.now() - progressAt > stallTimeoutMs) {
        const where = `${loadedBytes} of ${totalBytes} bytes`;
        throw new WaybillError('REDIS_LOADING', `the embedded Redis stands still at ${where} of its file`);
      }
      await pause(LOADING_POLL_MS);
    }
  }

  /** How many leases there are, this one included. */
  async count(): Promise<number> {
    const clients = String(await this.#ask(this.#redis.client('LIST')));
    return clients.split('\n').filter((line) => line.includes(` name=${LEASE_NAME} `)).length;
  }

  /** Counts no longer, from the server's answer on: it would notice the end of the connection only later. */
  async giveBack(): Promise<void> {
    await this.#ask(this.#redis.client('SETNAME', ''));
  }

  /** Asks the server to end; why it does not; undefined: it has ended. */
  async shutdown(): Promise<string | undefined> {
    try {
      await this.#redis.shutdown();
    } catch (error) {
      if (!this.isClosed) return (error as Error).message;
    }
    return undefined;
  }

  close(): void {
    disconnect(this.#redis);
  }

  #ask<Answer>(question: Promise<Answer>): Promise<Answer> {
    return question.catch((cause: Error) => Promise.reject(notAnswering(this.directory, cause)));
  }
}

/** ioredis would hold the process for two seconds more over a connection that has ended already. */
function disconnect(redis: Redis): void {
  if (redis.status !== 'end') redis.disconnect();
}

function notAnswering({ socketPath }: DataDirectory, cause: Error): WaybillError {
  const sentence = `the embedded Redis at ${socketPath} does not answer: ${cause.message}`;
  return new WaybillError('REDIS_NOT_ANSWERING', sentence, { cause });
}

/** No socket, a socket without a listener, or a server that is just ending. */
function meansNobodyThere(error: NodeJS.ErrnoException): boolean {
  const codes = ['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOTDIR'];
  return codes.includes(error.code ?? '') || error.message === 'Connection is closed.';
}

async function askWho(redis: Redis) {
  const info = await redis.info('server');
  return {
    pid: Number(infoField(info, 'process_id')),
    version: infoField(info, 'redis_version') ?? '0',
    /** An absolute path; empty: the directory was removed. */
    workingDirectory: ((await redis.config('GET', 'dir')) as string[])[1] ?? '',
  };
}
