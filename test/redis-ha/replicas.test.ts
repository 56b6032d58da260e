import { once } from 'node:events';
import type { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import type { WaybillError } from '../../src/core/waybill-error.ts';
import { whyNotReplicated } from '../../src/queue/replicas.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { freePort, type OwnRedis, startOwnRedis } from '../support/own-redis.ts';
import { until } from '../support/until.ts';

failOnLeaks();

/** As long as a WAIT may last before Redis answers it. */
const PATIENT_WAIT = ['wait', '1', '1000'];
const SHORT_WAIT = ['wait', '1', '300'];

test('many writers share one WAIT, and those that come meanwhile the next', async () => {
  const { connect, replica, waits, told } = await masterWithReplica();
  const redis = await connect();
  expect(await writeAll(redis, 50)).toEqual([]);
  await told();
  // The answers to the first writes may come before the others'.
  expect(waits.length).toBeLessThanOrEqual(2);
  expect(waits).toContainEqual(PATIENT_WAIT);

  waits.length = 0;
  replica.freeze();
  const first = writeAll(redis, 1);
  await until(async () => waits.length === 1);
  // These are written behind the WAIT, which holds the connection up.
  const second = writeAll(redis, 50);
  replica.thaw();
  expect(await first).toEqual([]);
  expect(await second).toEqual([]);
  expect(waits.length).toBeLessThanOrEqual(3);
});

test('a writer that wants no replica sends no WAIT', async () => {
  const { connect, waits } = await masterWithReplica();
  const redis = await connect();
  await redis.set('key', 'value');
  expect(await whyNotReplicated(redis, 0, redis.stream)).toBeUndefined();
  expect(await writeAll(redis, 1)).toEqual([]);
  expect(waits).toEqual([PATIENT_WAIT]);
});

test('a shortfall is told, shortens the next wait, and ends with the replica back', async () => {
  const { connect, replica, waits, online } = await masterWithReplica();
  const redis = await connect();
  await replica.kill();
  const message =
    'Redis has the event, but 0 of 1 replica confirmed it; if the master fails now, it may be lost';
  const shortfall = [{ code: 'REDIS_NOT_REPLICATED', message }];
  expect(await writeAll(redis, 1)).toEqual(shortfall);
  expect(await writeAll(redis, 1)).toEqual(shortfall);
  expect(waits).toEqual([PATIENT_WAIT, SHORT_WAIT]);

  await replica.start();
  await online();
  expect(await writeAll(redis, 1)).toEqual([]);
  expect(await writeAll(redis, 1)).toEqual([]);
  expect(waits).toEqual([PATIENT_WAIT, SHORT_WAIT, SHORT_WAIT, PATIENT_WAIT]);
});

test('with fewer replicas than are wanted, the writer is told how many there are', async () => {
  const { connect } = await masterWithReplica();
  expect(await writeAll(await connect(), 1, 2)).toEqual([
    { code: 'REDIS_NOT_REPLICATED', message: expect.stringContaining('but 1 of 2 replicas confirmed it; ') },
  ]);
});

test('a connection that is lost during WAIT confirms nothing', async () => {
  const { connect, replica, waits, loseConnection } = await masterWithReplica();
  const redis = await connect();
  replica.freeze();
  const writing = writeAll(redis, 1);
  await until(async () => waits.length === 1);
  await loseConnection(redis);
  replica.thaw();
  expect(await writing).toEqual([unconfirmed(/was lost/)]);
});

test('a connection that is lost between write and WAIT confirms nothing', async () => {
  const { connect, waits, loseConnection } = await masterWithReplica();
  const redis = await connect();
  await redis.set('key', 'value');
  const { stream } = redis;
  await loseConnection(redis);
  await once(redis, 'ready');
  expect(await reasonOf(whyNotReplicated(redis, 1, stream))).toEqual(unconfirmed(/was lost/));
  expect(waits).toEqual([]);
});

test('a connection that is lost while a writer waits for the WAIT before its own confirms neither', async () => {
  const { connect, replica, waits, loseConnection } = await masterWithReplica();
  // It keeps commands until it is connected again: WAIT says there that the replicas have all.
  const redis = await connect({ maxRetriesPerRequest: null });
  await redis.set('key', 'value');
  const { stream } = redis;
  replica.freeze();
  const first = whyNotReplicated(redis, 1, stream);
  await until(async () => waits.length === 1);
  const second = whyNotReplicated(redis, 1, stream);
  await loseConnection(redis);
  await once(redis, 'ready');
  replica.thaw();
  expect(await reasonOf(first)).toEqual(unconfirmed(/was lost/));
  expect(await reasonOf(second)).toEqual(unconfirmed(/was lost/));
});

test('a frozen master ends the wait', async () => {
  const { master, connect } = await masterWithReplica();
  const redis = await connect();
  await redis.set('key', 'value');
  master.freeze();
  expect(await reasonOf(whyNotReplicated(redis, 1, redis.stream))).toEqual(unconfirmed(/not answered/));
});

/** Writes so many keys at once, and asks for each whether so many replicas have it. @returns the errors */
async function writeAll(redis: Redis, count: number, replicas = 1) {
  const reasons = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      await redis.set(`key-${index}`, 'value');
      return reasonOf(whyNotReplicated(redis, replicas, redis.stream));
    }),
  );
  return reasons.filter((reason) => reason !== undefined);
}

async function reasonOf(why: Promise<WaybillError | undefined>) {
  const error = await why;
  return error === undefined ? undefined : { code: error.code, message: error.message };
}

function unconfirmed(why: RegExp) {
  const message = expect.stringMatching(
    new RegExp(`^Redis has the event, but no replica confirmed it: .*(${why.source})`),
  );
  return { code: 'REDIS_NOT_REPLICATED', message };
}

/** Each WAIT that the master gets stands in `waits`, with its arguments. */
async function masterWithReplica() {
  const port = await freePort();
  const master = await startOwnRedis({ bind: '127.0.0.1', port: String(port), ...AT_ONCE });
  const replica = await startOwnRedis({ replicaof: `127.0.0.1 ${port}`, ...AT_ONCE });
  const control = master.connect();
  const online = () => until(async () => /state=online/.test(await control.info('replication')));
  await online();
  const waits: string[][] = [];
  const ids = new Map<Redis, number>();
  const monitor = await watch(master, (words) => {
    if (words[0] === 'wait') waits.push(words);
    if (words[0] === 'echo') echoes += 1;
  });
  let echoes = 0;
  onTestFinished(() => monitor.disconnect());
  return {
    master,
    replica,
    waits,
    online,
    /** Resolves when all that the master got before stands in `waits`. */
    async told(): Promise<void> {
      const before = echoes;
      await control.echo('told');
      await until(async () => echoes > before);
    },
    async connect(options?: Parameters<OwnRedis['connect']>[0]): Promise<Redis> {
      const redis = master.connect(options);
      ids.set(redis, await redis.client('ID'));
      return redis;
    },
    /** Has the master close a connection. */
    async loseConnection(redis: Redis): Promise<void> {
      const closed = once(redis, 'close');
      await control.client('KILL', 'ID', ids.get(redis) ?? 0);
      await closed;
    },
  };
}

const AT_ONCE = { 'repl-diskless-sync-delay': '0', 'repl-ping-replica-period': '1' };

/** Tells of each command that a Redis gets. */
async function watch(server: OwnRedis, onCommand: (words: string[]) => void): Promise<Redis> {
  const monitor = await server.connect().monitor();
  monitor.on('monitor', (_time: string, words: string[]) => onCommand(words.map(String)));
  return monitor;
}
