import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Redis } from 'ioredis';

/** The oldest Redis that Waybill works with: BullMQ asks for it. */
export const OLDEST_VERSION: readonly [major: number, minor: number] = [6, 2];

/** Whether a version such as `7.0.15` is recent enough; an unreadable one is not. */
export function isSupportedVersion(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > OLDEST_VERSION[0] || (major === OLDEST_VERSION[0] && minor >= OLDEST_VERSION[1]);
}

const TIMEOUT_MS = 5_000;

/** The version of the redis-server on this machine, such as `7.0.15`; undefined: there is none that runs. */
export async function installedServerVersion(): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('redis-server', ['--version'], { timeout: TIMEOUT_MS });
    return /\bv=(\d[\w.]*)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

/** What Redis says about itself, as far as it concerns the safety of events; undefined: it could not be asked. */
export type RedisSettings = Awaited<ReturnType<typeof readRedisSettings>>;

/** One thing to know about a Redis: an `error` loses or stops events, a `warning` may, a `note` is for information. */
export interface Finding {
  readonly level: 'error' | 'warning' | 'note';
  /** What was found, what is wanted, and what the difference risks. */
  readonly message: string;
}

/** Asks a Redis for its settings. What it forbids is left undefined; rejects if it cannot be reached. */
export async function readRedisSettings(redis: Redis) {
  const info = await redis.info();
  const config = async (name: string): Promise<string | undefined> => {
    // Managed services forbid CONFIG or rename it: that is an answer, not a failure.
    const answer = await redis.config('GET', name).catch(undefinedIfRefused);
    return (answer as string[] | undefined)?.[1];
  };
  const [policy, appendfsync, appendonly, minReplicas, fullCoverage] = await Promise.all([
    config('maxmemory-policy'),
    config('appendfsync'),
    config('appendonly'),
    config('min-replicas-to-write'),
    config('cluster-require-full-coverage'),
  ]);
  return {
    otherServer: otherServerIn(info),
    isSentinel: infoField(info, 'redis_mode') === 'sentinel',
    version: infoField(info, 'redis_version'),
    role: infoField(info, 'role'),
    clusterEnabled: infoField(info, 'cluster_enabled') === '1',
    maxmemoryPolicy: policy ?? infoField(info, 'maxmemory_policy'),
    appendonly: toBoolean(appendonly ?? infoField(info, 'aof_enabled')),
    appendfsync,
    /** Whether the last write to the append-only file succeeded. */
    lastWriteOk: infoField(info, 'aof_last_write_status') !== 'err',
    /** How many are connected now. */
    replicas: Number(infoField(info, 'connected_slaves') ?? 0),
    /** How many must be connected for it to take writes. */
    minReplicas: minReplicas === undefined ? undefined : Number(minReplicas),
    /** Whether a Cluster stands still if no server has some of the slots. */
    fullCoverage: toBoolean(fullCoverage),
  };
}

/** Servers that speak Redis' protocol, by a field of INFO that only they have; their `redis_version` is not their own. */
const OTHER_SERVERS: ReadonlyArray<readonly [field: string, name: string]> = [
  ['dragonfly_version', 'Dragonfly'],
  ['mvcc_depth', 'KeyDB'],
  ['kvrocks_version', 'Kvrocks'],
  ['garnet_version', 'Garnet'],
  ['upstash_version', 'Upstash'],
];
/** Forks of Redis that changed neither its scripts nor its files. */
const SAME_SERVERS: ReadonlySet<string | undefined> = new Set([undefined, 'redis', 'valkey', 'redict']);

/** The name of a server that is no Redis; undefined: it is one. */
function otherServerIn(info: string): string | undefined {
  const known = OTHER_SERVERS.find(([field]) => infoField(info, field) !== undefined);
  if (known !== undefined) return known[1];
  const name = infoField(info, 'server_name');
  return SAME_SERVERS.has(name) ? undefined : name;
}

function undefinedIfRefused(error: Error): undefined {
  if (error.name !== 'ReplyError') throw error;
}

/** What stands behind a name in an answer to INFO. */
export function infoField(info: string, name: string): string | undefined {
  const line = info.split('\r\n').find((text) => text.startsWith(`${name}:`));
  return line?.slice(name.length + 1);
}

/** CONFIG says yes and no, INFO 1 and 0. */
function toBoolean(text: string | undefined): boolean | undefined {
  return text === undefined ? undefined : text === 'yes' || text === '1';
}

/** Holds a Redis' settings against what Waybill needs. Pure; nothing found means that all is well. */
export function judgeRedisSettings(settings: RedisSettings): Finding[] {
  return [...judgeServer(settings), ...judgeMemory(settings), ...judgeFile(settings)];
}

function* judgeServer(settings: RedisSettings): Generator<Finding> {
  const { otherServer, isSentinel, version, role, clusterEnabled } = settings;
  if (otherServer !== undefined) {
    const message = `this is ${otherServer}, which is not supported: the scripts that keep events need Redis itself`;
    yield { level: 'error', message };
  }
  if (isSentinel) {
    yield {
      level: 'error',
      message: 'this is a Sentinel, which keeps no data: name it in redis.sentinels',
    };
    return;
  }
  const oldest = OLDEST_VERSION.join('.');
  if (version === undefined) yield unchecked('version', `${oldest} or later is needed`);
  else if (!isSupportedVersion(version)) {
    const message = `Redis is ${version}, and ${oldest} or later is needed: commands that BullMQ uses are missing`;
    yield { level: 'error', message };
  }
  if (role !== undefined && role !== 'master') {
    const message = `this Redis is a ${role} and takes no writes: redis.url must lead to the primary`;
    yield { level: 'error', message };
  }
  if (clusterEnabled) {
    const message =
      'this Redis is part of a cluster and has some of the clients: name its servers in redis.cluster';
    yield { level: 'error', message };
  }
}

function* judgeMemory({ maxmemoryPolicy }: RedisSettings): Generator<Finding> {
  if (maxmemoryPolicy === undefined)
    yield unchecked('maxmemory-policy', 'it must be noeviction, or events may be evicted');
  else if (maxmemoryPolicy !== 'noeviction') {
    const message = `maxmemory-policy is ${maxmemoryPolicy} and must be noeviction: a full Redis would throw events away`;
    yield { level: 'error', message };
  }
}

function* judgeFile({ appendonly, appendfsync, lastWriteOk }: RedisSettings): Generator<Finding> {
  if (appendonly === undefined) yield unchecked('appendonly', 'without it a restart of Redis loses events');
  else if (!appendonly) {
    const message =
      'appendonly is no and should be yes: a crash or restart of Redis loses the accepted events since its last snapshot';
    yield { level: 'warning', message };
  } else if (appendfsync === undefined) {
    yield unchecked('appendfsync', 'only `always` survives a power cut without loss');
  } else if (appendfsync !== 'always') {
    const lost =
      appendfsync === 'everysec' ? 'up to a second or two' : 'what the system had not written, often 30 s';
    const message = `appendfsync is ${appendfsync}: a power cut of the Redis machine may lose ${lost} of accepted events; a crash of Redis alone loses none`;
    yield { level: 'note', message };
  }
  if (!lastWriteOk) {
    const message =
      'the last write to the append-only file failed: Redis takes no writes until its disk has room';
    yield { level: 'error', message };
  }
}

function unchecked(setting: string, why: string): Finding {
  return { level: 'note', message: `${setting} could not be checked, since Redis does not tell: ${why}` };
}
