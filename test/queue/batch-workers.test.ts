import { expect, onTestFinished, test } from 'vitest';
import { admit } from '../../src/queue/admit.ts';
import type { BatchWorker, TakenJob } from '../../src/queue/batch-worker.ts';
import { type BatchWorkers, createBatchWorkers } from '../../src/queue/batch-workers.ts';
import { endpointPrefix } from '../../src/queue/names.ts';
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

async function startWorkers(server: OwnRedis, names: readonly string[]) {
  const redis = server.connect({ maxRetriesPerRequest: null });
  const lock = { durationMs: 30_000, stalledIntervalMs: LOOK_EVERY_MS };
  const shared: BatchWorkers = createBatchWorkers({ redis, lock, onError: () => {}, now: Date.now });
  const stalled: string[] = [];
  const workers = names.map((name) =>
    shared.create(dispositionsOf(name), { onLockLost: () => {}, onStalled: (jobId) => stalled.push(jobId) }),
  );
  onTestFinished(async () => {
    shared.close();
    await Promise.all(workers.map((worker) => worker.close(true)));
  });
  await Promise.all(workers.map((worker) => worker.start()));
  shared.start();
  return { workers, stalled };
}

/** The next batch, however often there was none for a while; undefined: the worker was closed. */
async function takeSome(worker: BatchWorker): Promise<TakenJob | undefined> {
  let job: TakenJob | undefined;
  while (job === undefined && worker.closing === undefined) job = await worker.take();
  return job;
}

test('three hundred idle workers share nine connections, ask Redis nothing each, and take their own work', async () => {
  const server = await startOwnRedis();
  const admin = server.connect();
  const names = clients(300);
  const { workers } = await startWorkers(server, names);
  const taken = workers.map(takeSome);
  const blocked = /blocked_clients:8/;
  await until(async () => blocked.test(await admin.info('clients')));
  const countCalls = async (command: string): Promise<number> => {
    const stats = await admin.info('commandstats');
    return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
  };
  // Each has tried once to take a batch; a look at all of them takes two steps.
  await until(async () => (await countCalls('rpoplpush')) === names.length);
  const before = await countCalls('evalsha');
  await until(async () => (await countCalls('evalsha')) >= before + 6);
  expect(await countCalls('rpoplpush')).toBe(names.length);
  const connections = String(await admin.client('LIST'))
    .trim()
    .split('\n');
  expect(connections.length - 1).toBeLessThanOrEqual(9);

  await Promise.all(names.map((name) => admit(admin, dispositionsOf(name), [batchOf(name)], Date.now())));
  expect((await Promise.all(taken)).map((job) => job?.id)).toEqual(names.map((name) => batchOf(name).id));
});

test('work whose marker is gone, and a retry that is due by another clock, are found by the regular look', async () => {
  const server = await startOwnRedis();
  const admin = server.connect();
  const [waiting = '', delayed = '', paused = ''] = clients(3);
  const job = { name: '1', data: '{"events":[]}', opts: '{}', timestamp: '0', delay: '0', priority: '0' };
  const { workers } = await startWorkers(server, [waiting, delayed, paused]);
  const taken = workers.map(takeSome);
  await until(async () => /blocked_clients:3/.test(await admin.info('clients')));
  for (const client of [waiting, delayed, paused]) {
    const prefix = endpointPrefix(dispositionsOf(client));
    await admin.hset(`${prefix}lost`, job);
    if (client === paused) await admin.hset(`${prefix}meta`, 'paused', '1');
    if (client === delayed) await admin.zadd(`${prefix}delayed`, (Date.now() - 1_000) * 0x1000, 'lost');
    else await admin.lpush(`${prefix}wait`, 'lost');
  }
  expect((await taken[0])?.id).toBe('lost');
  expect((await taken[1])?.id).toBe('lost');
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
