import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis, type RedisOptions } from 'ioredis';
import { onTestFinished } from 'vitest';
import { freePort } from './foreign-server.ts';

/** A server of a test's own that listens on a port of 127.0.0.1: redis-server or redis-sentinel. */
export interface RedisProgram {
  readonly port: number;
  /** What it has written so far, stdout and stderr. */
  readonly output: string;
  /** A connection that is closed when the test is over. */
  connect(options?: Omit<RedisOptions, 'replyMapping'>): Redis;
  /** Waits for its output to match. Rejects if it ends before. */
  says(pattern: RegExp): Promise<void>;
  /** Ends it at once. Resolves when it has ended. */
  kill(): Promise<void>;
}

/** `+monitor` is the first that a sentinel says once it looks at its master. */
const READY = /ready to accept connections|\+monitor/i;
const LOOK_AGAIN_MS = 20;

/** How the program runs. */
interface Place {
  /** Left out: a free one. */
  readonly port?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs one of Redis' programs until it is ready; it is gone when the test is over.
 *
 * @param wordsOf its name and its words, which have it listen on this port of 127.0.0.1
 */
export async function startRedisProgram(
  wordsOf: (port: number) => readonly string[],
  { port: given, env = {} }: Place = {},
): Promise<RedisProgram> {
  const port = given ?? (await freePort());
  const [command = '', ...words] = wordsOf(port);
  const child = spawn(command, words, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close');
  const connections: Redis[] = [];
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const kill = async (): Promise<void> => {
    if (!isOver()) child.kill('SIGKILL');
    await ended;
  };
  onTestFinished(async () => {
    for (const redis of connections) redis.disconnect();
    await kill();
  });
  const says = async (pattern: RegExp): Promise<void> => {
    while (!pattern.test(output)) {
      if (isOver()) throw new Error(`${command} ended: ${output}`);
      await pause(LOOK_AGAIN_MS);
    }
  };
  await says(READY);
  return {
    port,
    get output() {
      return output;
    },
    connect(options = {}) {
      const redis = new Redis({ port, host: '127.0.0.1', maxRetriesPerRequest: 0, ...options });
      redis.on('error', () => {});
      connections.push(redis);
      return redis;
    },
    says,
    kill,
  };
}
