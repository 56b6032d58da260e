import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { takeLock } from '../../src/redis/directory-lock.ts';

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
    const unlock = await takeLock(path, 10_000);
    holding += 1;
    most = Math.max(most, holding);
    await new Promise(setImmediate);
    holding -= 1;
    await unlock();
  });
  await Promise.all(takers);
  return most;
}

test('one holds it at a time, and nothing is left behind', async () => {
  const path = lockPath();
  expect(await mostTogether(path)).toBe(1);
  expect(readdirSync(join(path, '..'))).toEqual([]);
});

test.each([
  ['a process that is gone', { pid: 2 ** 22 + 1, started: '1' }],
  ['an earlier process of a number that is in use', { pid: process.pid, started: 'long ago' }],
])('the lock of %s is broken, by one at a time', async (_whose, dead) => {
  const path = lockPath();
  writeFileSync(path, JSON.stringify({ ...dead, holding: 'dead-holding' }));
  expect(await mostTogether(path)).toBe(1);
  expect(readdirSync(join(path, '..'))).toEqual([]);
});

test('a breaker that died at its work is broken too', async () => {
  const path = lockPath();
  const dead = { pid: 2 ** 22 + 1, started: '1' };
  writeFileSync(path, JSON.stringify({ ...dead, holding: 'first' }));
  writeFileSync(`${path}.first`, JSON.stringify({ ...dead, holding: 'second' }));
  expect(await mostTogether(path)).toBe(1);
});

test('a living holder is waited for, but not for ever', async () => {
  const path = lockPath();
  const unlock = await takeLock(path, 1_000);
  await expect(takeLock(path, 50)).rejects.toMatchObject({
    code: 'REDIS_BUSY',
    message: expect.stringContaining(`held by process ${process.pid}`),
  });
  await unlock();
});

test('a file that is no lock is not removed', async () => {
  const path = lockPath();
  writeFileSync(path, 'notes');
  await expect(takeLock(path, 50)).rejects.toMatchObject({ code: 'REDIS_BUSY' });
});
