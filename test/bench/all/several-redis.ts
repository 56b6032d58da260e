import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import calculateSlot from 'cluster-key-slot';
import { closeRedis, openRedis } from '../../../src/queue/connections.ts';
import { clientPrefix } from '../../../src/queue/names.ts';
import { setPaused } from '../../../src/queue/pause-client.ts';
import type { RedisLocation } from '../../../src/queue/redis-options.ts';
import { ask, type RedisServers, startCluster, startReplicated } from '../../support/redis-servers.ts';
import { type Child, startChild } from '../child.ts';
import { estimate, pairedRatios } from '../statistics.ts';
import type { EndpointCommands, EngineCommands } from './protocol.ts';
import { type Row, rowOfRounds, rowToTell } from './row.ts';
import { configOf, scaled } from './scene.ts';
import { openSubmitter } from './submit.ts';

const ROUNDS = 12;
const INTAKE_EVENTS = 60_000;
const DELIVERED_EVENTS = 36_000;
const DELIVERY_ROUNDS = 60;
const MASTERS = 3;
const SLOTS = 16_384;

async function withServers<Result>(
  start: (directory: string) => Promise<RedisServers>,
  run: (servers: RedisServers) => Promise<Result>,
): Promise<Result> {
  const directory = await mkdtemp(join(tmpdir(), 'waybill-bench-'));
  const servers = await start(directory);
  try {
    return await run(servers);
  } finally {
    await servers.close();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Measures two sides in turns, each round the other way round, after one round that does not count. */
async function inTurns<Side extends string>(
  sides: readonly [above: Side, below: Side],
  rounds: number,
  measure: (side: Side) => Promise<number>,
) {
  const found = { above: [] as number[], below: [] as number[] };
  for (let round = 0; round <= rounds; round += 1) {
    const isTurned = round % 2 === 1;
    const first = await measure(sides[isTurned ? 1 : 0]);
    const second = await measure(sides[isTurned ? 0 : 1]);
    if (round === 0) continue;
    found.above.push(isTurned ? second : first);
    found.below.push(isTurned ? first : second);
  }
  return estimate(pairedRatios(found.above, found.below));
}

/** What it costs that a replica must have an event before it counts as accepted: events a second, with ÷ without. */
export function measureReplicatedIntake(scale: number): Promise<Row> {
  const events = scaled(INTAKE_EVENTS, scale, 100);
  const start = (directory: string) => startReplicated(directory, 1, { appendfsync: 'everysec' });
  return withServers(start, async ({ servers: [master] }) => {
    const url = `redis://127.0.0.1:${master?.port}`;
    const submitterOf = (acknowledgedBy: number) => {
      const { clients } = JSON.parse(configOf(1, { acme: {} }));
      return openSubmitter(JSON.stringify({ redis: { url, acknowledgedBy }, clients }), { url });
    };
    const submitters = { with: await submitterOf(1), without: await submitterOf(0) };
    const ratio = await inTurns(['with', 'without'], scaled(ROUNDS, scale), async (side) => {
      await ask(master?.port ?? 0, 'FLUSHALL');
      const from = performance.now();
      await submitters[side].many('acme', events);
      return events / (performance.now() - from);
    });
    await Promise.all([submitters.with.close(), submitters.without.close()]);
    return rowOfRounds(
      {
        name: 'intake with acknowledgedBy: 1 ÷ without',
        goal: 0.9,
        floor: 0.8,
        better: 'more',
        detail: `events a second in full batches, over one master with one replica; turns of ${events.toLocaleString('en-US')} events`,
      },
      ratio,
    );
  });
}

interface ClusterSide {
  readonly clients: readonly string[];
  readonly location: RedisLocation;
  readonly engine: Child<EngineCommands>;
  /** Connections to all servers together. */
  readonly connections: number;
}

/** A worker process over a Cluster ÷ one over one Redis, delivered events a second; the same servers, three clients each. */
export function measureCluster(scale: number): Promise<readonly Row[]> {
  const events = scaled(DELIVERED_EVENTS, scale, 30);
  const start = (directory: string) =>
    startCluster(directory, { masters: MASTERS, replicas: 0 }, { appendfsync: 'everysec' });
  return withServers(start, async (servers) => {
    const endpoint = startChild<EndpointCommands>('./all/endpoint-process.js', { args: ['endpoint'] });
    const port = await endpoint.ask('listen', undefined);
    const [first] = servers.servers;
    const sides = {
      cluster: await openSide(servers, port, clientsOn([0, 1, 2]), { ...servers.section }),
      one: await openSide(servers, port, clientsOn([0, 0, 0]), { url: `redis://127.0.0.1:${first?.port}` }),
    };
    try {
      const ratio = await inTurns(['cluster', 'one'], scaled(DELIVERY_ROUNDS, scale), (side) =>
        deliver(sides[side], endpoint, port, events),
      );
      return rowsOf(ratio, sides, events);
    } finally {
      await Promise.all([endpoint, sides.cluster.engine, sides.one.engine].map((child) => child.close()));
    }
  });
}

function rowsOf(
  ratio: ReturnType<typeof estimate>,
  sides: Record<'cluster' | 'one', ClusterSide>,
  events: number,
) {
  const of = `a worker process over a Cluster of ${MASTERS} masters`;
  return [
    rowOfRounds(
      {
        name: `${of} ÷ over one Redis`,
        goal: 0.95,
        floor: 0.9,
        better: 'more',
        detail: `delivered events a second of a backlog; three clients on one of the masters and on each, turns of ${events.toLocaleString('en-US')} events`,
      },
      ratio,
    ),
    rowToTell(
      { name: `${of}: connections`, digits: 0, detail: 'idle, to all masters together' },
      sides.cluster.connections,
    ),
    rowToTell(
      { name: 'a worker process over one Redis: connections', digits: 0, detail: 'idle' },
      sides.one.connections,
    ),
  ];
}

let names = 0;

/** Names of clients, each on one of the masters, which share the slots evenly. */
function clientsOn(masters: readonly number[]): string[] {
  return masters.map((master) => {
    for (;;) {
      names += 1;
      const slot = calculateSlot(clientPrefix(`acme-${names}`));
      if (Math.floor((slot * MASTERS) / SLOTS) === master) return `acme-${names}`;
    }
  });
}

async function openSide(
  { servers }: RedisServers,
  port: number,
  clients: readonly string[],
  location: RedisLocation,
): Promise<ClusterSide> {
  const connections = async (): Promise<number> => {
    const infos = await Promise.all(servers.map((server) => ask(server.port, 'INFO', 'clients')));
    return infos.reduce<number>(
      (sum, info) => sum + Number(/connected_clients:(\d+)/.exec(String(info))?.[1]),
      0,
    );
  };
  const before = await connections();
  const engine = startChild<EngineCommands>('./all/engine-process.js', { args: ['engine'] });
  await engine.ask('start', { config: configFor(port, clients), redis: location });
  return { clients, location, engine, connections: (await connections()) - before };
}

function configFor(port: number, clients: readonly string[]): string {
  return configOf(port, Object.fromEntries(clients.map((client) => [client, {}])));
}

/** Delivers a number of events in all, which wait before. @returns events a millisecond */
async function deliver(
  { clients, location }: ClusterSide,
  endpoint: Child<EndpointCommands>,
  port: number,
  events: number,
): Promise<number> {
  const redis = openRedis(location, 'operator', () => {});
  const submitter = await openSubmitter(configFor(port, clients), location);
  try {
    for (const client of clients) await setPaused(redis, client, true, Date.now());
    for (const client of clients) await submitter.many(client, Math.ceil(events / clients.length));
    await endpoint.ask('begin', undefined);
    const from = performance.now();
    for (const client of clients) await setPaused(redis, client, false, Date.now());
    await endpoint.ask('arrivals', events);
    return events / (performance.now() - from);
  } finally {
    await submitter.close();
    closeRedis(redis);
  }
}
