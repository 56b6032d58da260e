import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { lockFile } from '../../src/redis/file-lock.ts';
import { startNode } from '../support/node-process.ts';

const HOLDER = fileURLToPath(new URL('./lock-holder.mjs', import.meta.url));

function lockPath(): string {
  const directory = mkdtempSync(join(tmpdir(), 'waybill-lock-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, 'lock');
}

/** Twenty that take the lock at once; the most that held it together. */
async function mostTogether(path: string): Promise<number> {
  let holding = 0;
  let most = 0;
  const takers = Array.from({ length: 20 }, async () => {
    const lock = await lockFile(path, 10_000);
    holding += 1;
    most = Math.max(most, holding);
    await new Promise(setImmediate);
    holding -= 1;
    await lock?.close();
  });
  await Promise.all(takers);
  return most;
}

test('one holds it at a time, whatever stands in the file', async () => {
  const path = lockPath();
  expect(await mostTogether(path)).toBe(1);
  writeFileSync(path, JSON.stringify({ pid: process.pid }));
  expect(await mostTogether(path)).toBe(1);
});

test('a living holder is waited for, but not for ever', async () => {
  const path = lockPath();
  const lock = await lockFile(path, 0);
  expect(lock).toBeDefined();
  expect(await lockFile(path, 0)).toBeUndefined();
  expect(await lockFile(path, 50)).toBeUndefined();
  await lock?.close();
  const next = await lockFile(path, 0);
  expect(next).toBeDefined();
  await next?.close();
});

test('the lock of a process that was killed is free at once', async () => {
  const path = lockPath();
  const holder = startNode([HOLDER, path]);
  await holder.waitForLine((line) => line.locked === true);
  expect(await lockFile(path, 0)).toBeUndefined();
  holder.signal('SIGKILL');
  await holder.exit;
  expect(await mostTogether(path)).toBe(1);
});

test('a child that inherited the lock holds it until its own end', async () => {
  const path = lockPath();
  const lock = await lockFile(path, 0);
  const child = spawn('sleep', ['60'], { stdio: ['ignore', 'ignore', 'ignore', lock?.fd] });
  await once(child, 'spawn');
  await lock?.close();
  expect(await lockFile(path, 0)).toBeUndefined();
  child.kill('SIGKILL');
  const freed = await lockFile(path, 10_000);
  expect(freed).toBeDefined();
  await freed?.close();
});

test('a machine without a command that locks is told so', async () => {
  vi.stubEnv('PATH', '/nowhere');
  onTestFinished(() => void vi.unstubAllEnvs());
  await expect(lockFile(lockPath(), 0)).rejects.toMatchObject({
    code: 'REDIS_NOT_INSTALLED',
    message: expect.stringMatching(/^(?:flock|perl) cannot be run/),
  });
});
