import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { judgeRedisSettings, type RedisSettings, readRedisSettings } from '../../src/redis/settings.ts';
import { testRedis, testRedisPath } from '../support/redis.ts';

const GOOD: RedisSettings = {
  otherServer: undefined,
  isSentinel: false,
  version: '7.0.15',
  role: 'master',
  clusterEnabled: false,
  replicas: 0,
  minReplicas: 0,
  fullCoverage: undefined,
  maxmemoryPolicy: 'noeviction',
  appendonly: true,
  appendfsync: 'always',
  lastWriteOk: true,
};

test('nothing is found where all is well', () => {
  expect(judgeRedisSettings(GOOD)).toEqual([]);
});

test.each<[Partial<RedisSettings>, string, RegExp]>([
  [{ version: '6.0.16' }, 'error', /^Redis is 6\.0\.16, and 6\.2 or later is needed/],
  [{ otherServer: 'KeyDB' }, 'error', /^this is KeyDB, which is not supported/],
  [{ isSentinel: true, role: 'sentinel' }, 'error', /^this is a Sentinel/],
  [{ role: 'slave' }, 'error', /takes no writes/],
  [{ maxmemoryPolicy: 'allkeys-lru' }, 'error', /must be noeviction/],
  [{ lastWriteOk: false }, 'error', /takes no writes until its disk has room/],
  [{ appendonly: false }, 'warning', /loses the accepted events since its last snapshot/],
  [{ appendfsync: 'everysec' }, 'note', /up to a second or two/],
  [{ appendfsync: 'no' }, 'note', /often 30 s/],
  [{ clusterEnabled: true }, 'error', /part of a cluster/],
  [{ version: undefined }, 'note', /could not be checked/],
  [{ maxmemoryPolicy: undefined }, 'note', /could not be checked/],
  [{ appendonly: undefined }, 'note', /could not be checked/],
  [{ appendfsync: undefined }, 'note', /could not be checked/],
])('%o is one finding: %s', (change, level, message) => {
  const findings = judgeRedisSettings({ ...GOOD, ...change });
  expect(findings).toEqual([{ level, message: expect.stringMatching(message) }]);
});

test.each(['6.2.0', '6.2.14', '7.0.15', '8.4.0', '10.0.0'])('version %s is recent enough', (version) => {
  expect(judgeRedisSettings({ ...GOOD, version })).toEqual([]);
});

test('the settings of a real Redis are read', async () => {
  expect(await readRedisSettings(testRedis())).toEqual({
    ...GOOD,
    version: expect.stringMatching(/^\d+\.\d+/),
    appendonly: false,
    appendfsync: 'everysec',
    fullCoverage: expect.any(Boolean),
  });
});

test.each([
  ['dragonfly_version:df-v1.40.1', 'Dragonfly'],
  ['executable:/data/keydb-server\r\n# KeyDB\r\nmvcc_depth:0', 'KeyDB'],
  ['kvrocks_version:2.17.0', 'Kvrocks'],
  ['server_name:pogocache', 'pogocache'],
  ['server_name:valkey\r\nvalkey_version:8.1.10', undefined],
])('a server whose INFO has %j is %s', async (fields, name) => {
  const info = `# Server\r\nredis_version:7.4.0\r\nredis_mode:standalone\r\n${fields}\r\n`;
  const redis = new Redis({ ...(await startInfoServer(info)), protocol: 2, enableReadyCheck: false });
  try {
    expect((await readRedisSettings(redis)).otherServer).toBe(name);
  } finally {
    redis.disconnect();
  }
});

/** Answers INFO, and refuses CONFIG. */
async function startInfoServer(info: string) {
  const server = createServer((socket) => {
    socket.on('data', (chunk) => {
      // Each command begins with the count of its words.
      for (const command of chunk.toString().split(/^\*/m).slice(1)) {
        const isInfo = /\r\ninfo\r\n/i.test(command);
        const other = /\r\nconfig\r\n/i.test(command) ? '-ERR unknown command\r\n' : '+OK\r\n';
        socket.write(isInfo ? `$${info.length}\r\n${info}\r\n` : other);
      }
    });
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return { host: '127.0.0.1', port: (server.address() as { port: number }).port };
}

test('a Redis that forbids CONFIG is judged by INFO, as far as that goes', async () => {
  const admin = testRedis();
  const user = `limited-${randomUUID()}`;
  await admin.acl('SETUSER', user, 'on', '>secret', '~*', '+@all', '-config');
  const limited = new Redis(testRedisPath(), { username: user, password: 'secret' });
  try {
    const settings = await readRedisSettings(limited);
    expect(settings).toMatchObject({
      appendonly: false,
      appendfsync: undefined,
      maxmemoryPolicy: 'noeviction',
    });
  } finally {
    limited.disconnect();
    await admin.acl('DELUSER', user);
  }
});

test('a Redis that is not there is no finding but an error', async () => {
  const redis = new Redis('/nowhere/redis.sock', { maxRetriesPerRequest: 0, retryStrategy: () => null });
  redis.on('error', () => {});
  await expect(readRedisSettings(redis)).rejects.toThrow();
});
