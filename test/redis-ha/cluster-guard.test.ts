import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createRedisBackend, type RedisQueueBackend } from 'bullmq';
import type { Redis } from 'ioredis';
import { v7 as uuidv7 } from 'uuid';
import { expect, onTestFinished, test } from 'vitest';
import type { StoredEvent } from '../../src/core/event.ts';
import type { OpenIncident } from '../../src/core/incident-steps.ts';
import { OPEN_VERDICT } from '../../src/core/pace.ts';
import { noNews } from '../../src/core/pace-sums.ts';
import { admit, admitKeyed, restoreEvents } from '../../src/queue/admit.ts';
import { noteAction } from '../../src/queue/audit.ts';
import { readClientView } from '../../src/queue/client-view.ts';
import { closeRedis, firstConnection, openRedis } from '../../src/queue/connections.ts';
import {
  discardDeadLetters,
  readDeadLetterPage,
  readDeadLetters,
  replayDeadLetters,
} from '../../src/queue/dead-letters.ts';
import { defineScript } from '../../src/queue/define-script.ts';
import { deliveredSlot } from '../../src/queue/delivered-record.ts';
import { findDiscarded } from '../../src/queue/discarded.ts';
import { changeIncident, claimNotices, openIncident, readIncidents } from '../../src/queue/incident-store.ts';
import { createEventLookUp } from '../../src/queue/look-up-event.ts';
import {
  deliveredKey,
  deliveriesPrefix,
  endpointPrefix,
  OF_NO_CLIENT,
  rateKey,
} from '../../src/queue/names.ts';
import { tellPace, writeVerdict } from '../../src/queue/pace-store.ts';
import { setPaused } from '../../src/queue/pause-client.ts';
import type { ConnectionRole } from '../../src/queue/redis-options.ts';
import { reserveSends } from '../../src/queue/reserve-sends.ts';
import { READ_JOBS } from '../../src/queue/scripts/find-event.ts';
import { FIND_DELIVERED } from '../../src/queue/scripts/remember-delivered.ts';
import type { Connection } from '../../src/queue/servers.ts';
import { settle } from '../../src/queue/settle.ts';
import { findTaken, takePaced } from '../../src/queue/take-batch.ts';
import { forgetNotice } from '../../src/queue/told-notices.ts';
import { completion } from '../queue/support/completion.ts';
import { type ClusterServer, slotOf, startCluster } from '../support/cluster.ts';
import { dispositionsOf, storedEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { idleBatchWorker } from '../support/stalled.ts';

failOnLeaks();

const LOCK = { token: 'token', durationMs: 600_000, askedAt: 0 };
const NOTE = { id: uuidv7(), action: 'discard', by: { key: 'key' } } as const;
const NOW = Date.now();
const TAKE_ALL = { retries: true, freshUntil: Number.MAX_SAFE_INTEGER, retriesFirst: false };
const MIGRATE_MS = '5000';
const WAIT_MS = 60_000;

/** A client with something of each kind in Redis, and a batch that is taken. */
async function furnished(redis: Connection, client: string) {
  const endpoint = dispositionsOf(client);
  const newEvent = (): StoredEvent => storedEvent(1, { id: uuidv7() });
  const failed = { ...newEvent(), history: [[NOW, 500, 'server_error', 5] as const] };
  const take = async () => {
    const taken = await takePaced(redis, endpoint, TAKE_ALL, LOCK, NOW);
    if (!('token' in taken)) throw new Error('there is no batch');
    return taken;
  };
  const add = (events: readonly StoredEvent[]) => admit(redis, endpoint, [{ id: uuidv7(), events }], NOW);
  const delivered = newEvent();
  await add([delivered, failed]);
  await settle(
    redis,
    endpoint,
    {
      ...completion(await take()),
      settlement: {
        dead: [failed, { ...failed, id: uuidv7() }],
        apart: [{ event: { ...failed, id: uuidv7() }, dueAt: NOW + 9e6 }],
        stay: [],
      },
      finished: [{ event: delivered, outcome: { kind: 'delivered', status: 200 } }],
      failures: { 'server_error:500': 2 },
      news: { ...noNews(0), fail: 2 },
    },
    'before',
    24,
  );
  await openIncident(redis, endpoint, { cause: 'died', openedAt: NOW, count: 1 });
  const [letter] = (await readDeadLetterPage(redis, client, 1)).letters;
  await discardDeadLetters(redis, client, letter === undefined ? [] : [letter.event], NOTE);
  for (let batch = 0; batch < 5; batch += 1) await add([newEvent()]);
  const keys = [{ key: 'key', fingerprint: 'f' }];
  await admitKeyed(redis, endpoint, [{ id: uuidv7(), events: [newEvent()], keys }], NOW);
  await reserveSends(redis, rateKey(client), 0.01, 1);
  await claimNotices(redis, client, 'channel', 'monitor', LOCK.durationMs);
  const taken = await take();
  return { endpoint, delivered, failed, taken, newEvent };
}

type Furnished = Awaited<ReturnType<typeof furnished>>;

/** What runs each guarded script, by its name. */
const RUNS: Readonly<
  Record<string, (redis: Connection, client: string, known: Furnished) => Promise<unknown>>
> = {
  admit: (redis, _, { endpoint, newEvent }) =>
    admit(redis, endpoint, [{ id: uuidv7(), events: [newEvent()] }], NOW),
  'admit-keyed': (redis, _, { endpoint, newEvent }) => {
    const keys = [{ key: 'other', fingerprint: 'f' }];
    return admitKeyed(redis, endpoint, [{ id: uuidv7(), events: [newEvent()], keys }], NOW);
  },
  restore: async (redis, _, { endpoint, newEvent }) => {
    const restored = await restoreEvents(redis, endpoint, uuidv7(), [newEvent()], NOW);
    if (restored.kind !== 'answered') throw restored.error;
  },
  'take-paced': (redis, _, { endpoint }) => takePaced(redis, endpoint, TAKE_ALL, LOCK, NOW),
  'find-taken': (redis, _, { endpoint }) => findTaken(redis, endpoint, LOCK),
  settle: (redis, _, { endpoint, taken }) =>
    settle(redis, endpoint, { ...completion(taken), nextLock: LOCK }, 'name', 24),
  replay: async (redis, client, { failed }) =>
    replayDeadLetters(redis, client, uuidv7(), [failed, { ...failed, id: uuidv7() }], NOW, NOTE),
  discard: (redis, client, { failed }) => discardDeadLetters(redis, client, [failed], NOTE),
  'read-dead-letters': async (redis, client) => {
    for await (const page of readDeadLetters(redis, client)) if (page.length === 0) break;
  },
  pause: (redis, client) => setPaused(redis, client, true, NOW, NOTE),
  'tell-pace': (redis, _, { endpoint }) => tellPace(redis, endpoint, { ...noNews(0), ok: 1 }),
  'write-verdict': (redis, _, { endpoint }) =>
    writeVerdict(redis, endpoint, { ...OPEN_VERDICT, number: 1, state: 'down' }, false, NOTE),
  reserve: (redis, client) => reserveSends(redis, rateKey(client), 0.01, 1),
  'client-view': (redis, name) => readClientView(redis, { name, endpoints: {} }),
  'read-incidents': (redis, client) => readIncidents(redis, [client]),
  'open-incident': (redis, client) =>
    openIncident(redis, { client, type: 'inventory_receipt' }, { cause: 'died', openedAt: NOW }),
  'change-incident': (redis, client) =>
    changeIncident(redis, { ...INCIDENT, client }, { told: 1, closed: 'dropped' }),
  'claim-notices': (redis, client) => claimNotices(redis, client, 'channel', 'monitor', 1),
  'forget-notice': (redis, client) => {
    const notice = {
      id: 'id',
      kind: 'opened',
      at: NOW,
      incident: { ...INCIDENT, client, waiting: 0 },
    } as const;
    return forgetNotice(redis, client, { channel: 'channel', notice }, { at: NOW });
  },
  'find-by-name': (redis, client, { delivered }) =>
    createEventLookUp({ redis, clients: [client], now: () => NOW })(delivered.id),
  // Those that ask by another script first.
  'find-delivered': (redis, client, { delivered }) => {
    const list = deliveredKey(client, deliveredSlot(delivered.id));
    return defineScript('find-delivered', FIND_DELIVERED)(redis, [list], [0, '']);
  },
  'read-jobs': (redis, _, { endpoint, taken }) => {
    const prefix = endpointPrefix(endpoint);
    return defineScript('read-jobs', READ_JOBS)(redis, [`${prefix}delayed`], [prefix, '', taken.id]);
  },
  'find-discarded': (redis, client, { failed }) => findDiscarded(redis, client, failed.id, NOW),
};

/** It belongs to no client, or is BullMQ's: they have tests of their own. */
const APART = ['note', 'extend-locks'];

const INCIDENT: Omit<OpenIncident, 'client'> = {
  cause: 'died',
  ...{ type: 'disposition_update', openedAt: NOW, failingSince: 0, lastAt: 0, count: 1 },
  ...{ diedAgain: 0, left: 0, failures: [], told: 0, toldDown: 0, deliveredBefore: 0, replayed: 0 },
  state: 'open',
  ...{ stateSince: 0, downFrom: 0, failing: false, judged: 0, judgedFrom: 0 },
};

test('each guarded script has a case here', () => {
  const folder = fileURLToPath(new URL('../../src/', import.meta.url));
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /\.ts$/.test(file),
  );
  const calls = files.flatMap((file) => [
    ...readFileSync(`${folder}${file}`, 'utf8').matchAll(/= defineScript\(\s*(?:'([a-z-]+)')?/g),
  ]);
  // What reads of many clients on one server has no guard: that is one script.
  const unguarded = files.filter((file) =>
    /= defineUnguardedScript\(/.test(readFileSync(`${folder}${file}`, 'utf8')),
  );
  expect(unguarded.sort()).toEqual(['queue/batch-workers.ts', 'queue/define-script.ts']);
  expect(calls.map(([, name]) => name).sort()).toEqual([...Object.keys(RUNS), ...APART].sort());
});

/** Two servers, and connections to them. */
async function twoServers() {
  const cluster = await startCluster({ masters: 2 });
  const [source, target] = cluster.masters as [ClusterServer, ClusterServer];
  const open = (role: ConnectionRole): Connection => {
    const redis = openRedis({ cluster: cluster.section.cluster }, role, () => {});
    onTestFinished(() => closeRedis(redis));
    return redis;
  };
  return { cluster, source, target, open };
}

/** Begins to move a slot, and moves each second of its keys. @param odd which half */
async function halfMove(source: ClusterServer, target: ClusterServer, slot: number, odd: boolean) {
  await target.redis.cluster('SETSLOT', slot, 'IMPORTING', source.id);
  await source.redis.cluster('SETSLOT', slot, 'MIGRATING', target.id);
  const keys = (await source.redis.cluster('GETKEYSINSLOT', slot, 1_000)).map(String).sort();
  await migrate(
    source,
    target,
    keys.filter((_, index) => (index % 2 === 1) === odd),
  );
  return keys;
}

async function migrate(source: ClusterServer, target: ClusterServer, keys: readonly string[]) {
  if (keys.length > 0) {
    await source.redis.call(
      'MIGRATE',
      '127.0.0.1',
      String(target.port),
      '',
      '0',
      MIGRATE_MS,
      'KEYS',
      ...keys,
    );
  }
}

async function finishMove(source: ClusterServer, target: ClusterServer, slot: number) {
  await migrate(source, target, (await source.redis.cluster('GETKEYSINSLOT', slot, 1_000)).map(String));
  for (const { redis } of [target, source]) await redis.cluster('SETSLOT', slot, 'NODE', target.id);
}

/** What stands under each key, on whichever server it is. */
async function digests(keys: readonly string[], servers: readonly Redis[]): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const redis of servers) {
    for (const key of await redis.keys('*'))
      found[key] = ((await redis.call('DEBUG', 'DIGEST-VALUE', key)) as string[])[0];
  }
  expect(Object.keys(found).sort()).toEqual([...keys].sort());
  return found;
}

