import type { Redis } from 'ioredis';
import type { Config } from '../config/config-schema.ts';
import { replicasWanted } from '../config/redis-config.ts';
import { formatCount } from '../core/quantity-text.ts';
import type { ClientView } from '../queue/client-view.ts';
import { unavailable } from '../queue/connections.ts';
import {
  askReplicas,
  type Connection,
  hasAllSlots,
  isCluster,
  serverOf,
  serversOf,
} from '../queue/servers.ts';
import {
  type Finding,
  judgeRedisSettings,
  type RedisSettings,
  readRedisSettings,
} from '../redis/settings.ts';
import { type Remark, remark } from './finding.ts';

/**
 * What a check tells of the servers, before it looks at what they hold. @throws errors of Redis, and a WaybillError
 * `REDIS_UNAVAILABLE` if a server of a Cluster is away
 */
export async function checkServers(redis: Connection, { redis: section }: Config): Promise<Remark[]> {
  if (isCluster(redis) && !hasAllSlots(redis)) throw unavailable(redis);
  const masters = await Promise.all(
    serversOf(redis).map(async (server) => ({
      name: nameOf(server),
      settings: await readRedisSettings(server),
    })),
  );
  if (section === undefined || section.url !== undefined)
    return masters.flatMap(({ name, settings }) => describeOne(name, settings));
  const wanted = replicasWanted(section);
  const { said: replicas, silent } = await askReplicas(redis, async (server) => ({
    name: nameOf(server),
    settings: await readRedisSettings(server),
  }));
  return [
    ...masters.flatMap((master) => describeMaster(master, wanted)),
    ...describeReplicas(replicas, masters),
    ...silent.sort().map((name) => remark('warning', `replica ${name} does not answer`)),
    ...describeMinReplicas([...masters, ...replicas]),
    ...describeTooFew(masters),
    ...(isCluster(redis) ? describeCluster(masters.map(({ settings }) => settings)) : []),
    ...describeFailover(wanted, Math.min(...masters.map(({ settings }) => settings.replicas))),
  ];
}

interface Server {
  readonly name: string;
  readonly settings: RedisSettings;
}

/** Without the password that a URL may hold. */
function nameOf({ options: { path, host, port }, stream }: Redis): string {
  // Sentinel has named another one.
  const { remoteAddress, remotePort } = (stream ?? {}) as { remoteAddress?: string; remotePort?: number };
  return path ?? (remotePort === undefined ? `${host}:${port}` : `${remoteAddress}:${remotePort}`);
}

function describeOne(name: string, settings: RedisSettings): Remark[] {
  const judged = judgeRedisSettings(settings);
  const isSafe = judged.every(({ level }) => level === 'note');
  const server = `Redis ${settings.version ?? ''} at ${name}`.replace('  ', ' ');
  return [remark('ok', `${server} answers${isSafe ? ', and its settings keep events' : ''}`), ...judged];
}

function describeMaster({ name, settings }: Server, wanted: number): Remark[] {
  const { replicas } = settings;
  const remarks = describeOne(name, { ...settings, clusterEnabled: false });
  if (replicas < Math.max(wanted, 1)) {
    const has = `master ${name} has ${replicas === 0 ? 'no replica' : countOf(replicas)}`;
    const needs =
      wanted > 0
        ? `, and acknowledgedBy is ${wanted}: no event counts as accepted`
        : ': nothing takes over if it fails';
    remarks.push(remark(wanted > 0 ? 'error' : 'warning', has + needs));
  }
  return remarks;
}

/** A replica takes over as it is. */
function judgeAsMaster(settings: RedisSettings): Finding[] {
  return judgeRedisSettings({ ...settings, role: 'master', clusterEnabled: false });
}

/** What is found of a master is not said again of its replicas. */
function describeReplicas(replicas: readonly Server[], masters: readonly Server[]): Remark[] {
  if (replicas.length === 0) return [];
  const said = new Set(
    masters.flatMap(({ settings }) => judgeAsMaster(settings)).map(({ message }) => message),
  );
  const inOrder = byName(replicas);
  const others = inOrder.flatMap(({ name, settings }) =>
    judgeAsMaster(settings)
      .filter(({ message }) => !said.has(message))
      .map(({ level, message }) => remark(level, `replica ${name}: ${message}`)),
  );
  const names = inOrder.map(({ name }) => name).join(', ');
  return [remark('ok', `${countOf(replicas.length)} in sync: ${names}`), ...others];
}

