import type { Redis } from 'ioredis';
import type { Config } from '../config/config-schema.ts';
import { replicasWanted } from '../config/redis-config.ts';
import { formatCount } from '../core/quantity-text.ts';
import type { ClientView } from '../queue/client-view.ts';
import { type Connection, isCluster, serverOf, serversOf, withReplicas } from '../queue/servers.ts';
import { judgeRedisSettings, type RedisSettings, readRedisSettings } from '../redis/settings.ts';
import { type Remark, remark } from './finding.ts';

/** What a check tells of the servers, before it looks at what they hold. @throws errors of Redis */
export async function checkServers(redis: Connection, { redis: section }: Config): Promise<Remark[]> {
  const masters = await Promise.all(
    serversOf(redis).map(async (server) => ({
      name: nameOf(server),
      settings: await readRedisSettings(server),
    })),
  );
  if (section === undefined || section.url !== undefined)
    return masters.flatMap(({ name, settings }) => describeOne(name, settings));
  const wanted = replicasWanted(section);
  return [
    ...masters.flatMap((master) => describeMaster(master, wanted)),
    ...(await withReplicas(redis, async (server) => describeReplica(nameOf(server), server))).flat(),
    ...(isCluster(redis) ? describeCluster(masters.map(({ settings }) => settings)) : []),
    describeFailover(wanted),
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
  const { replicas, minReplicas } = settings;
  const remarks = describeOne(name, { ...settings, clusterEnabled: false });
  if (replicas < Math.max(wanted, 1)) {
    const needs =
      wanted > 0 ? `, and acknowledgedBy is ${wanted}: no event is confirmed` : ': nothing stands in for it';
    remarks.push(remark(wanted > 0 ? 'error' : 'warning', `${name} has ${replicas} replicas${needs}`));
  }
  if (minReplicas === undefined || minReplicas === 0) {
    const what = minReplicas === undefined ? 'could not be checked' : 'is 0';
    const message = `min-replicas-to-write of ${name} ${what} and should be 1: a master that is cut off goes on taking writes, which the failover undoes`;
    remarks.push(remark(minReplicas === undefined ? 'note' : 'warning', message));
  }
  return remarks;
}

/** It takes over as it is. */
async function describeReplica(name: string, server: Redis): Promise<Remark[]> {
  const settings = await readRedisSettings(server);
  const judged = judgeRedisSettings({ ...settings, role: 'master', clusterEnabled: false });
  return judged.map(({ level, message }) => remark(level, `replica ${name}: ${message}`));
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

function describeFailover(wanted: number): Remark {
  const twice = 'what was delivered in the last moments before it may be delivered twice';
  if (wanted === 0) {
    const lost = 'a failover may lose the events that were accepted in the last moments: acknowledgedBy is 0';
    return remark('warning', `${lost}; ${twice}`);
  }
  const replicas = wanted === 1 ? 'a replica has' : `${wanted} replicas have`;
  const kept = `a failover loses no accepted event as long as one machine fails at a time: ${replicas} each before it counts as accepted`;
  return remark('note', `${kept}; ${twice}`);
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