function outcomesOf(redis: Connection, known: Furnished) {
  return Object.entries(RUNS).map(async ([name, run]) => {
    const outcome = await run(redis, known.endpoint.client, known).then(
      () => 'done',
      ({ message }: Error) => (/\b(?:TRYAGAIN|ASK|MOVED) /.test(message) ? 'refused' : message),
    );
    return [name, outcome];
  });
}

/** Two clients, of one of which each second key is moved, and of the other one the rest. */
async function twoHalves() {
  const servers = await twoServers();
  const { cluster, source, target } = servers;
  const clients = cluster.clientsOn(0, 2);
  return {
    ...servers,
    clients,
    servers: [source.redis, target.redis],
    async halfMoveAll() {
      // What expires is not in the way.
      await Promise.all([source, target].map(({ redis }) => redis.call('DEBUG', 'SET-ACTIVE-EXPIRE', '0')));
      const moved: string[][] = [];
      for (const [n, client] of clients.entries()) {
        moved.push(await halfMove(source, target, slotOf(client), n === 1));
      }
      return moved.flat();
    },
    async finishAll() {
      for (const client of clients) await finishMove(source, target, slotOf(client));
    },
  };
}

test('while half of the keys of a hash slot are moved, each script is refused and changes nothing', async () => {
  const { source, open, clients, servers, halfMoveAll, finishAll } = await twoHalves();
  const redis = open('intake');
  await firstConnection(redis, WAIT_MS);
  const worker = open('worker');
  const known = await Promise.all(clients.map((client) => furnished(worker, client)));
  const keys = await halfMoveAll();
  expect(keys.length).toBeGreaterThan(40);
  const before = await digests(keys, servers);

  const refused = Object.keys(RUNS).map((name) => [name, 'refused']);
  // As intake does, too: on the server that has the slot, whatever a Cluster would do with the answer.
  for (const by of [redis, source.redis]) {
    const outcomes = known.map((each) => Promise.all(outcomesOf(by, each)));
    expect(await Promise.all(outcomes)).toEqual([refused, refused]);
  }
  expect(await digests(keys, servers)).toEqual(before);

  // A worker waits for the end of the move.
  const settling = known.map((each) => RUNS.settle?.(worker, each.endpoint.client, each));
  await finishAll();
  const settled = { settled: true, next: { token: LOCK.token } };
  expect(await Promise.all(settling)).toMatchObject([settled, settled]);
  for (const name of clients) {
    expect(await readClientView(redis, { name, endpoints: {} })).toMatchObject({ accepted: 8, dead: 1 });
  }
});