function byName(servers: readonly Server[]): Server[] {
  return [...servers].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Also of a replica, which has it as a master. */
function describeMinReplicas(servers: readonly Server[]): Remark[] {
  const why =
    'a master that is cut off from its replicas goes on taking writes, which a failover loses, and what it delivers meanwhile is delivered again';
  const named = (minReplicas: number | undefined) =>
    byName(servers.filter(({ settings }) => settings.minReplicas === minReplicas)).map(({ name }) => name);
  const [zero, unknown] = [named(0), named(undefined)];
  const remarks: Remark[] = [];
  if (zero.length > 0) {
    const message = `min-replicas-to-write is 0 and should be 1 on ${zero.join(', ')}: ${why}`;
    remarks.push(remark('warning', message));
  }
  if (unknown.length > 0) {
    const message = `min-replicas-to-write could not be checked on ${unknown.join(', ')} and should be 1: with 0 ${why}`;
    remarks.push(remark('note', message));
  }
  return remarks;
}

/** The replica that takes over has one less. */
function describeTooFew(masters: readonly Server[]): Remark[] {
  const names = byName(masters)
    .filter(({ settings: { minReplicas = 0, replicas } }) => replicas > 0 && minReplicas >= replicas)
    .map(({ name }) => name);
  if (names.length === 0) return [];
  const message = `min-replicas-to-write is no less than the number of replicas of ${names.join(', ')}: after a failover the new master takes no writes until the lost server is back; one replica more rules that out`;
  return [remark('note', message)];
}

function countOf(replicas: number): string {
  return `${replicas} replica${replicas === 1 ? '' : 's'}`;
}

function describeCluster(masters: readonly RedisSettings[]): Remark[] {
  const remarks = [remark('ok', `the Cluster has ${masters.length} masters`)];
  if (masters.some(({ fullCoverage }) => fullCoverage === true)) {
    const message =
      'cluster-require-full-coverage is yes and should be no: while one master is away without a replica, all clients stand still instead of its own';
    remarks.push(remark('warning', message));
  }
  return remarks;
}

/** @param replicas how many the master has that has the fewest */
function describeFailover(wanted: number, replicas: number): Remark[] {
  // It is an error, and nothing counts as accepted.
  if (replicas < wanted) return [];
  const twice = 'what was delivered in the moments before it may be delivered twice';
  if (wanted === 0) {
    const lost =
      'acknowledgedBy is 0: a failover may lose the events that were accepted in the moments before it';
    return [remark('warning', `${lost}; ${twice}`)];
  }
  if (wanted === replicas) {
    const all = replicas === 1 ? 'its replica has' : `all ${replicas} replicas have`;
    const kept = `an event counts as accepted once ${all} it: a failover loses none while one machine fails at a time`;
    return [remark('note', `${kept}; ${twice}`)];
  }
  const some = `an event counts as accepted once ${wanted} of ${replicas} replicas ${wanted === 1 ? 'has' : 'have'} it`;
  const lost = `a failover loses it only if a replica takes over that did not have it yet`;
  const cure = `acknowledgedBy: ${replicas} rules that out, and accepts nothing while a replica is away`;
  return [remark('note', `${some}: ${lost} (${cure}); ${twice}`)];
}

/** How the clients of a Cluster are spread: one server has all events of a client. */
export function describeSpread(
  redis: Connection,
  views: ReadonlyMap<string, Pick<ClientView, 'waiting' | 'inFlight' | 'retrying' | 'dead'>>,
): Remark[] {
  if (!isCluster(redis)) return [];
  const rows = serversOf(redis).map((server) => {
    const own = [...views].filter(([client]) => serverOf(redis, client) === server);
    const held = own.map(([, { waiting, inFlight, retrying, dead }]) => waiting + inFlight + retrying + dead);
    return { name: nameOf(server), clients: own.length, events: held.reduce((sum, count) => sum + count, 0) };
  });
  const texts = rows.map(({ name, clients, events }) => {
    return `${name} has ${formatCount(clients)} clients with ${formatCount(events)} events`;
  });
  const mean = views.size / rows.length;
  const most = Math.max(...rows.map(({ clients }) => clients));
  const evenness = views.size === 0 ? '' : `; the fullest has ${(most / mean).toFixed(2)} times the mean`;
  return [remark('note', `${texts.join(', ')}${evenness}`)];
}
