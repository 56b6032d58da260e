import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import type { PlainOptions } from '../../src/queue/follow-master.ts';
import type { Store } from './outage.ts';
import {
  APPEND_ONLY,
  freePort,
  type OwnRedis,
  type Settings,
  spawnServer,
  startOwnRedis,
} from './own-redis.ts';
import { until } from './until.ts';
import { testDirectory } from './waybill-process.ts';

const NAME = 'waybill-test';
const HOST = '127.0.0.1';
/** A failover takes about 3 s on an idle machine. */
const PATIENT_MS = 120_000;

/** One of the servers. If `start` starts it as another master, Sentinel makes a replica of it after 10 s to 20 s. */
export interface SentinelServer extends OwnRedis {
  readonly port: number;
}

/** A master, its replicas, and sentinels that let one of them take over. */
export interface SentinelServers extends Store {
  readonly section: { readonly sentinels: string[]; readonly name: string };
  readonly servers: readonly SentinelServer[];
  /** A connection to the first sentinel. */
  readonly sentinel: Redis;
  /** The one that the first sentinel names master. */
  master(): Promise<SentinelServer>;
  /** All but the master. */
  replicas(): Promise<SentinelServer[]>;
  /** Resolves when another one than this is master, and takes writes. @returns the new one */
  promoted(before: SentinelServer): Promise<SentinelServer>;
  /** Starts one that was killed as a replica of the master. */
  rejoin(server: SentinelServer): Promise<void>;
  /** Resolves when so many replicas of the master are in sync, and the first sentinel knows that of so many. */
  inSync(count?: number): Promise<void>;
}

/** How many servers there are, and what they are set to. */
export interface SentinelOptions {
  readonly replicas?: number;
  /** With one, it decides alone. */
  readonly sentinels?: number;
  readonly settings?: Settings;
  /** How long a server is silent before another takes its place, ms; default 1,000: on a busy machine one that is well may be. */
  readonly downAfterMs?: number;
}

/** For a test in which no server takes another's place unless it is told to. */
export const NEVER_DOWN: SentinelOptions = { downAfterMs: 600_000 };

/** Starts them on free ports; all are gone when the test is over. */
export async function startSentinel(options: SentinelOptions = {}): Promise<SentinelServers> {
  const { replicas = 2, sentinels = 1, settings = {}, downAfterMs = 1_000 } = options;
  const first = await startServer(settings);
  const others = await Promise.all(
    Array.from({ length: replicas }, () => startServer({ ...settings, replicaof: `${HOST} ${first.port}` })),
  );
  const servers = [first, ...others];
  await until(async () => (await replicasOf(first)) === replicas, PATIENT_MS);
  const quorum = Math.floor(sentinels / 2) + 1;
  const ports = await Promise.all(
    Array.from({ length: sentinels }, () => startOneSentinel(first.port, quorum, downAfterMs)),
  );
  const section = { sentinels: ports.map((port) => `${HOST}:${port}`), name: NAME };
  const toSentinels = ports.map((port) => testConnection({ host: HOST, port }));
  const [sentinel = testConnection({})] = toSentinels;

  const master = async (): Promise<SentinelServer> => {
    const [, port] = (await sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME)) as string[];
    const found = servers.find((server) => server.port === Number(port));
    if (found === undefined)
      throw new Error(`the sentinel names a server at port ${port}, which is none of these`);
    return found;
  };
  const inSync = async (count = replicas): Promise<void> => {
    await until(async () => {
      const known = await Promise.all(toSentinels.map((each) => workingReplicas(each)));
      return known.every((each) => each >= count) && (await replicasOf(await master())) >= count;
    }, PATIENT_MS);
  };
  await inSync();
  await until(async () => {
    const known = await Promise.all(toSentinels.map((each) => otherSentinels(each)));
    return known.every((each) => each === sentinels - 1);
  }, PATIENT_MS);
  return {
    section,
    servers,
    sentinel,
    master,
    inSync,
    connect: (more = {}) =>
      testConnection({
        sentinels: ports.map((port) => ({ host: HOST, port })),
        name: NAME,
        sentinelRetryStrategy: () => 100,
        sentinelCommandTimeout: 1_000,
        ...more,
      }),
    async replicas() {
      const now = await master();
      return servers.filter((server) => server !== now);
    },
    rejoin: async (server) => server.start({ replicaof: `${HOST} ${(await master()).port}` }),
    async promoted(before) {
      await until(async () => (await master()) !== before, PATIENT_MS);
      return master();
    },
  };
}

async function startServer(settings: Settings): Promise<SentinelServer> {
  const port = await freePort();
  const server = await startOwnRedis({
    bind: HOST,
    port: String(port),
    ...APPEND_ONLY,
    'maxmemory-policy': 'noeviction',
    'repl-diskless-sync-delay': '0',
    'repl-ping-replica-period': '1',
    ...settings,
  });
  // Its pid is a getter.
  return Object.defineProperties({ port }, Object.getOwnPropertyDescriptors(server)) as SentinelServer;
}

/** @returns its port */
async function startOneSentinel(masterPort: number, quorum: number, downAfterMs: number): Promise<number> {
  const port = await freePort();
  const directory = testDirectory();
  const file = join(directory, 'sentinel.conf');
  const lines = [
    `bind ${HOST}`,
    `port ${port}`,
    `dir ${directory}`,
    `sentinel monitor ${NAME} ${HOST} ${masterPort} ${quorum}`,
    `sentinel down-after-milliseconds ${NAME} ${downAfterMs}`,
    `sentinel failover-timeout ${NAME} 5000`,
    '',
  ];
  // It writes there what it learns.
  writeFileSync(file, lines.join('\n'));
  const child = await spawnServer('redis-sentinel', [file], /\+monitor master/);
  onTestFinished(() => end(child));
  return port;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

function testConnection(options: PlainOptions): Redis {
  const redis = new Redis({ maxRetriesPerRequest: 1, ...options });
  redis.on('error', () => {});
  onTestFinished(() => redis.disconnect());
  return redis;
}

/** How many replicas a master has that are in sync with it; of one that is away: none. */
async function replicasOf(server: SentinelServer): Promise<number> {
  const redis = server.connect();
  try {
    const info = await redis.info('replication');
    return [...info.matchAll(/^slave\d+:.*state=online/gm)].length;
  } catch {
    return 0;
  } finally {
    redis.disconnect();
  }
}

/** How many replicas a sentinel would let take over. */
async function workingReplicas(sentinel: Redis): Promise<number> {
  const rows = (await sentinel.call('SENTINEL', 'REPLICAS', NAME)) as string[][];
  return rows.filter((row) => {
    const [flags, link] = [fieldOf(row, 'flags'), fieldOf(row, 'master-link-status')];
    return flags === 'slave' && link === 'ok';
  }).length;
}

async function otherSentinels(sentinel: Redis): Promise<number> {
  return ((await sentinel.call('SENTINEL', 'SENTINELS', NAME)) as string[][]).length;
}

/** Of a list of names, each with its value behind it. */
function fieldOf(row: readonly string[], name: string): string | undefined {
  return row[row.indexOf(name) + 1];
}