test('while half of the keys of a hash slot are moved, nothing is taken, and no lock is taken for lost', async () => {
  const { open, clients, servers, halfMoveAll, finishAll } = await twoHalves();
  const redis = open('worker');
  const backend = createRedisBackend('', { connection: redis } as Parameters<typeof createRedisBackend>[1]);
  const working = clients.map(async (client) => {
    const endpoint = dispositionsOf(client);
    const worker = await idleBatchWorker(client, redis);
    for (const n of [1, 2, 3])
      await admit(redis, endpoint, [{ id: uuidv7(), events: [storedEvent(n)] }], NOW);
    const doomed = await worker.take();
    const taken = await worker.take();
    const queue = backend.forQueue(endpoint.type, deliveriesPrefix(client)) as RedisQueueBackend;
    return {
      worker,
      fail: () => doomed?.fail('a fault'),
      extend: () => queue.extendLocks([taken?.id ?? ''], [taken?.token ?? ''], 60_000),
    };
  });
  const workers = await Promise.all(working);
  const keys = await halfMoveAll();
  const before = await digests(keys, servers);

  const done: string[] = [];
  const note = <Value>(what: string, answer: Promise<Value>): Promise<Value> =>
    answer.finally(() => done.push(what));
  const next = workers.map(({ worker }) => note('take', worker.take()));
  const failed = workers.map(({ fail }) => note('fail', Promise.resolve(fail())));
  const extended = workers.map(({ extend }) => note('extend', extend()));
  const looks = workers.map(({ worker }) => note('look', worker.lookForLost()));
  // This one gives up after many attempts.
  const asked = findTaken(open('operator'), dispositionsOf(clients[0] ?? ''), LOCK);
  await expect(asked).rejects.toThrow(/TRYAGAIN|ASK|MOVED/);
  expect(done).toEqual([]);
  expect(await digests(keys, servers)).toEqual(before);

  await finishAll();
  for (const batch of await Promise.all(next)) {
    expect(batch).toMatchObject({ data: { events: [{ id: 'event-3' }] } });
  }
  await Promise.all(failed);
  for (const name of clients) {
    expect(await readClientView(redis, { name, endpoints: {} })).toMatchObject({ broken: 1 });
  }
  expect(await Promise.all(extended)).toEqual([[], []]);
  await Promise.all(looks);
});

test('what belongs to no client is noted when its slot has moved', async () => {
  const { cluster, open } = await twoServers();
  const redis = open('operator');
  await noteAction(redis, OF_NO_CLIENT, NOTE);
  const slot = slotOf(OF_NO_CLIENT);
  const from = cluster.masters[slot < 8_192 ? 0 : 1] as ClusterServer;
  const to = cluster.masters[slot < 8_192 ? 1 : 0] as ClusterServer;
  const keys = await halfMove(from, to, slot, false);
  const before = await digests(keys, [from.redis, to.redis]);
  await expect(noteAction(from.redis, OF_NO_CLIENT, NOTE)).rejects.toThrow(/TRYAGAIN|ASK|MOVED/);
  expect(await digests(keys, [from.redis, to.redis])).toEqual(before);
  const noting = noteAction(redis, OF_NO_CLIENT, NOTE);
  await finishMove(from, to, slot);
  await noting;
});
