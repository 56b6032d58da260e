import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { closeRedis, openRedis } from '../../src/queue/connections.ts';

/** The one Redis of a run, for all contenders. */
export interface PrivateRedis {
  readonly socketPath: string;
  /** A directory for the run's own files; gone after `close`. */
  readonly directory: string;
  readonly version: string;
  readonly connection: Redis;
  /** Empties it, its append-only file too, so that every turn begins alike. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

const LOOK_AGAIN_MS = 5;
const START_TIMEOUT_MS = 10_000;

/** Starts a redis-server with an append-only file, synced every second, on a unix socket. */
export async function startPrivateRedis(): Promise<PrivateRedis> {
  const directory = await mkdtemp(join(tmpdir(), 'waybill-bench-'));
  const socketPath = join(directory, 'redis.sock');
  const settings = {
    port: '0',
    unixsocket: socketPath,
    dir: directory,
    logfile: join(directory, 'redis.log'),
    save: '',
    appendonly: 'yes',
    appendfsync: 'everysec',
    'maxmemory-policy': 'noeviction',
    // `reset` rewrites it between turns: a rewrite in the middle of one would be noise.
    'auto-aof-rewrite-percentage': '0',
  };
  const words = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  // Detached: a terminal's Ctrl-C is for the benchmark, which then stops the server itself.
  const server = spawn('redis-server', words, { stdio: 'ignore', detached: true });
  const gone = once(server, 'exit');
  // A benchmark that is interrupted leaves none behind.
  const endAtOnce = (): void => {
    server.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  };
  process.once('exit', endAtOnce);
  const connection = openRedis({ socketPath }, 'worker', () => {});
  const close = async (): Promise<void> => {
    closeRedis(connection);
    process.off('exit', endAtOnce);
    if (server.pid !== undefined) {
      server.kill('SIGKILL');
      await gone;
    }
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const version = await Promise.race([readVersion(connection), failure(gone)]);
    return { socketPath, directory, version, connection, reset: () => reset(connection), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function readVersion(connection: Redis): Promise<string> {
  return /redis_version:(\S+)/.exec(await connection.info('server'))?.[1] ?? '?';
}

/** Rejects when the server cannot be started, ends, or does not answer in time. */
async function failure(gone: Promise<unknown>): Promise<never> {
  await Promise.race([gone, pause(START_TIMEOUT_MS, undefined, { ref: false })]);
  throw new Error('the redis-server of the benchmark did not start');
}

async function reset(connection: Redis): Promise<void> {
  await connection.flushall('SYNC');
  await connection.bgrewriteaof();
  while (/aof_rewrite_(?:in_progress|scheduled):1/.test(await connection.info('persistence'))) {
    await pause(LOOK_AGAIN_MS);
  }
}
