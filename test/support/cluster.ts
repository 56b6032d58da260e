import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import calculateSlot from 'cluster-key-slot';
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import type { RedisConfig } from '../../src/config/redis-config.ts';
import { clientPrefix } from '../../src/queue/names.ts';
import { until } from './until.ts';

const SLOTS = 16_384;
/** A starved server must not be taken for dead: below this, a busy machine fails over by itself. */
const NODE_TIMEOUT_MS = 2_000;

/** One server of a Cluster. */
export interface ClusterServer {
  readonly port: number;
  readonly pid: number;
  /** The name that the Cluster knows it by. */
  readonly id: string;
  /** A connection for the test, which finds back to it. */
  readonly redis: Redis;
  /** Stops its process where it stands: it accepts connections and answers nothing. */
  freeze(): void;
  thaw(): void;
  kill(): Promise<void>;
  /** Starts it again with what stands in its files; `changes` to its settings stay. Resolves while it still joins. */
  start(changes?: Readonly<Record<string, string>>): Promise<void>;
}

/** A Redis Cluster of a test's own. */
export interface TestCluster {
  /** First the masters, in the order of their slots, then the replicas: that of the first master first. */
  readonly servers: readonly ClusterServer[];
  readonly masters: readonly ClusterServer[];
  /** The section `redis` of a configuration. */
  readonly section: RedisConfig & { readonly cluster: readonly string[] };
  /** Names of clients whose slot the nth master has at first. @param within only of so many of its lowest slots */
  clientsOn(master: number, count: number, within?: number): string[];
  /** Moves so many of a master's lowest slots to another, as an operator does. Rejects if redis-cli fails. */
  reshard(from: number, to: number, slots: number): Promise<void>;
  /** Resolves when each server that runs says that all is well. */
  isWell(): Promise<void>;
}

/** How a Cluster is made. */
export interface TestClusterOptions {
  readonly masters: number;
  /** Of each master; default 0. */
  readonly replicas?: number;
  /** Settings besides the usual. @param index of the server */
  settings?(index: number): Readonly<Record<string, string>>;
}

/** The hash slot of a client. */
export const slotOf = (client: string): number => calculateSlot(clientPrefix(client));

/** Ports that were free just now. */
export async function freePorts(count: number): Promise<number[]> {
  const listening = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(listening.map((server) => once(server, 'listening')));
  const ports = listening.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(listening.map((server) => once(server.close(), 'close')));
  return ports;
}

/** Starts a Cluster whose servers know each other and are well; it is gone when the test is over. */
export async function startCluster(options: TestClusterOptions): Promise<TestCluster> {
  const { masters: count, replicas = 0 } = options;
  const directory = await mkdtemp(join(tmpdir(), 'waybill-test-'));
  const servers: ClusterServer[] = [];
  onTestFinished(async () => {
    for (const { redis } of servers) redis.disconnect();
    await Promise.all(servers.map((server) => server.kill()));
    await rm(directory, { recursive: true, force: true });
  });
  const ports = await freePorts(2 * count * (1 + replicas));
  for (let index = 0; 2 * index < ports.length; index += 1) {
    const [port = 0, busPort = 0] = ports.slice(2 * index);
    const dir = join(directory, String(index));
    await mkdir(dir);
    servers.push(await startServer({ ...settingsOf(dir, port, busPort), ...options.settings?.(index) }));
  }
  await joinAll(servers, count, ports);
  const bounds = (master: number) => Math.floor((master * SLOTS) / count);
  let names = 0;

  const isWell = () =>
    until(async () => {
      const states = servers.map(async ({ pid, redis }) => pid === 0 || (await isServerWell(redis, servers)));
      return (await Promise.all(states)).every(Boolean);
    });
  await isWell();
  const masters = servers.slice(0, count);
  return {
    servers,
    masters,
    section: { cluster: masters.map(({ port }) => `127.0.0.1:${port}`) },
    clientsOn(master, wanted, within = SLOTS) {
      const [from, to] = [bounds(master), Math.min(bounds(master + 1), bounds(master) + within)];
      const found: string[] = [];
      while (found.length < wanted) {
        names += 1;
        const slot = slotOf(`client-${names}`);
        if (slot >= from && slot < to) found.push(`client-${names}`);
      }
      return found;
    },
    async reshard(from, to, slots) {
      const [source, target] = [servers[from], servers[to]];
      const between = ['--cluster-from', source?.id ?? '', '--cluster-to', target?.id ?? ''];
      const how = [...between, '--cluster-slots', String(slots), '--cluster-yes'];
      // It refuses until all servers have heard of the slots that were moved last.
      await until(async () => (await onCluster('check', source)) === undefined);
      const failed = await onCluster('reshard', source, how);
      if (failed !== undefined) throw failed;
    },
    isWell,
  };
}

