import { expect, test } from 'vitest';
import { admit } from '../../src/queue/admit.ts';
import { bringForward } from '../../src/queue/bring-forward.ts';
import { DELIVERIES, queuePrefix } from '../../src/queue/names.ts';
import { setPaused } from '../../src/queue/pause-client.ts';
import { settle } from '../../src/queue/settle.ts';
import { testRedis, uniqueClientName } from '../support/redis.ts';
import { idleBatchWorker } from '../support/stalled.ts';

const NOW = 1_800_000_000_000;
const EVENT = { id: 'e', type: 'disposition_update', unit: 'u', body: '{}' };

/** A client's queue in which these batches are put off until the times given. */
async function putOff(batches: Readonly<Record<string, number>>) {
  const redis = testRedis();
  const client = uniqueClientName();
  const worker = await idleBatchWorker(client);
  for (const [id, dueAt] of Object.entries(batches)) {
    await admit(redis, client, [{ id, events: [EVENT] }], NOW);
    const job = await worker.take();
    const settlement = { dead: [], apart: [], stay: [EVENT], dueAt };
    const token = job?.token ?? '';
    const command = { jobId: id, token, now: NOW, action: 'delay', settlement, counters: new Map() } as const;
    expect(await settle(redis, client, command, `${id}-put-off`)).toEqual({ settled: true });
  }
  const prefix = queuePrefix(client, DELIVERIES);
  return {
    redis,
    client,
    worker,
    waiting: () => redis.lrange(`${prefix}wait`, 0, -1),
    delayed: () => redis.zrange(`${prefix}delayed`, '0', '-1'),
  };
}

test('batches are brought forward in their order, unless they are due at another time by now', async () => {
  const [soon, late] = [NOW + 3_000, NOW + 600_000];
  const { redis, client, worker, waiting, delayed } = await putOff({ a: soon, b: late, retry: late });
  const noted = [
    { id: 'a', dueAt: soon },
    { id: 'b', dueAt: late },
    { id: 'retry', dueAt: soon },
    { id: 'gone', dueAt: soon },
  ];
  await bringForward(redis, client, noted);
  expect(await waiting()).toEqual(['b', 'a']);
  expect(await delayed()).toEqual(['retry']);
  expect([(await worker.take())?.id, (await worker.take())?.id]).toEqual(['a', 'b']);
  // One that is open by now is left to whoever has it.
  await bringForward(redis, client, noted);
  expect(await waiting()).toEqual([]);
});

test('those of a paused client are brought forward, too, and wait for its end', async () => {
  const { redis, client, worker, delayed } = await putOff({ a: NOW + 3_000 });
  await setPaused(redis, client, true, NOW);
  await bringForward(redis, client, [{ id: 'a', dueAt: NOW + 3_000 }]);
  expect(await delayed()).toEqual([]);
  await setPaused(redis, client, false, NOW);
  expect((await worker.take())?.id).toBe('a');
});
