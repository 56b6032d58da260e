import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { expect, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import type { RedisConfig } from '../../src/config/redis-config.ts';
import { createProducer, type SubmitResult } from '../../src/index.ts';
import { closeRedis, openRedis } from '../../src/queue/connections.ts';
import { endpointPrefix } from '../../src/queue/names.ts';
import type { ConnectionRole } from '../../src/queue/redis-options.ts';
import { type Connection, serversOf } from '../../src/queue/servers.ts';
import type { ClientSettings, Company } from '../../src/sandbox/company.ts';
import type { Reply } from '../../src/sandbox/scripts.ts';
import { startCluster, type TestCluster, type TestClusterOptions } from '../support/cluster.ts';
import { dispositionsOf, numberedEvents } from '../support/events.ts';
import { ANY_PORT } from '../support/health-client.ts';
import { testSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';
import { runWaybill, startWaybill, testDirectory, type WaybillProcess } from '../support/waybill-process.ts';

/** What all events are of. */
export const TYPE = 'disposition_update';
/** It only tells a hang. */
export const PATIENT_MS = 90_000;
const CHUNK = 5;
const CHUNK_MS = 20;

/** Clients of a Cluster, with the service as a process. */
export interface ClusterScene {
  readonly cluster: TestCluster;
  /** It has the endpoints of all clients; the path is the client's name. */
  readonly company: Company;
  readonly directory: string;
  /** Writes other settings beside the clients. */
  configure(others: object): void;
  /** Starts a service with one worker, and waits until it delivers. */
  startService(...more: string[]): Promise<WaybillProcess>;
  /** Runs a command to its end. */
  run(...args: string[]): ReturnType<typeof runWaybill>;
  /** Submits events, each about a unit of its own, by one producer. */
  submit(client: string, count: number): Promise<SubmitResult[]>;
  /** Submits events of all these clients without a pause, whatever becomes of them, and notes it. */
  load(clients: readonly string[]): Load;
  /** A connection, closed when the test is over. */
  open(role: ConnectionRole): Connection;
  /** Resolves when all of these were delivered. */
  delivered(ids: readonly string[]): Promise<void>;
}

/** Events that are being submitted. */
export interface Load {
  /** Results so far, by client. */
  readonly results: ReadonlyMap<string, readonly SubmitResult[]>;
  /** The ids of accepted events so far, of all clients or of one. */
  accepted(client?: string): string[];
  /** Resolves when of each of these clients so many more events were accepted. */
  goesOn(clients: readonly string[], more?: number): Promise<void>;
  /** Resolves when of each of these clients an event was taken which no replica has confirmed. */
  isUnconfirmed(clients: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

/** What a scene begins with. */
export interface SceneOptions extends TestClusterOptions {
  /** Clients on each master; default 4. */
  readonly each?: number;
  readonly acknowledgedBy?: number;
  readonly redis?: (cluster: TestCluster) => Pick<RedisConfig, 'cluster' | 'natMap'>;
  readonly script?: Reply;
  readonly client?: Partial<ClientSettings>;
  /** Their names, where they are not any. */
  names?(cluster: TestCluster): string[];
}

/** Starts a Cluster with clients on each master; all of it is gone when the test is over. */
export async function clusterScene(options: SceneOptions): Promise<ClusterScene & { names: string[] }> {
  const cluster = await startCluster(options);
  const { each = 4, acknowledgedBy = 0, client = {}, script } = options;
  const names =
    options.names?.(cluster) ?? cluster.masters.flatMap((_, master) => cluster.clientsOn(master, each));
  const company = await testSandbox().company('acme', script === undefined ? {} : { script });
  const section: RedisConfig = { ...cluster.section, acknowledgedBy, ...options.redis?.(cluster) };
  const clients = names.map((name) => {
    return [name, company.clientSettings({ endpoints: { [TYPE]: `/${name}` }, ...client })] as const;
  });
  const directory = testDirectory();
  const file = join(directory, 'waybill.yaml');
  const configure = (others: object) => {
    const config = { redis: section, metrics: ANY_PORT, clients: Object.fromEntries(clients), ...others };
    writeFileSync(file, stringify(config));
  };
  configure({});
  const producer = await createProducer(file, { answerTimeoutMs: 2_000 });
  onTestFinished(() => producer.close());
  let units = 0;
  const submit = (name: string, count: number) => {
    units += count;
    return producer.submitMany(name, TYPE, numberedEvents(TYPE, count, units - count));
  };
  return {
    cluster,
    company,
    directory,
    names,
    configure,
    async startService(...more) {
      const service = startWaybill(['start', '--workers', '1', ...more], { directory });
      await service.waitForLine('delivering', { timeoutMs: PATIENT_MS });
      return service;
    },
    run: (...args) => runWaybill(args, { directory }),
    submit,
    load: (of) => startLoad(of, submit),
    open(role) {
      const { natMap } = section;
      const location = { cluster: section.cluster, ...(natMap && { natMap }) };
      const redis = openRedis(location, role, () => {}, { answerTimeoutMs: 2_000 });
      onTestFinished(() => closeRedis(redis));
      return redis;
    },
    delivered: (ids) =>
      company.waitFor((seen) => ids.every((id) => seen.deliveredIds.has(id)), { timeoutMs: PATIENT_MS }),
  };
}

function startLoad(clients: readonly string[], submit: ClusterScene['submit']): Load {
  const results = new Map<string, SubmitResult[]>(clients.map((client) => [client, []]));
  let isStopping = false;
  // One that hangs holds up no other.
  const running = clients.map(async (client) => {
    while (!isStopping) {
      results.get(client)?.push(...(await submit(client, CHUNK)));
      await pause(CHUNK_MS);
    }
  });
  const accepted = (client?: string) =>
    [...results].flatMap(([name, those]) => (client === undefined || name === client ? idsOf(those) : []));
  const ofAll = (some: readonly string[], holds: (client: string) => boolean) =>
    until(async () => some.every(holds), PATIENT_MS);
  return {
    results,
    accepted,
    async goesOn(some, more = 50) {
      const wanted = new Map(some.map((client) => [client, accepted(client).length + more]));
      await ofAll(some, (client) => accepted(client).length >= (wanted.get(client) ?? 0));
    },
    isUnconfirmed: (some) => ofAll(some, (client) => results.get(client)?.some(isNotReplicated) === true),
    async stop() {
      isStopping = true;
      await Promise.all(running);
    },
  };
}

/** The ids of those that were accepted. */
export function idsOf(results: readonly SubmitResult[]): string[] {
  return results.flatMap((result) => (result.outcome === 'accepted' ? [result.id] : []));
}

function isNotReplicated(result: SubmitResult): boolean {
  return result.outcome === 'unknown' && result.code === 'REDIS_NOT_REPLICATED';
}

/** All keys on all masters. */
export async function keysOf({ cluster }: ClusterScene): Promise<string[]> {
  const masters = await Promise.all(cluster.servers.map(({ redis }) => mastersKeys(redis)));
  return masters.flat().sort();
}

async function mastersKeys(redis: Redis): Promise<string[]> {
  const role = (await redis.role()) as unknown[];
  return role[0] === 'master' ? redis.keys('*') : [];
}

/** Fails if a client's queue has a job in no list, or in a list and nowhere else. */
export async function expectNoOrphans(redis: Connection, client: string): Promise<void> {
  const prefix = endpointPrefix(dispositionsOf(client));
  const lists = await Promise.all(['wait', 'active'].map((name) => redis.lrange(prefix + name, 0, -1)));
  const sets = ['delayed', 'prioritized', 'completed', 'failed'].map((name) =>
    redis.zrange(prefix + name, '0', '-1'),
  );
  const listed = [...lists, ...(await Promise.all(sets))].flat().sort();
  const keys = (await Promise.all(serversOf(redis).map((one) => one.keys(`${prefix}*`)))).flat();
  const jobs = keys
    .map((key) => key.slice(prefix.length))
    .filter((id) => /^[0-9a-f-]{36}(?:\.[\d.]+)?$/.test(id));
  expect(jobs.sort()).toEqual(listed);
}
