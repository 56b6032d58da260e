import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { admit } from '../../src/queue/admit.ts';
import { type BatchWorkers, createBatchWorkers } from '../../src/queue/batch-workers.ts';
import { deliveriesPrefix, endpointPrefix } from '../../src/queue/names.ts';
import type { BatchWorker, TakenBatch } from '../../src/queue/take.ts';
import { dispositionsOf } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { type OwnRedis, startOwnRedis } from '../support/own-redis.ts';
import { idleBatchWorker, loseLocks } from '../support/stalled.ts';
import { until } from '../support/until.ts';

failOnLeaks();

const LOOK_EVERY_MS = 50;
const clients = (count: number) => Array.from({ length: count }, (_, n) => `acme-${n}`);
const batchOf = (client: string) => ({
  id: `batch-of-${client}`,
  events: [{ id: client, type: 'disposition_update', unit: 'u', body: '{}' }],
});

const closed = new WeakSet<BatchWorker>();

async function startWorkers(server: OwnRedis, names: readonly string[]) {
  const redis = server.connect({ maxRetriesPerRequest: null });
  const lock = { durationMs: 30_000, stalledIntervalMs: LOOK_EVERY_MS };
  const shared: BatchWorkers = createBatchWorkers({ redis, lock, onError: () => {}, now: Date.now });
  const stalled: string[] = [];
  const workers = names.map((name) =>
    shared.create(dispositionsOf(name), {
      onLockLost: () => {},
      onStalled: (jobId) => stalled.push(jobId),
      onVerdict() {},
      onWaits() {},
    }),
  );
  onTestFinished(async () => {
    shared.close();
    for (const worker of workers) closed.add(worker);
    await Promise.all(workers.map((worker) => worker.close()));
  });
  await Promise.all(workers.map((worker) => worker.start()));
  shared.start();
  return { workers, stalled };
}

/** The next batch of a worker, however often it was woken for nothing; undefined: it was closed. */
async function takeSome(worker: BatchWorker): Promise<TakenBatch | undefined> {
  let job: TakenBatch | undefined;
  while (job === undefined && !closed.has(worker)) job = await worker.take();
  return job;
}

/** Resolves once so many takes of any worker were answered with nothing. */
function foundNothing(admin: Redis, takes: number): Promise<void> {
  return until(async () => (await callsOf(admin, 'rpoplpush')) >= takes);
}

async function callsOf(admin: Redis, command: string): Promise<number> {
  const stats = await admin.info('commandstats');
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
}

test('three hundred idle workers share two connections, ask Redis nothing each, and take their own work', async () => {
  const server = await startOwnRedis();
  const admin = server.connect();
  const names = clients(300);
  const { workers } = await startWorkers(server, names);
  const taken = workers.map(takeSome);
  // Each has tried once to take a batch; a look at all of them takes two steps.
  await foundNothing(admin, names.length);
  const before = await callsOf(admin, 'evalsha');
  await until(async () => (await callsOf(admin, 'evalsha')) >= before + 6);
  expect(await callsOf(admin, 'rpoplpush')).toBe(names.length);
  const connections = String(await admin.client('LIST'))
    .trim()
    .split('\n');
  expect(connections.length - 1).toBe(2);

  await Promise.all(names.map((name) => admit(admin, dispositionsOf(name), [batchOf(name)], Date.now())));
  expect((await Promise.all(taken)).map((job) => job?.id)).toEqual(names.map((name) => batchOf(name).id));
});

test('jobs that BullMQ’s own Queue adds, and a retry that is due by another clock, are found by the regular look', async () => {
  const server = await startOwnRedis();
  const admin = server.connect();
  const names = clients(4);
  const [waiting = '', replayed = '', delayed = '', paused = ''] = names;
  const { workers } = await startWorkers(server, names);
  const taken = workers.map(takeSome);
  await foundNothing(admin, names.length);
  const open = (client: string): Queue => {
    const queue = new Queue('disposition_update', {
      prefix: deliveriesPrefix(client),
      connection: server.connect(),
    });
    onTestFinished(() => queue.close());
    return queue;
  };
  await open(paused).pause();
  const options = { [waiting]: {}, [replayed]: { priority: 1 }, [delayed]: { delay: 60_000 }, [paused]: {} };
  for (const [client, more] of Object.entries(options)) {
    await open(client).add('1', { events: [] }, { jobId: 'job', ...more });
  }
  await admin.zadd(`${endpointPrefix(dispositionsOf(delayed))}delayed`, (Date.now() - 1_000) * 0x1000, 'job');
  for (const n of [0, 1, 2]) expect((await taken[n])?.id).toBe('job');
  expect(await admin.llen(`${endpointPrefix(dispositionsOf(paused))}wait`)).toBe(1);
});

test('a batch whose process was lost is put back by the workers of another one, which had nothing to do', async () => {
  const server = await startOwnRedis();
  const admin = server.connect();
  const names = clients(20);
  const [, , third = ''] = names;
  await admit(admin, dispositionsOf(third), [batchOf(third)], Date.now());
  const lost = await takeSome(await idleBatchWorker(third, server.connect({ maxRetriesPerRequest: null })));
  const { workers, stalled } = await startWorkers(server, names);
  const taken = workers.map(takeSome);
  await loseLocks(admin, third);
  expect(await taken[2]).toMatchObject({ id: lost?.id, stalls: 1 });
  expect(stalled).toEqual([lost?.id]);
});
