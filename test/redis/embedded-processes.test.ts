import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { findEmbeddedRedis, startEmbeddedRedis } from '../../src/redis/embedded.ts';
import { identifyProcess } from '../support/process-identity.ts';
import { ask, dataDirectory, ended, startUser } from './data-dirs.ts';

test('starters at the same time get one server', async () => {
  const dataDir = dataDirectory();
  const [own, first, second] = await Promise.all([
    startEmbeddedRedis({ dataDir }),
    startUser(dataDir),
    startUser(dataDir),
  ]);

  expect([first.serverPid, second.serverPid]).toEqual([own.pid, own.pid]);
  first.process.input('');
  second.process.input('');
  expect(await first.process.exit).toEqual({ code: 0, signal: null });
  expect(await second.process.exit).toEqual({ code: 0, signal: null });
  expect(await ask(own.socketPath, (redis) => redis.ping())).toBe('PONG');
  await own.release();
  expect(await identifyProcess(own.pid)).toBeUndefined();
});

test('the last process to go stops the server', async () => {
  const user = await startUser(dataDirectory());
  user.process.input('');
  await user.process.exit;
  expect(await identifyProcess(user.serverPid)).toBeUndefined();
});

test('the server outlives a starter that is killed, is taken over and stopped by the next', async () => {
  const dataDir = dataDirectory();
  const starter = await startUser(dataDir);
  await ask(starter.socketPath, (redis) => redis.set('kept', 'yes'));
  starter.process.signal('SIGKILL');
  await starter.process.exit;

  expect(await ask(starter.socketPath, (redis) => redis.get('kept'))).toBe('yes');
  const found = await findEmbeddedRedis({ dataDir });
  expect(found?.pid).toBe(starter.serverPid);
  await found?.release();
  expect(await identifyProcess(starter.serverPid)).toBeUndefined();
});

test('a starter killed at any moment of the start leaves a directory that starts', async () => {
  const dataDir = dataDirectory();
  const script = fileURLToPath(new URL('./user-process.mjs', import.meta.url));
  for (const afterMs of [120, 160, 200, 240, 280]) {
    const starter = spawn(process.execPath, [script, dataDir], { stdio: 'ignore' });
    // The moment differs by machine; whichever it hits must be harmless.
    setTimeout(() => starter.kill('SIGKILL'), afterMs);
    await once(starter, 'exit');
    const redis = await startEmbeddedRedis({ dataDir });
    expect(await ask(redis.socketPath, (connection) => connection.incr('starts'))).toBeGreaterThan(0);
    await redis.release();
  }
  const redis = await startEmbeddedRedis({ dataDir });
  expect(await ask(redis.socketPath, (connection) => connection.get('starts'))).toBe('5');
  await redis.release();
});

test('a Ctrl-C on the terminal of the starter does not reach the server', async () => {
  const dataDir = dataDirectory();
  const script = fileURLToPath(new URL('./user-process.mjs', import.meta.url));
  const starter = spawn(process.execPath, [script, dataDir], {
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(starter.stdout, 'data');
  // A terminal sends its SIGINT to the whole group of processes in the foreground.
  process.kill(-(starter.pid ?? 0), 'SIGINT');
  await once(starter, 'exit');

  const found = await findEmbeddedRedis({ dataDir });
  expect(found).toBeDefined();
  const pid = found?.pid ?? 0;
  await found?.release();
  await ended(pid);
});
