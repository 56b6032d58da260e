import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { type NodeProcess, startNode } from '../support/node-process.ts';
import { identifyProcess } from '../support/process-identity.ts';

const USER = fileURLToPath(new URL('./user-process.mjs', import.meta.url));

/** What is written down about a server. */
interface Recorded {
  readonly pid: number;
  readonly socketPath: string;
}

/** A path for a data directory; when the test is over its server is ended and all of it removed. */
export function dataDirectory(name = 'data'): string {
  const parent = mkdtempSync(join(tmpdir(), 'waybill-redis-'));
  const dataDir = join(parent, name);
  onTestFinished(async () => {
    const server = recorded(dataDir);
    if (server && (await identifyProcess(server.pid))) {
      process.kill(server.pid, 'SIGKILL');
      await ended(server.pid);
    }
    rmSync(parent, { recursive: true, force: true });
  });
  return dataDir;
}

/** What is written down about the directory's server. */
export function recorded(dataDir: string): Recorded | undefined {
  try {
    const pid = Number(readFileSync(join(dataDir, 'redis', 'server.pid'), 'utf8'));
    return { pid, socketPath: join(dataDir, 'redis', 'redis.sock') };
  } catch {
    return undefined;
  }
}

/** Resolves when there is no such process any more; the test's own time limit bounds it. */
export async function ended(pid: number): Promise<void> {
  while ((await identifyProcess(pid)) !== undefined) await pause(5);
}

/** Asks a server one thing. */
export async function ask<T>(socketPath: string, question: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(socketPath, { maxRetriesPerRequest: 0, retryStrategy: () => null });
  redis.on('error', () => {});
  try {
    return await question(redis);
  } finally {
    redis.disconnect();
  }
}

/** A process that uses the directory's Redis; it has joined when this resolves. */
export async function startUser(
  dataDir: string,
): Promise<{ process: NodeProcess; serverPid: number; socketPath: string }> {
  const user = startNode([USER, dataDir]);
  const joined = await user.waitForLine((line) => line.joined === true);
  return { process: user, serverPid: Number(joined.pid), socketPath: String(joined.socketPath) };
}
