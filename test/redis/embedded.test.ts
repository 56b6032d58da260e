import { existsSync, readdirSync, readFileSync, rmSync, statSync, unlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { EmbeddedRedisEvent } from '../../src/redis/attach.ts';
import { findEmbeddedRedis, startEmbeddedRedis } from '../../src/redis/embedded.ts';
import { judgeRedisSettings, readRedisSettings } from '../../src/redis/settings.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { identifyProcess } from '../support/process-identity.ts';
import { ask, dataDirectory, ended, recorded } from './data-dirs.ts';

failOnLeaks();

function resolvable<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

test('the server keeps every write, evicts nothing and has no TCP port', async () => {
  const redis = await startEmbeddedRedis({ dataDir: dataDirectory() });
  const names = 'port appendonly appendfsync save maxmemory-policy hash-max-listpack-value'.split(' ');
  const answer = await ask(redis.socketPath, (connection) => connection.config('GET', ...names));
  const words = answer as string[];
  const settings = names.map((name) => [name, words[words.indexOf(name) + 1]]);

  expect(Object.fromEntries(settings)).toEqual({
    port: '0',
    appendonly: 'yes',
    appendfsync: 'always',
    save: '',
    'maxmemory-policy': 'noeviction',
    'hash-max-listpack-value': '4096',
  });
  const findings = await ask(redis.socketPath, async (connection) =>
    judgeRedisSettings(await readRedisSettings(connection)),
  );
  expect(findings).toEqual([]);
  await redis.release();
});

/** Everything below a directory, with its mode. */
function modesBelow(path: string): Map<string, string> {
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' });
  return new Map(names.map((name) => [name, mode(join(path, name))]));
}

test('only the owner may enter the directory and read what is in it, with umask 000 too', async () => {
  const dataDir = dataDirectory();
  const umask = process.umask(0);
  onTestFinished(() => void process.umask(umask));
  const redis = await startEmbeddedRedis({ dataDir });
  await ask(redis.socketPath, (connection) => connection.set('kept', 'yes'));

  expect(mode(dataDir)).toBe('700');
  const modes = modesBelow(dataDir);
  expect([...modes.keys()]).toEqual(
    expect.arrayContaining(['redis/redis.log', 'redis/server.pid', 'redis/redis.sock', 'redis/server.lock']),
  );
  for (const [path, found] of modes) {
    const wanted = statSync(join(dataDir, path)).isFile() ? '600' : '700';
    expect(`${path} ${found}`).toBe(`${path} ${wanted}`);
  }
  await redis.release();
});

test.skipIf(process.platform !== 'linux')(
  'the process of the server shows no secret of its starter: it is given the search path only',
  async () => {
    vi.stubEnv('ACME_CLIENT_SECRET', 'marked-secret');
    onTestFinished(() => void vi.unstubAllEnvs());
    const redis = await startEmbeddedRedis({ dataDir: dataDirectory() });
    const read = (name: string) => readFileSync(`/proc/${redis.pid}/${name}`, 'utf8').split('\0');
    expect(read('cmdline')[0]).toMatch(/^redis-server /);
    expect(read('environ').filter((text) => !/^(?:PATH|PWD|_|SHLVL|OLDPWD)?(?:=|$)/.test(text))).toEqual([]);
    expect([...read('cmdline'), ...read('environ')].join()).not.toContain('marked-secret');
    await redis.release();
  },
);

test('a second user joins the same server, and the last one to go stops it', async () => {
  const dataDir = dataDirectory();
  const first = await startEmbeddedRedis({ dataDir });
  const second = await startEmbeddedRedis({ dataDir });
  const third = await findEmbeddedRedis({ dataDir });
  const { pid } = first;

  expect([second.pid, third?.pid]).toEqual([pid, pid]);
  await first.release();
  await first.release();
  await third?.release();
  expect(await ask(second.socketPath, (redis) => redis.ping())).toBe('PONG');
  await second.release();
  expect(await identifyProcess(pid)).toBeUndefined();
  expect(existsSync(second.socketPath)).toBe(false);
});

test('users that go at the same time leave no server behind', async () => {
  const dataDir = dataDirectory();
  for (let round = 0; round < 5; round += 1) {
    const first = await startEmbeddedRedis({ dataDir });
    const others = await Promise.all(Array.from({ length: 7 }, () => startEmbeddedRedis({ dataDir })));
    await Promise.all([first, ...others].map((user) => user.release()));
    expect(await identifyProcess(first.pid)).toBeUndefined();
  }
});

test('what was written is there after a stop and a start', async () => {
  const dataDir = dataDirectory();
  const before = await startEmbeddedRedis({ dataDir });
  await ask(before.socketPath, (redis) => redis.set('kept', 'yes'));
  await before.release();

  const after = await startEmbeddedRedis({ dataDir });
  expect(after.pid).not.toBe(before.pid);
  expect(await ask(after.socketPath, (redis) => redis.get('kept'))).toBe('yes');
  await after.release();
});

test('finding starts nothing and makes nothing', async () => {
  const dataDir = dataDirectory();
  expect(await findEmbeddedRedis({ dataDir })).toBeUndefined();
  expect(existsSync(dataDir)).toBe(false);

  await (await startEmbeddedRedis({ dataDir })).release();
  expect(await findEmbeddedRedis({ dataDir })).toBeUndefined();
});

test.each([
  ['longer than a socket path may be', 'd'.repeat(120)],
  ['with spaces, quotes and other letters', `it's "a" dïr $HOME`],
])('a directory name %s', async (_what, name) => {
  const dataDir = dataDirectory(name);
  const redis = await startEmbeddedRedis({ dataDir });
  const found = await findEmbeddedRedis({ dataDir });

  onTestFinished(() => rmSync(dirname(redis.socketPath), { recursive: true, force: true }));
  expect(Buffer.byteLength(redis.socketPath)).toBeLessThanOrEqual(100);
  expect(found?.pid).toBe(redis.pid);
  expect(mode(join(redis.socketPath, '..'))).toBe('700');
  await found?.release();
  await redis.release();
});

test('a server that was killed is started again, with all that was acknowledged', async () => {
  const dataDir = dataDirectory();
  const events: EmbeddedRedisEvent[] = [];
  const regained = resolvable<number>();
  const redis = await startEmbeddedRedis({
    dataDir,
    onEvent: (event) => {
      events.push(event);
      if (event.kind === 'regained') regained.resolve(event.pid);
    },
  });
  const killed = redis.pid;
  await ask(redis.socketPath, (connection) => connection.set('kept', 'yes'));
  process.kill(killed, 'SIGKILL');

  expect(await regained.promise).not.toBe(killed);
  expect(redis.pid).toBe(await regained.promise);
  expect(events[0]).toEqual({ kind: 'lost' });
  expect(await ask(redis.socketPath, (connection) => connection.get('kept'))).toBe('yes');
  await redis.release();
});

test('a server whose socket was removed makes way for a new one on the same data', async () => {
  const dataDir = dataDirectory();
  const regained = resolvable<number>();
  const first = await startEmbeddedRedis({
    dataDir,
    onEvent: (event) => event.kind === 'regained' && regained.resolve(event.pid),
  });
  const unreachable = first.pid;
  await ask(first.socketPath, (redis) => redis.set('kept', 'yes'));
  unlinkSync(first.socketPath);

  const second = await startEmbeddedRedis({ dataDir });
  expect(await identifyProcess(unreachable)).toBeUndefined();
  expect(await regained.promise).toBe(second.pid);
  expect(await ask(second.socketPath, (redis) => redis.get('kept'))).toBe('yes');
  await first.release();
  await second.release();
  await ended(second.pid);
});

test('a user that comes while the last one goes gets a server that stays', async () => {
  const dataDir = dataDirectory();
  let current = await startEmbeddedRedis({ dataDir });
  for (let round = 0; round < 5; round += 1) {
    const [next] = await Promise.all([startEmbeddedRedis({ dataDir }), current.release()]);
    expect(await ask(next.socketPath, (redis) => redis.ping())).toBe('PONG');
    expect(recorded(dataDir)?.pid).toBe(next.pid);
    current = next;
  }
  await current.release();
});

test('releasing after the server was killed with no one to start it again', async () => {
  const dataDir = dataDirectory();
  const redis = await startEmbeddedRedis({ dataDir });
  process.kill(redis.pid, 'SIGKILL');
  await ended(redis.pid);
  await redis.release();
});
