import calculateSlot from 'cluster-key-slot';
import { openRedis } from '../../src/queue/connections.ts';
import { clientPrefix } from '../../src/queue/names.ts';
import {
  ask,
  type RedisServer,
  SENTINEL_NAME,
  startCluster,
  startWithSentinels,
} from '../support/redis-servers.ts';
import { until } from '../support/until.ts';
import type { DurableRedis } from './durable-redis.ts';

const REPLICAS = 2;
const MASTERS = 3;
const SLOTS = 16_384;
/** How many keys travel at once. */
const KEYS_AT_ONCE = 100;
const MIGRATE_TIMEOUT_MS = 5_000;

/** Where one of several servers takes over: they are disturbed one at a time. */
interface Failover {
  readonly section: DurableRedis['section'];
  readonly servers: readonly RedisServer[];
  /** The port of the server that has the client's keys now. */
  master(): Promise<number>;
  readonly bystander?: string;
  /** Hands the client's keys to another master, key by key. */
  moveSlot?(): Promise<void>;
  close(): Promise<void>;
}

/** A master with two replicas and three sentinels. */
export async function startSentinelRedis(directory: string): Promise<DurableRedis> {
  const servers = await startWithSentinels(directory, { replicas: REPLICAS, sentinels: 3 });
  const [sentinel = ''] = servers.section.sentinels ?? [];
  const sentinelPort = Number(sentinel.split(':')[1]);
  return disturbable({
    ...servers,
    // Sentinel may choose the replica that has less: both have to have an event that counts as accepted.
    section: { ...servers.section, acknowledgedBy: REPLICAS },
    async master() {
      const [, port] = (await ask(
        sentinelPort,
        'SENTINEL',
        'GET-MASTER-ADDR-BY-NAME',
        SENTINEL_NAME,
      )) as string[];
      return Number(port);
    },
  });
}

/** Three masters with a replica each. */
export async function startClusterRedis(directory: string, client: string): Promise<DurableRedis> {
  const cluster = await startCluster(directory, { masters: MASTERS, replicas: 1 });
  const slot = calculateSlot(clientPrefix(client));
  const bystander = bystanderOf(slot);
  const slots = async (): Promise<[number, number, [string, number]][]> => {
    const answers = cluster.servers.map(({ port }) => ask(port, 'CLUSTER', 'SLOTS'));
    return (await Promise.any(answers)) as [number, number, [string, number]][];
  };
  const masterOf = async (wanted: number): Promise<number> => {
    const range = (await slots()).find(([from, to]) => from <= wanted && wanted <= to);
    return range?.[2][1] ?? 0;
  };
  return disturbable({
    ...cluster,
    bystander,
    master: () => masterOf(slot),
    async moveSlot() {
      const from = await masterOf(slot);
      const spared = await masterOf(calculateSlot(clientPrefix(bystander)));
      const masters = [...new Set((await slots()).map(([, , [, port]]) => port))];
      const to = masters.find((port) => port !== from && port !== spared);
      await moveSlot(slot, from, to ?? from, masters);
    },
  });
}

/** A client on another master than that of this slot. */
function bystanderOf(slot: number): string {
  const masterAt = (one: number): number => Math.floor((one * MASTERS) / SLOTS);
  const names = Array.from({ length: SLOTS }, (_, n) => `bystander-${n}`);
  return names.find((name) => masterAt(calculateSlot(clientPrefix(name))) !== masterAt(slot)) ?? '';
}

/** As `redis-cli --cluster reshard` does it. */
async function moveSlot(slot: number, from: number, to: number, masters: readonly number[]): Promise<void> {
  const [source, target] = await Promise.all(
    [from, to].map((port) => ask(port, 'CLUSTER', 'MYID').then(String)),
  );
  const set = (port: number, ...words: (string | undefined)[]) =>
    ask(port, 'CLUSTER', 'SETSLOT', String(slot), ...words.map(String));
  await set(to, 'IMPORTING', source);
  await set(from, 'MIGRATING', target);
  for (;;) {
    const keys = (await ask(
      from,
      'CLUSTER',
      'GETKEYSINSLOT',
      String(slot),
      String(KEYS_AT_ONCE),
    )) as string[];
    if (keys.length === 0) break;
    const how = ['', '0', String(MIGRATE_TIMEOUT_MS), 'KEYS', ...keys];
    await ask(from, 'MIGRATE', '127.0.0.1', String(to), ...how);
  }
  for (const port of [to, from, ...masters.filter((one) => one !== from && one !== to)]) {
    await set(port, 'NODE', target);
  }
}

function disturbable({ section, servers, master, bystander, moveSlot: move, close }: Failover): DurableRedis {
  let disturbed: RedisServer | undefined;
  const present = async (): Promise<RedisServer | undefined> => {
    const port = await master();
    disturbed = servers.find((server) => server.port === port);
    return disturbed;
  };
  return {
    section,
    mayLoseSettlements: true,
    async kill() {
      await (await present())?.kill();
    },
    async start() {
      const killed = disturbed;
      await killed?.start();
      // One that joins the others has to be in sync before the next one is disturbed.
      await until(async () =>
        /role:master|master_link_status:up/.test(
          String(await ask(killed?.port ?? 0, 'INFO').catch(() => '')),
        ),
      );
    },
    async freeze() {
      (await present())?.freeze();
    },
    thaw: () => disturbed?.thaw(),
    async killConnections() {
      await ask(await master(), 'CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    },
    ...(bystander !== undefined && { bystander }),
    ...(move && { moveSlot: move }),
    connect: () => openRedis(section, 'operator', () => {}),
    close,
  };
}
