import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { RedisConfig } from '../../src/config/redis-config.ts';
import { until } from './until.ts';

/*
 * Several redis-servers on loopback: a master with replicas and sentinels, or a Cluster. Whoever starts them ends them.
 */

const HOST = '127.0.0.1';
/** Below this a starved server is taken for dead on a busy machine. */
const DEAD_AFTER_MS = 2_000;
/** A frozen server is asked in vain. */
const ANSWER_MS = 10_000;
export const SENTINEL_NAME = 'waybill';

/** A server as a process that can be disturbed. */
export interface RedisServer {
  readonly port: number;
  readonly pid: number;
  freeze(): void;
  thaw(): void;
  /** Ends it on the spot. */
  kill(): Promise<void>;
  /** Starts it again on its files. Resolves when it answers; it may still join the others. */
  start(): Promise<void>;
}

/** Servers that stand in for each other. */
export interface RedisServers {
  /** The section `redis` of a configuration. */
  readonly section: Pick<RedisConfig, 'sentinels' | 'name' | 'cluster'>;
  readonly servers: readonly RedisServer[];
  close(): Promise<void>;
}

/** Ports that were free just now. */
async function freePorts(count: number): Promise<number[]> {
  const listening = Array.from({ length: count }, () => createServer().listen(0, HOST));
  await Promise.all(listening.map((server) => once(server, 'listening')));
  const ports = listening.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(listening.map((server) => once(server.close(), 'close')));
  return ports;
}

/** Every write is in the append-only file before its answer. */
function settingsOf(directory: string, port: number): Record<string, string> {
  return {
    bind: HOST,
    port: String(port),
    dir: directory,
    save: '',
    appendonly: 'yes',
    appendfsync: 'always',
    'maxmemory-policy': 'noeviction',
    'repl-diskless-sync-delay': '0',
    'repl-ping-replica-period': '1',
  };
}

async function launch(
  command: string,
  words: readonly string[],
  directory: string,
  port: number,
): Promise<RedisServer> {
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    child = spawn(command, words, { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'], detached: true });
    child.stdout?.on('data', (text: Buffer) => appendFileSync(join(directory, 'log'), text));
    await until(async () => (await ask(port, 'PING').catch(() => '')) === 'PONG');
  };
  await start();
  return {
    port,
    get pid() {
      return child?.pid ?? 0;
    },
    start,
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    async kill() {
      if (child === undefined) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
      child = undefined;
    },
  };
}

/** Asks one server something, over a connection of its own. */
export async function ask(port: number, command: string, ...args: string[]): Promise<unknown> {
  const redis = new Redis(port, HOST, {
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    commandTimeout: ANSWER_MS,
  });
  redis.on('error', () => {});
  try {
    await redis.connect();
    return await redis.call(command, ...args);
  } finally {
    redis.disconnect();
  }
}

async function launchServers(
  directory: string,
  count: number,
  own: (index: number, ports: readonly number[]) => Readonly<Record<string, string>>,
): Promise<RedisServer[]> {
  // The bus of a Cluster has one, too.
  const ports = await freePorts(2 * count);
  const servers: RedisServer[] = [];
  for (let index = 0; index < count; index += 1) {
    const place = join(directory, `redis-${index}`);
    mkdirSync(place);
    const settings = { ...settingsOf(place, ports[index] ?? 0), ...own(index, ports) };
    const words = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, ...value.split(' ')]);
    servers.push(await launch('redis-server', words, place, ports[index] ?? 0));
  }
  return servers;
}

/** A master and its replicas, in sync. */
export async function startReplicated(
  directory: string,
  replicas: number,
  settings: Readonly<Record<string, string>> = {},
): Promise<RedisServers> {
  const servers = await launchServers(directory, 1 + replicas, (index, ports) => ({
    ...settings,
    ...(index > 0 && { replicaof: `${HOST} ${ports[0]}` }),
  }));
  const master = servers[0]?.port ?? 0;
  await until(
    async () => String(await ask(master, 'INFO', 'replication')).split('state=online').length > replicas,
  );
  return { section: {}, servers, close: () => closeAll(servers) };
}

