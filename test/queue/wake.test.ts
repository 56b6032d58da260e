import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import type { StoredEvent } from '../../src/core/event.ts';
import { admit, admitKeyed, restoreEvents } from '../../src/queue/admit.ts';
import { createBatchWorkers } from '../../src/queue/batch-workers.ts';
import { replayDeadLetters } from '../../src/queue/dead-letters.ts';
import { endpointPrefix } from '../../src/queue/names.ts';
import { NextWork } from '../../src/queue/next-work.ts';
import { setPaused } from '../../src/queue/pause-client.ts';
import { type SettleCommand, settle } from '../../src/queue/settle.ts';
import type { BatchWorker, TakenBatch } from '../../src/queue/take.ts';
import { dispositionsOf } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { type OwnRedis, startOwnRedis } from '../support/own-redis.ts';
import { testRedis, testRedisPath, uniqueClientName } from '../support/redis.ts';
import { openRedisGate } from '../support/redis-gate.ts';
import { idleBatchWorker, loseLocks } from '../support/stalled.ts';
import { until } from '../support/until.ts';
import { completion } from './support/completion.ts';

failOnLeaks();

const CLIENT = 'acme';
const PREFIX = endpointPrefix(dispositionsOf(CLIENT));
/** The regular look does not come in time: what wakes a worker is a message, or that the subscriber is back. */
const NO_LOOK_MS = 3_600_000;
const LATER_MS = 600_000;
const EVENT: StoredEvent = { id: 'e', type: 'disposition_update', unit: 'u', body: '{}' };
const batch = (id: string) => ({ id, events: [EVENT] });

/** A Redis whose messages about work are read, and a worker that takes from its queue without waiting. */
async function openQueue() {
  const server = await startOwnRedis();
  const redis = server.connect({ maxRetriesPerRequest: null });
  const messages: string[] = [];
  const reader = server.connect();
  reader.on('message', (_channel, message) => messages.push(message));
  await reader.subscribe('wb:work');
  const taker = await idleBatchWorker(CLIENT, redis);
  let taken: TakenBatch | undefined;
  const add = (id: string) => admit(redis, dispositionsOf(CLIENT), [batch(id)], Date.now());
  async function addAndTake(id: string): Promise<void> {
    await add(id);
    taken = await taker.take();
    expect(taken?.id).toBe(id);
  }
  /** What becomes of the batch that was taken. */
  async function settleTaken(changes: Partial<SettleCommand>): Promise<void> {
    const command = { ...completion(taken), now: Date.now(), ...changes };
    expect(await settle(redis, dispositionsOf(CLIENT), command, `of ${taken?.id}`)).toMatchObject({
      settled: true,
    });
  }
  return { server, redis, messages, taker, add, addAndTake, settleTaken };
}

type Scene = Awaited<ReturnType<typeof openQueue>>;

/** A worker of another process: it is subscribed, and has looked at its queue for the only time. */
async function startSubscribed(server: OwnRedis) {
  const redis = server.connect({ maxRetriesPerRequest: null });
  const admin = server.connect();
  const lock = { durationMs: 30_000, stalledIntervalMs: NO_LOOK_MS };
  const shared = createBatchWorkers({ redis, lock, onError: () => {}, now: Date.now });
  const worker = shared.create(dispositionsOf(CLIENT), {
    onLockLost() {},
    onStalled() {},
    onVerdict() {},
    onWaits() {},
  });
  onTestFinished(async () => {
    shared.close();
    await worker.close();
  });
  await worker.start();
  const looks = async () => (await callsOf(admin, 'zrangebyscore')) + (await callsOf(admin, 'exists'));
  const before = await looks();
  shared.start();
  // Each of the two looks, now and once subscribed, asks for three things.
  await until(async () => (await looks()) >= before + 6);
  return { worker, admin };
}

async function callsOf(admin: Redis, command: string): Promise<number> {
  const stats = await admin.info('commandstats');
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
}

/** Takes from a queue with nothing to take; resolves once Redis was asked. */
async function startTake(worker: BatchWorker, admin: Redis) {
  const asked = await callsOf(admin, 'hmget');
  const end = worker.take();
  await until(async () => (await callsOf(admin, 'hmget')) > asked);
  return { end };
}

