import { execFileSync } from 'node:child_process';
import { appendFileSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import type { EmbeddedRedisEvent } from '../../src/redis/attach.ts';
import type { DataDirectory } from '../../src/redis/data-directory.ts';
import { startEmbeddedRedis } from '../../src/redis/embedded.ts';
import { Lease } from '../../src/redis/lease.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testRedisPath } from '../support/redis.ts';
import { ask, dataDirectory } from './data-dirs.ts';

failOnLeaks();

/** A script that stands for redis-server, beside the data directory. */
function binary(dataDir: string, body: string, mode = 0o755): string {
  const path = join(dirname(dataDir), 'redis-server');
  writeFileSync(path, `#!/bin/sh\n${body}\n`, { mode });
  return path;
}

/** A stopped data directory with `first` and `last` in its append-only file, and that file. */
async function writtenDirectory(): Promise<{ dataDir: string; file: string }> {
  const dataDir = dataDirectory();
  const redis = await startEmbeddedRedis({ dataDir });
  await ask(redis.socketPath, (connection) => connection.set('first', '1'));
  await ask(redis.socketPath, (connection) => connection.set('last', '2'));
  await redis.release();
  const directory = join(dataDir, 'redis', 'appendonlydir');
  const name = readdirSync(directory).find((file) => file.endsWith('.incr.aof')) ?? '';
  return { dataDir, file: join(directory, name) };
}

test.each([
  ['missing', 'no-such-redis-server'],
  ['no program', '/etc/hostname'],
])('a redis-server that is %s', async (_what, serverBinary) => {
  const start = startEmbeddedRedis({ dataDir: dataDirectory(), serverBinary });
  await expect(start).rejects.toMatchObject({
    code: 'REDIS_NOT_INSTALLED',
    message: expect.stringContaining(`${serverBinary} cannot be run: install Redis`),
  });
});

test('a data directory that cannot be made', async () => {
  const dataDir = dataDirectory();
  writeFileSync(dataDir, 'a file');
  await expect(startEmbeddedRedis({ dataDir })).rejects.toMatchObject({
    code: 'REDIS_DATA_DIR',
    message: expect.stringContaining('cannot be used for the embedded Redis'),
  });
});

test('a file cut short by a crash loses no more than the write that was cut', async () => {
  const { dataDir, file } = await writtenDirectory();
  truncateSync(file, readFileSync(file).length - 3);

  const redis = await startEmbeddedRedis({ dataDir });
  expect(await ask(redis.socketPath, (connection) => connection.mget('first', 'last'))).toEqual(['1', null]);
  await redis.release();
});

test('a file that is damaged in its middle', async () => {
  const { dataDir, file } = await writtenDirectory();
  const bytes = readFileSync(file);
  bytes.write('#####', bytes.indexOf('*3'));
  writeFileSync(file, bytes);

  const start = startEmbeddedRedis({ dataDir });
  await expect(start).rejects.toMatchObject({
    code: 'REDIS_DATA_CORRUPT',
    message: expect.stringMatching(
      /redis-check-aof --fix\); its last words in .*redis\.log: .*Bad file format/,
    ),
  });
});

test('a full disk', async () => {
  const dataDir = dataDirectory();
  const serverBinary = binary(
    dataDir,
    `echo "Can't create or open the append-only dir: No space left on device"; exit 1`,
  );
  await expect(startEmbeddedRedis({ dataDir, serverBinary })).rejects.toMatchObject({
    code: 'REDIS_DISK_FULL',
  });
});

test('a server that refuses its settings is quoted', async () => {
  const dataDir = dataDirectory();
  const serverBinary = binary(dataDir, 'exec redis-server "$@" --no-such-setting 1');
  await expect(startEmbeddedRedis({ dataDir, serverBinary })).rejects.toMatchObject({
    code: 'REDIS_START_FAILED',
    message: expect.stringMatching(/could not be started; its last words .*Bad directive/),
  });
});

test('a server that never listens', async () => {
  const dataDir = dataDirectory();
  const serverBinary = binary(dataDir, 'case "$1" in --version) exit;; esac; exec sleep 60');
  const start = startEmbeddedRedis({ dataDir, serverBinary, startTimeoutMs: 100 });
  await expect(start).rejects.toMatchObject({
    code: 'REDIS_START_FAILED',
    message: expect.stringContaining('did not listen within 100 ms'),
  });
});

