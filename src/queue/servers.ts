import calculateSlot from 'cluster-key-slot';
import { type Cluster, Redis, ReplyError } from 'ioredis';
import { atMost } from '../core/time.ts';
import { followMaster, mappedBy, type PlainOptions } from './follow-master.ts';
import { clientPrefix } from './names.ts';

/*
 * The one place that knows that there may be several servers. A client's keys share a hash tag, and so a hash slot,
 * and so a server: whatever is done for one client goes to that one.
 */

/** One Redis, or the one that Sentinel names master; or a Redis Cluster. */
export type Connection = Redis | Cluster;

/** Whether there may be several servers. */
export function isCluster(redis: Connection): redis is Cluster {
  return redis.isCluster;
}

/** The connections to all servers that take writes; of a Cluster that was not reached so far: none. */
export function serversOf(redis: Connection): Redis[] {
  return isCluster(redis) ? redis.nodes('master') : [redis];
}

/** The connection to the server that has a client's keys; undefined: it is not known, or lost. */
export function serverOf(redis: Connection, client: string): Redis | undefined {
  if (!isCluster(redis)) return redis;
  return serverAt(redis, redis.slots[calculateSlot(clientPrefix(client))]?.[0] ?? '');
}

function serverAt(redis: Cluster, address: string): Redis | undefined {
  const servers = serversOf(redis);
  const known = servers.find((server) => addressOf(server) === address);
  if (known !== undefined) return known;
  // After MOVED it stands there as the servers know it, until all are asked.
  const reached = mappedBy(redis.options, address);
  return reached && servers.find((server) => addressOf(server) === `${reached.host}:${reached.port}`);
}

const SLOTS = 16_384;

/** Whether there is a connection for each hash slot; it may be about to be lost. */
export function hasAllSlots(redis: Cluster): boolean {
  const owners = Array.from({ length: SLOTS }, (_, slot) => redis.slots[slot]?.[0] ?? '');
  return [...new Set(owners)].every((address) => serverAt(redis, address) !== undefined);
}

/** As a Cluster names its servers: an IPv6 address stands without brackets. */
function addressOf({ options: { host, port } }: Redis): string {
  return `${host}:${port}`;
}

/** Whether a server of a Cluster says that another one has the keys, or some of them. It has written nothing then. */
export function isSlotMoving({ message }: Error): boolean {
  return /^(?:MOVED|ASK|TRYAGAIN) /.test(message);
}

/** Asks a Cluster anew which server has which keys. Never rejects. */
export async function refreshSlots(redis: Cluster): Promise<void> {
  await new Promise<void>((resolve) => redis.refreshSlotsCache(() => resolve()));
}

/** How often a Cluster is asked which server has which keys. */
const SLOTS_EVERY_MS = 1_000;
/** If no server of a Cluster says for this long where the keys are, the configured ones are asked. */
const LOST_MS = 10_000;

/**
 * Keeps up with where the keys of a Cluster are, and the connections to all servers open that take writes. ioredis opens
 * one when a command needs it, and misses a lost one when a command fails.
 */
export function keepFinding(redis: Cluster): void {
  let foundAt = performance.now();
  redis.on('refresh', () => {
    foundAt = performance.now();
  });
  const find = (): void => {
    if (redis.status !== 'ready') return;
    redis.refreshSlotsCache();
    // It may go on asking servers whose addresses have all changed.
    if (performance.now() - foundAt > LOST_MS) redis.disconnect(true);
  };
  // Not slotsRefreshInterval: closed while it asks, ioredis never stops asking.
  const timer = setInterval(find, SLOTS_EVERY_MS).unref();
  redis.on('end', () => clearInterval(timer));
  redis.on('+node', (server: Redis) => {
    if (server.options.readOnly !== true) server.connect().catch(() => {});
    server.once('ready', () => server.once('close', find));
  });
}