const apart = (dueAt: number) => ({
  dead: [],
  apart: [{ event: { ...EVENT, history: [[0, 500, 'server_error', 1]] } as StoredEvent, dueAt }],
  stay: [],
});
const stays = (dueAt?: number) => ({
  dead: [],
  apart: [],
  stay: [EVENT],
  ...(dueAt === undefined ? {} : { dueAt }),
});

/** What makes work in a queue that had none, after what went before. */
const MAKERS: Record<
  string,
  { before?(scene: Scene): Promise<unknown>; make(scene: Scene): Promise<unknown> }
> = {
  'an admitted batch': { make: ({ add }) => add('a') },
  'an admitted batch with idempotency keys': {
    make: ({ redis }) => {
      const keys = [{ key: 'order-17', fingerprint: 'f' }];
      return admitKeyed(redis, dispositionsOf(CLIENT), [{ ...batch('a'), keys }], Date.now());
    },
  },
  'a replayed dead letter': {
    async before({ addAndTake, settleTaken }) {
      await addAndTake('a');
      await settleTaken({ settlement: { dead: [EVENT], apart: [], stay: [] } });
    },
    make: ({ redis }) => replayDeadLetters(redis, CLIENT, 'replayed', [EVENT], Date.now()),
  },
  'a restored event': {
    make: ({ redis }) => restoreEvents(redis, dispositionsOf(CLIENT), 'restored', [EVENT], Date.now()),
  },
  'a batch that is put back': {
    before: ({ addAndTake }) => addAndTake('a'),
    make: ({ settleTaken }) => settleTaken({ action: 'put_back', settlement: stays() }),
  },
  'a batch that is delayed for a moment': {
    before: ({ addAndTake }) => addAndTake('a'),
    make: ({ settleTaken }) => settleTaken({ action: 'delay', settlement: stays(Date.now() + 50) }),
  },
  'an event that is retried on its own in a moment': {
    before: ({ addAndTake }) => addAndTake('a'),
    make: ({ settleTaken }) => settleTaken({ settlement: apart(Date.now() + 50) }),
  },
  'the end of a pause': {
    async before({ add, redis }) {
      await setPaused(redis, CLIENT, true, Date.now());
      await add('a');
    },
    make: ({ redis }) => setPaused(redis, CLIENT, false, Date.now()),
  },
  'a batch of a lost process': {
    async before({ addAndTake, redis, taker }) {
      await addAndTake('a');
      await loseLocks(redis, CLIENT);
      await taker.lookForLost();
    },
    async make({ redis, taker }) {
      await redis.del(`${PREFIX}stalled-check`);
      await taker.lookForLost();
    },
  },
};

test.each(Object.entries(MAKERS))('%s wakes a worker of another process', async (_name, { before, make }) => {
  const scene = await openQueue();
  const { worker, admin } = await startSubscribed(scene.server);
  await before?.(scene);
  const { end } = await startTake(worker, admin);
  await make(scene);
  let job = await end;
  while (job === undefined) job = await worker.take();
  expect(job.data).toMatchObject({ events: [{ id: 'e' }] });
});

test('a message goes out if work is due sooner than before: not for a second batch, a later retry, or in a pause', async () => {
  const { redis, messages, taker, add, addAndTake, settleTaken } = await openQueue();
  const now = Date.now();
  await add('a');
  await add('b');
  await setPaused(redis, CLIENT, true, now);
  await add('c');
  await setPaused(redis, CLIENT, false, now);
  for (const id of ['a', 'b', 'c']) expect((await taker.take())?.id).toBe(id);
  await addAndTake('d');
  await settleTaken({ now, action: 'delay', settlement: stays(now + LATER_MS) });
  await addAndTake('e');
  await settleTaken({ now, action: 'delay', settlement: stays(now + 2 * LATER_MS) });
  await addAndTake('f');
  await settleTaken({ now, settlement: apart(now + LATER_MS - 1) });
  const atOnce = `0 ${PREFIX}`;
  const expected = [atOnce, atOnce, atOnce, `${now + LATER_MS} ${PREFIX}`, atOnce, atOnce];
  expected.push(`${now + LATER_MS - 1} ${PREFIX}`);
  await until(async () => messages.length >= expected.length);
  expect(messages).toEqual(expected);
});