/** A stopped data directory of 200 keys, and a server that takes so many microseconds to load each. */
async function slowDirectory(perKeyMicros: number): Promise<{ dataDir: string; serverBinary: string }> {
  const dataDir = dataDirectory();
  const slow = `--key-load-delay ${perKeyMicros} --loading-process-events-interval-bytes 1024`;
  const serverBinary = binary(dataDir, `exec redis-server "$@" ${slow}`);
  const redis = await startEmbeddedRedis({ dataDir });
  await ask(redis.socketPath, async (connection) => {
    for (let key = 0; key < 200; key += 1) await connection.set(`key-${key}`, 'x'.repeat(100));
    await connection.bgrewriteaof();
    const isBusy = async () => (await connection.info('persistence')).includes('rewrite_in_progress:1');
    while (await isBusy());
  });
  await redis.release();
  return { dataDir, serverBinary };
}

test('a large file is waited for, with its progress told', async () => {
  const { dataDir, serverBinary } = await slowDirectory(2000);
  const events: EmbeddedRedisEvent[] = [];
  const redis = await startEmbeddedRedis({
    dataDir,
    serverBinary,
    onEvent: (event) => events.push(event),
  });

  expect(await ask(redis.socketPath, (connection) => connection.dbsize())).toBe(200);
  expect(events[0]).toMatchObject({ kind: 'loading', totalBytes: expect.any(Number) });
  await redis.release();
});

test('a server that is frozen', async () => {
  const dataDir = dataDirectory();
  const redis = await startEmbeddedRedis({ dataDir });
  process.kill(redis.pid, 'SIGSTOP');
  try {
    await expect(startEmbeddedRedis({ dataDir, answerTimeoutMs: 100 })).rejects.toMatchObject({
      code: 'REDIS_NOT_ANSWERING',
      message: expect.stringContaining(`${redis.socketPath} does not answer`),
    });
  } finally {
    process.kill(redis.pid, 'SIGCONT');
  }
  await redis.release();
});

test('a server that stands still while it reads its file', async () => {
  const lease = await Lease.take({ socketPath: testRedisPath() } as DataDirectory, 1_000);
  if (!lease) throw new Error('the Redis of the tests is gone');
  lease.loading = async () => ({ loadedBytes: 5, totalBytes: 9 });
  await expect(lease.untilLoaded(10, () => {})).rejects.toMatchObject({
    code: 'REDIS_LOADING',
    message: 'the embedded Redis stands still at 5 of 9 bytes of its file',
  });
  lease.close();
});

test('a full log is set aside', async () => {
  const { dataDir } = await writtenDirectory();
  const log = join(dataDir, 'redis', 'redis.log');
  appendFileSync(log, 'x'.repeat(1024 * 1024));
  const redis = await startEmbeddedRedis({ dataDir });
  expect(readFileSync(log).length).toBeLessThan(100_000);
  await redis.release();
});

test('the reason for the end of a server is told, also if it is released before the end was noticed', async () => {
  const dataDir = dataDirectory();
  const events: EmbeddedRedisEvent[] = [];
  const redis = await startEmbeddedRedis({ dataDir, onEvent: (event) => events.push(event) });
  const words = `${redis.pid}:M 01 Mar 2026 14:00:00.000 # Error writing to the AOF file: No space left on device`;
  appendFileSync(join(dataDir, 'redis', 'redis.log'), `${words}\n`);
  process.kill(redis.pid, 'SIGKILL');
  // Its connections are closed by then, and this process has not had a turn to see that.
  const isOver = `grep -qs '^State:.Z' /proc/${redis.pid}/status || ps -o stat= -p ${redis.pid} | grep -q Z`;
  execFileSync('sh', ['-c', `until ${isOver}; do sleep 0.01; done`], { timeout: 15_000 });
  await redis.release();
  expect(events).toMatchObject([{ kind: 'lost', cause: { code: 'REDIS_DISK_FULL' } }]);
});
