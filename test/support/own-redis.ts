import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';

/** A Redis of a test's own, to be frozen, killed and filled. */
export interface OwnRedis {
  readonly socketPath: string;
  readonly pid: number;
  /** A connection that is closed when the test is over. */
  connect(options?: { readonly maxRetriesPerRequest?: null }): Redis;
  /** Stops its process where it stands: it accepts connections and answers nothing. */
  freeze(): void;
  thaw(): void;
  kill(): Promise<void>;
  /**
   * Starts it again on the same socket: empty, or with what stands in its append-only file where it was started
   * with one. `changes` to its settings stay. `loading`: resolves while it still reads its file.
   */
  start(changes?: Settings, until?: 'ready' | 'loading'): Promise<void>;
}

/** Settings of `redis.conf` by their names. */
export type Settings = Readonly<Record<string, string>>;

/** For a Redis that keeps what it has acknowledged when it is killed. */
export const APPEND_ONLY: Settings = { appendonly: 'yes', appendfsync: 'always' };

const SAYS = { ready: /ready to accept connections/i, loading: /server initialized/i };

/** Starts one, with these settings besides the plain ones; it is gone when the test is over. */
export async function startOwnRedis(settings: Settings = {}): Promise<OwnRedis> {
  const directory = await mkdtemp(join(tmpdir(), 'waybill-test-'));
  const socketPath = join(directory, 'redis.sock');
  const connections: Redis[] = [];
  let child: ChildProcess | undefined;
  let all: Settings = { port: '0', unixsocket: socketPath, dir: directory, save: '', ...settings };
  const start = async (changes: Settings = {}, until: keyof typeof SAYS = 'ready'): Promise<void> => {
    all = { ...all, ...changes };
    child = await spawnRedis(all, SAYS[until]);
  };
  const kill = async (): Promise<void> => {
    if (child === undefined) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    child = undefined;
  };
  onTestFinished(async () => {
    for (const redis of connections) redis.disconnect();
    await kill();
    await rm(directory, { recursive: true, force: true });
  });
  await start();
  return {
    socketPath,
    get pid() {
      return child?.pid ?? 0;
    },
    connect(options = {}) {
      const redis = new Redis(socketPath, { maxRetriesPerRequest: 0, ...options });
      redis.on('error', () => {});
      connections.push(redis);
      return redis;
    },
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    kill,
    start,
  };
}

function spawnRedis(settings: Settings, says: RegExp): Promise<ChildProcess> {
  const words = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  return spawnServer('redis-server', words, says);
}

/** Starts a program of Redis; resolves once it has said this on stdout. */
export async function spawnServer(
  program: 'redis-server' | 'redis-sentinel',
  words: readonly string[],
  says: RegExp,
): Promise<ChildProcess> {
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`${program} ended before it was ready`)));
    child.stdout.on('data', (chunk: Buffer) => {
      if (says.test(chunk.toString())) resolve();
    });
  });
  return child;
}

/** A port of 127.0.0.1 that is free now, for a server that takes no 0. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
