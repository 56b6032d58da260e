import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { RedisConfig } from '../../src/config/redis-config.ts';
import type { Connection } from '../../src/queue/servers.ts';

/** A Redis that keeps what it has acknowledged, whatever happens to its process. */
export interface DurableRedis {
  /** The section `redis` of a configuration. */
  readonly section: Pick<RedisConfig, 'url' | 'sentinels' | 'name' | 'cluster' | 'acknowledgedBy'>;
  /** Whether what workers have written down last may be undone, where another server takes over. */
  readonly mayLoseSettlements: boolean;
  /** Ends its process on the spot; of several, that of the server that has the client's keys. So do those below. */
  kill(): Promise<void>;
  /** Starts it again on its file; resolves when its data is loaded. */
  start(): Promise<void>;
  freeze(): Promise<void>;
  thaw(): void;
  /** Ends all connections but the one that asks for it. */
  killConnections(): Promise<void>;
  /** A connection for a look at what is stored; whoever asks closes it. */
  connect(): Connection;
  /** The name of a client whose server no fault hits; absent: there is one server for all. */
  readonly bystander?: string;
  /** Hands the client's keys to another server; absent: there is none. */
  moveSlot?(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts a redis-server as the embedded one is set: every write is in the append-only file before its answer.
 * It listens on a unix socket in the directory.
 */
export async function startDurableRedis(directory: string): Promise<DurableRedis> {
  const socketPath = join(directory, 'redis.sock');
  const log = join(directory, 'redis.log');
  const settings = {
    port: '0',
    unixsocket: socketPath,
    dir: directory,
    save: '',
    appendonly: 'yes',
    appendfsync: 'always',
    'maxmemory-policy': 'noeviction',
  };
  const words = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  let child: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    child = await spawnServer(words, (text) => appendFileSync(log, text));
  };
  const connect = (): Redis => {
    const redis = new Redis(socketPath, { maxRetriesPerRequest: 0 });
    redis.on('error', () => {}); // commands reject by themselves
    return redis;
  };
  const kill = async (): Promise<void> => {
    if (child === undefined) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    child = undefined;
  };
  await start();
  return {
    section: { url: socketPath },
    mayLoseSettlements: false,
    start,
    connect,
    kill,
    close: kill,
    freeze: async () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    async killConnections() {
      const redis = connect();
      try {
        await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      } finally {
        redis.disconnect();
      }
    },
  };
}

async function spawnServer(words: readonly string[], log: (text: string) => void): Promise<ChildProcess> {
  const child = spawn('redis-server', words, { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error('redis-server ended before it was ready')));
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      log(text);
      if (/ready to accept connections/i.test(text)) resolve();
    });
  });
  return child;
}