/** A master, its replicas, and sentinels of which the greater part decides. */
export async function startWithSentinels(
  directory: string,
  counts: { readonly replicas: number; readonly sentinels: number },
): Promise<RedisServers> {
  // A master that is cut off takes no writes, which the failover would undo.
  const settings = { 'min-replicas-to-write': '1' };
  const { servers } = await startReplicated(directory, counts.replicas, settings);
  const ports = await freePorts(counts.sentinels);
  const quorum = Math.floor(counts.sentinels / 2) + 1;
  const sentinels: RedisServer[] = [];
  for (const port of ports) {
    const place = join(directory, `sentinel-${port}`);
    mkdirSync(place);
    const lines = [
      `port ${port}`,
      `bind ${HOST}`,
      `dir ${place}`,
      `sentinel monitor ${SENTINEL_NAME} ${HOST} ${servers[0]?.port} ${quorum}`,
      `sentinel down-after-milliseconds ${SENTINEL_NAME} ${DEAD_AFTER_MS}`,
      `sentinel failover-timeout ${SENTINEL_NAME} 5000`,
      '',
    ];
    writeFileSync(join(place, 'sentinel.conf'), lines.join('\n'));
    sentinels.push(await launch('redis-sentinel', [join(place, 'sentinel.conf')], place, port));
  }
  await until(async () => {
    const known = await Promise.all(ports.map((port) => ask(port, 'SENTINEL', 'MASTER', SENTINEL_NAME)));
    return known.every((fields) => {
      const list = fields as string[];
      const number = (name: string) => Number(list[list.indexOf(name) + 1]);
      return (
        number('num-slaves') === counts.replicas && number('num-other-sentinels') === counts.sentinels - 1
      );
    });
  });
  const section = { sentinels: ports.map((port) => `${HOST}:${port}`), name: SENTINEL_NAME };
  return { section, servers, close: () => closeAll([...sentinels, ...servers]) };
}

const SLOTS = 16_384;

/** A Cluster of so many masters, each with so many replicas; the masters come first. */
export async function startCluster(
  directory: string,
  counts: { readonly masters: number; readonly replicas: number },
  settings: Readonly<Record<string, string>> = {},
): Promise<RedisServers> {
  const { masters } = counts;
  const count = masters * (1 + counts.replicas);
  const servers = await launchServers(directory, count, (index, ports) => ({
    ...settings,
    'cluster-enabled': 'yes',
    'cluster-port': String(ports[count + index]),
    'cluster-node-timeout': String(DEAD_AFTER_MS),
    'cluster-replica-validity-factor': '0',
    'cluster-require-full-coverage': 'no',
    'cluster-allow-replica-migration': 'no',
  }));
  const ids: string[] = [];
  for (const [index, { port }] of servers.entries()) {
    ids.push(String(await ask(port, 'CLUSTER', 'MYID')));
    await ask(port, 'CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
    if (index >= masters) continue;
    const [from, to] = [index, index + 1].map((part) => Math.floor((part * SLOTS) / masters));
    await ask(port, 'CLUSTER', 'ADDSLOTSRANGE', String(from), String((to ?? 0) - 1));
  }
  const busOf = async (port: number) => /@(\d+)/.exec(String(await ask(port, 'CLUSTER', 'NODES')))?.[1] ?? '';
  const [first] = servers;
  for (const { port } of servers.slice(1)) {
    await ask(first?.port ?? 0, 'CLUSTER', 'MEET', HOST, String(port), await busOf(port));
  }
  const isJoined = async ({ port }: RedisServer) =>
    String(await ask(port, 'CLUSTER', 'INFO')).includes(`cluster_known_nodes:${count}`) &&
    String(await ask(port, 'CLUSTER', 'INFO')).includes('cluster_state:ok');
  await until(async () => (await Promise.all(servers.map(isJoined))).every(Boolean));
  for (const [index, { port }] of servers.entries()) {
    if (index >= masters) await ask(port, 'CLUSTER', 'REPLICATE', ids[index % masters] ?? '');
  }
  const isInSync = async ({ port }: RedisServer) =>
    String(await ask(port, 'INFO', 'replication')).includes('master_link_status:up');
  await until(async () => (await Promise.all(servers.slice(masters).map(isInSync))).every(Boolean));
  const section = { cluster: servers.map(({ port }) => `${HOST}:${port}`) };
  return { section, servers, close: () => closeAll(servers) };
}

async function closeAll(servers: readonly RedisServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server.kill()));
}
