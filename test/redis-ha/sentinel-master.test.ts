import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import type { RedisConfig } from '../../src/config/redis-config.ts';
import { closeRedis, openRedis } from '../../src/queue/connections.ts';
import { disconnectForGood } from '../../src/queue/follow-master.ts';
import { askReplicas, duplicate } from '../../src/queue/servers.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { NEVER_DOWN, type SentinelServer, type SentinelServers, startSentinel } from '../support/sentinel.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';

failOnLeaks();

test('a connection that was being made during a failover leaves the old master when that answers again', async () => {
  const servers = await startSentinel(NEVER_DOWN);
  const before = await servers.master();
  await forbidDemotion(before);
  before.freeze();
  const redis = open(servers.section);
  await until(async () => redis.status === 'connect');
  await failOver(servers, before);
  before.thaw();
  await until(async () => (await portOf(redis)) === (await servers.master()).port);
});

test('a sentinel that falls silent later is left for the next one: a failover is noticed', async () => {
  const servers = await startSentinel(NEVER_DOWN);
  const [address = ''] = servers.section.sentinels;
  const proxies = await Promise.all([1, 2].map(() => startTcpProxy(Number(address.split(':')[1]))));
  const sentinels = proxies.map(({ port }) => `127.0.0.1:${port}`);
  const redis = open({ ...servers.section, sentinels });
  await until(async () => proxies.some((proxy) => proxy.open > 0) && redis.status === 'ready');
  proxies.find((proxy) => proxy.open > 0)?.fallSilent();
  const before = await servers.master();
  await forbidDemotion(before);
  await failOver(servers, before);
  await until(async () => (await portOf(redis)) === (await servers.master()).port);
});

test('a connection that ends though nobody closed it is made again, until it is closed', async () => {
  const servers = await startSentinel({ ...NEVER_DOWN, replicas: 0 });
  const redis = open(servers.section);
  const copy = duplicate(redis, {}).on('error', () => {});
  onTestFinished(() => disconnectForGood(copy));
  for (const connection of [redis, copy]) {
    await until(async () => connection.status === 'ready');
    const ended = new Promise((resolve) => connection.once('end', resolve));
    // As ioredis does it while it asks for the master.
    connection.disconnect();
    await ended;
    await until(async () => connection.status === 'ready');
    disconnectForGood(connection);
    await until(async () => connection.status === 'end');
    expect(await connection.ping().catch(({ message }) => message)).toBe('Connection is closed.');
  }
});

test('behind an address translation the master is followed, and its replicas are asked, by natMap', async () => {
  const servers = await startSentinel(NEVER_DOWN);
  const proxies = new Map(
    await Promise.all(
      servers.servers.map(async ({ port }) => [`127.0.0.1:${port}`, await startTcpProxy(port)] as const),
    ),
  );
  const natMap = Object.fromEntries([...proxies].map(([own, { port }]) => [own, `127.0.0.1:${port}`]));
  const redis = open({ ...servers.section, natMap });
  await until(async () => redis.status === 'ready');
  const before = await servers.master();
  expect(proxyPort(redis)).toBe(proxies.get(`127.0.0.1:${before.port}`)?.port);
  const { said } = await askReplicas(redis, async (replica) => [await portOf(replica), proxyPort(replica)]);
  const replicas = await servers.replicas();
  expect(new Map(said as [number, number][])).toEqual(
    new Map(replicas.map(({ port }) => [port, proxies.get(`127.0.0.1:${port}`)?.port])),
  );

  await forbidDemotion(before);
  await failOver(servers, before);
  await until(async () => {
    const master = await servers.master();
    return (await portOf(redis)) === master.port;
  });
  expect(proxyPort(redis)).toBe(proxies.get(`127.0.0.1:${(await servers.master()).port}`)?.port);
});

test('a name that leads to a replica by now is left once that refuses a write, and reaches the master', async () => {
  const servers = await startSentinel({ ...NEVER_DOWN, replicas: 1 });
  const [master, replica] = servers.servers;
  const proxy = await startTcpProxy(replica?.port ?? 0);
  const redis = openRedis({ url: `redis://127.0.0.1:${proxy.port}` }, 'intake', () => {});
  onTestFinished(() => closeRedis(redis));
  await until(async () => redis.status === 'ready');
  expect(await redis.set('key', '1').catch(({ message }) => message)).toMatch(/^READONLY /);
  proxy.leadTo(master?.port ?? 0);
  await until(async () => (await redis.set('key', '1').catch(() => '')) === 'OK');
});

function open(section: Pick<RedisConfig, 'sentinels' | 'name' | 'natMap'>): Redis {
  const redis = openRedis(section, 'worker', () => {});
  onTestFinished(() => closeRedis(redis));
  if (!(redis instanceof Redis)) throw new Error('it is a Cluster');
  return redis;
}

/** Sentinel can make no replica of it, which would end its connections. */
async function forbidDemotion(server: SentinelServer): Promise<void> {
  await server.connect().call('ACL', 'SETUSER', 'default', '-slaveof', '-replicaof');
}

async function failOver({ sentinel, section, promoted }: SentinelServers, before: SentinelServer) {
  await sentinel.call('SENTINEL', 'FAILOVER', section.name);
  await promoted(before);
}

/** The port of the server at the other end, which it knows; undefined: it cannot be asked. */
async function portOf(redis: Redis): Promise<number | undefined> {
  const [, port] = (await redis.config('GET', 'port').catch(() => [])) as string[];
  return port === undefined ? undefined : Number(port);
}

function proxyPort({ stream }: Redis): number | undefined {
  return (stream as { remotePort?: number }).remotePort;
}