/** Groups what belongs to clients by the server that has them; what has no server that is known is left out. */
export function byServer<Item>(
  redis: Connection,
  items: readonly Item[],
  clientOf: (item: Item) => string,
): ReadonlyMap<Redis, Item[]> {
  const groups = new Map<Redis, Item[]>();
  for (const item of items) {
    const server = serverOf(redis, clientOf(item));
    if (server === undefined) continue;
    const group = groups.get(server);
    if (group === undefined) groups.set(server, [item]);
    else group.push(item);
  }
  return groups;
}

/**
 * A further connection to Redis; to a server of a Cluster that is ready, another one after each loss. A message that is
 * published to one of them reaches all.
 */
export function duplicate(redis: Connection, options: PlainOptions): Redis {
  if (!isCluster(redis)) {
    const copy = redis.duplicate(options);
    if (copy.options.sentinels) followMaster(copy);
    return copy;
  }
  let turn = 0;
  const next = (): PlainOptions => {
    const servers = redis.nodes('master').map(({ options: { host = '', port = 0 } }) => ({ host, port }));
    turn += 1;
    return servers[turn % servers.length] ?? {};
  };
  const first = next();
  // Without a host it would be that of this machine.
  const lazyConnect = first.host === undefined;
  const copy = new Redis({
    ...(redis.options.redisOptions as PlainOptions),
    ...options,
    ...first,
    lazyConnect,
  });
  if (lazyConnect) {
    redis.once('ready', () => {
      Object.assign(copy.options, next());
      copy.connect().catch(() => {});
    });
  }
  // ioredis reads them at each attempt.
  copy.on('reconnecting', () => Object.assign(copy.options, next()));
  return copy;
}

/** How long a replica may take to be reached, and to answer: it may be frozen, or cut off. */
const REPLICA_MS = 5_000;

/**
 * Asks each replica something, of all masters of a Cluster or of the one that Sentinel names.
 *
 * @returns what each said, and the addresses of those that said nothing in time
 */
export async function askReplicas<Result>(
  redis: Connection,
  ask: (replica: Redis) => Promise<Result>,
): Promise<{ readonly said: Result[]; readonly silent: string[] }> {
  const replicas = isCluster(redis) ? redis.nodes('slave') : await connectReplicas(redis);
  try {
    const said: Result[] = [];
    const silent: string[] = [];
    await Promise.all(
      replicas.map(async (replica) => {
        const answer = await atMost(REPLICA_MS, ask(replica)).catch(unlessAnswered);
        if (answer === undefined) silent.push(addressOf(replica));
        else said.push(answer);
      }),
    );
    return { said, silent };
  } finally {
    // Those of a Cluster are its own.
    if (!isCluster(redis)) for (const replica of replicas) replica.disconnect();
  }
}

function unlessAnswered(error: unknown): undefined {
  if (error instanceof ReplyError) throw error;
}

/** Connections to the replicas of a master that are in sync, or were until they fell silent. */
async function connectReplicas(redis: Redis): Promise<Redis[]> {
  const info = await redis.info('replication');
  const { sentinels: _, name: __, ...options } = redis.options;
  return [...info.matchAll(/^slave\d+:ip=([^,]+),port=(\d+),state=online/gm)].map(([, host = '', port]) => {
    const reached = mappedBy(options, `${host}:${port}`) ?? { host, port: Number(port) };
    const once: PlainOptions = { ...(options as PlainOptions), ...reached, retryStrategy: null };
    return new Redis({ ...once, lazyConnect: true }).on('error', () => {});
  });
}

const losses = new WeakMap<Connection, number>();

/**
 * How many connections were lost so far, counted from the first call on. If it grows while an answer is waited for,
 * the command may have been sent twice, the first time to no answer: ioredis sends it again only after this has grown.
 */
export function lossesOf(redis: Connection): number {
  const known = losses.get(redis);
  if (known !== undefined) return known;
  losses.set(redis, 0);
  const count = (): void => void losses.set(redis, lossesOf(redis) + 1);
  if (!isCluster(redis)) redis.on('close', count);
  else {
    // Not -node: it does not come if the server was found again by then.
    const watch = (server: Redis) => server.once('close', count);
    redis.nodes().forEach(watch);
    redis.on('+node', watch);
  }
  return 0;
}