test('a message that comes before the answer that there is nothing ends the wait at once', async () => {
  const gate = await openRedisGate(testRedisPath());
  const slow = new Redis(gate.socketPath, { maxRetriesPerRequest: null, protocol: 2 });
  onTestFinished(() => slow.disconnect());
  const client = uniqueClientName();
  const worker = await idleBatchWorker(client, slow);
  const stands = gate.standAt(1, 'after');
  const end = worker.take();
  await stands;
  await admit(testRedis(), dispositionsOf(client), [batch('a')], Date.now());
  worker.hear(0);
  gate.release();
  expect(await end).toBeUndefined();
  expect((await worker.take())?.id).toBe('a');
});

test('a subscriber whose connection was lost looks at the queues once it is back', async () => {
  const { server, redis, add } = await openQueue();
  const { worker, admin } = await startSubscribed(server);
  const { end } = await startTake(worker, admin);
  const list = String(await admin.client('LIST'));
  const id = /^id=(\d+) .*name=waybill-worker-subscriber/m.exec(list)?.[1] ?? '';
  // In one step with what makes work: the message reaches nobody.
  const kill = redis.multi().client('KILL', 'ID', id).lpush(`${PREFIX}wait`, 'a');
  await kill.hset(`${PREFIX}a`, 'name', '1', 'data', '{"events":[]}', 'opts', '{}', 'timestamp', '0').exec();
  expect(await end).toBeUndefined();
  expect((await worker.take())?.id).toBe('a');
  const { end: next } = await startTake(worker, admin);
  await add('b');
  expect(await next).toBeUndefined();
  expect((await worker.take())?.id).toBe('b');
});

test('a Redis that is full still wakes workers', async () => {
  const { server, redis, add } = await openQueue();
  const { worker, admin } = await startSubscribed(server);
  await setPaused(redis, CLIENT, true, Date.now());
  await add('a');
  const { end } = await startTake(worker, admin);
  await redis.config('SET', 'maxmemory', '1');
  await setPaused(redis, CLIENT, false, Date.now());
  expect(await end).toBeUndefined();
});

test('a user who may not use the channel accepts events, and a worker says why it is not woken', async () => {
  const { server, redis, messages } = await openQueue();
  await redis.acl('SETUSER', 'deaf', 'on', 'nopass', '~*', '+@all', 'resetchannels');
  const deaf = server.connect();
  await deaf.call('AUTH', 'deaf', '');
  await admit(deaf, dispositionsOf(CLIENT), [batch('a')], Date.now());
  expect(await redis.lrange(`${PREFIX}wait`, 0, -1)).toEqual(['a']);
  expect(messages).toEqual([]);

  await redis.acl('SETUSER', 'default', 'resetchannels');
  const errors: Error[] = [];
  const shared = createBatchWorkers({
    redis: server.connect({ maxRetriesPerRequest: null }),
    lock: { durationMs: 30_000, stalledIntervalMs: NO_LOOK_MS },
    onError: (error) => errors.push(error),
    now: Date.now,
  });
  onTestFinished(() => shared.close());
  shared.start();
  await until(async () => errors.length > 0);
  expect(errors[0]?.message).toMatch(/NOPERM/);
});

test('a worker whose user may use the channel at last is woken from then on', async () => {
  const { server, redis } = await openQueue();
  await redis.acl('SETUSER', 'default', 'resetchannels');
  const errors: Error[] = [];
  const shared = createBatchWorkers({
    redis: server.connect({ maxRetriesPerRequest: null }),
    lock: { durationMs: 30_000, stalledIntervalMs: 10 },
    onError: (error) => errors.push(error),
    now: Date.now,
  });
  onTestFinished(() => shared.close());
  shared.start();
  await until(async () => errors.length > 1);
  await redis.acl('SETUSER', 'default', 'allchannels');
  await until(async () => String(await redis.call('PUBSUB', 'NUMSUB', 'wb:work')) === 'wb:work,2');
});

test('an interrupted worker does not wait, whether it waited already or comes to wait', async () => {
  const { server } = await openQueue();
  const { worker, admin } = await startSubscribed(server);
  const { end } = await startTake(worker, admin);
  worker.interrupt();
  expect(await end).toBeUndefined();
  expect(await worker.take()).toBeUndefined();
});

test('a wait ends when the work is due that is due first, and its time may come nearer meanwhile', async () => {
  const next = new NextWork(() => 1_000);
  next.hear(1_000 + LATER_MS);
  const wait = next.wait();
  next.hear(1_000 + 2 * LATER_MS);
  next.hear(1_020);
  await wait;
  next.reset();
  next.hear(1_000);
  await next.wait();
});
