import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

/** A Redis of the test's own, on a unix socket. */
export interface RedisServer {
  /** A new connection. */
  connect(): Redis;
  /** Closes all connections. */
  disconnect(): void;
  /** Closes all connections and ends the server. */
  stop(): Promise<void>;
}

/** Starts one in a temporary directory, without persistence. */
export async function startRedisServer(): Promise<RedisServer> {
  const directory = await mkdtemp(join(tmpdir(), 'waybill-auth-'));
  const path = join(directory, 'redis.sock');
  const options = [
    '--port',
    '0',
    '--unixsocket',
    path,
    '--dir',
    directory,
    '--save',
    '',
    '--appendonly',
    'no',
  ];
  const child = spawn('redis-server', options, { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise<void>((resolve, reject) => {
    child.once('exit', () => reject(new Error('redis-server ended before it was ready')));
    child.stdout.on('data', (chunk: Buffer) => {
      if (/ready to accept connections/i.test(chunk.toString())) resolve();
    });
  });
  const connections: Redis[] = [];
  const disconnect = () => {
    for (const redis of connections.splice(0)) redis.disconnect();
  };
  return {
    connect() {
      const redis = new Redis({ path });
      connections.push(redis);
      return redis;
    },
    disconnect,
    async stop() {
      disconnect();
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