/** Runs a command of redis-cli on the whole Cluster. @returns why it failed */
const onCluster = (
  command: string,
  server: ClusterServer | undefined,
  words: readonly string[] = [],
): Promise<Error | undefined> =>
  promisify(execFile)('redis-cli', ['--cluster', command, `127.0.0.1:${server?.port}`, ...words]).then(
    () => undefined,
    (error: Error) => error,
  );

function settingsOf(dir: string, port: number, busPort: number): Record<string, string> {
  return {
    bind: '127.0.0.1',
    port: String(port),
    'cluster-port': String(busPort),
    dir,
    save: '',
    appendonly: 'yes',
    appendfsync: 'always',
    'maxmemory-policy': 'noeviction',
    'cluster-enabled': 'yes',
    'cluster-node-timeout': String(NODE_TIMEOUT_MS),
    'cluster-replica-validity-factor': '0',
    'cluster-require-full-coverage': 'no',
    'cluster-allow-replica-migration': 'no',
    'repl-diskless-sync-delay': '0',
    'repl-ping-replica-period': '1',
    'enable-debug-command': 'local',
  };
}

async function startServer(settings: Readonly<Record<string, string>>): Promise<ClusterServer> {
  let all = settings;
  let child: ChildProcess | undefined = await spawnServer(all);
  const redis = new Redis(Number(settings.port), '127.0.0.1', {
    retryStrategy: () => 50,
    maxRetriesPerRequest: null,
  });
  redis.on('error', () => {});
  const id = String(await redis.cluster('MYID'));
  return {
    get port() {
      return Number(all.port);
    },
    get pid() {
      return child?.pid ?? 0;
    },
    id,
    redis,
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    async kill() {
      if (child === undefined) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
      child = undefined;
    },
    async start(changes = {}) {
      all = { ...all, ...changes };
      // ioredis reads it at each attempt.
      redis.options.port = Number(all.port);
      child = await spawnServer(all);
    },
  };
}

async function spawnServer(settings: Readonly<Record<string, string>>): Promise<ChildProcess> {
  const words = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn('redis-server', words, { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error('redis-server ended before it was ready')));
    child.stdout.on('data', (chunk: Buffer) => {
      if (/ready to accept connections/i.test(chunk.toString())) resolve();
    });
  });
  return child;
}

/** Gives the masters their slots, has all servers meet, and attaches the replicas. */
async function joinAll(servers: readonly ClusterServer[], masters: number, ports: readonly number[]) {
  const bound = (master: number) => Math.floor((master * SLOTS) / masters);
  for (const [index, { redis }] of servers.entries()) {
    if (index < masters) await redis.cluster('ADDSLOTSRANGE', bound(index), bound(index + 1) - 1);
    await redis.cluster('SET-CONFIG-EPOCH', index + 1);
    for (let other = 0; other < index; other += 1) {
      await redis.call('CLUSTER', 'MEET', '127.0.0.1', `${ports[2 * other]}`, `${ports[2 * other + 1]}`);
    }
  }
  for (const [index, { redis }] of servers.entries()) {
    await until(async () => (await knownTo(redis)).length === servers.length);
    if (index >= masters) await redis.cluster('REPLICATE', servers[index % masters]?.id ?? '');
  }
}

/** The servers that one knows, a line each, but for those that it has not heard. */
async function knownTo(redis: Redis): Promise<string[]> {
  const lines = String(await redis.cluster('NODES')).split('\n');
  return lines.filter((line) => line !== '' && !/ (?:[a-z,]*,)?(?:handshake|noaddr|fail\??)[ ,]/.test(line));
}

async function isServerWell(redis: Redis, servers: readonly ClusterServer[]): Promise<boolean> {
  const running = servers.filter(({ pid }) => pid !== 0).length;
  const [state, known, replication] = await Promise.all([
    redis.cluster('INFO'),
    knownTo(redis),
    redis.info('replication'),
  ]);
  const isLinked = /role:master/.test(replication) || /master_link_status:up/.test(replication);
  return /cluster_state:ok/.test(String(state)) && isLinked && known.length === running;
}
