import { v7 as uuidv7 } from 'uuid';
import { expect, test } from 'vitest';
import { admit } from '../../src/queue/admit.ts';
import { setPaused } from '../../src/queue/pause-client.ts';
import { readOverviews } from '../../src/queue/queue-overview.ts';
import { type SettleCommand, settle } from '../../src/queue/settle.ts';
import { testRedis, uniqueClientName } from '../support/redis.ts';
import { idleBatchWorker } from '../support/stalled.ts';

const HOUR_MS = 3_600_000;
const event = () => ({ id: uuidv7(), type: 'disposition_update', unit: 'u', body: '{}' });

/** A client's queue, whose clock a test tells. */
function openQueue() {
  const redis = testRedis();
  const client = uniqueClientName();
  return {
    redis,
    client,
    add: (id: string, now: number) => admit(redis, client, [{ id, events: [event()] }], now),
    look: async () => {
      const overview = (await readOverviews(redis, [client])).get(client);
      if (overview === undefined) throw new Error('there is no overview');
      return overview;
    },
    async take() {
      const job = await (await idleBatchWorker(client)).take();
      if (job === undefined) throw new Error('there is no batch');
      return job;
    },
  };
}

/** Of a settlement of a batch with one event, what does not matter here. */
function commandFor(job: { id: string; token: string }, changes: Partial<SettleCommand>): SettleCommand {
  const settlement = { dead: [], apart: [], stay: [event()] };
  const { id: jobId, token } = job;
  return { jobId, token, now: Date.now(), action: 'keep', settlement, counters: new Map(), ...changes };
}

/** About an hour: the test itself takes some time. */
function expectAnHour(ms: number): void {
  expect(ms).toBeGreaterThanOrEqual(HOUR_MS);
  expect(ms).toBeLessThan(HOUR_MS + 60_000);
}

test('an empty queue has no head and no age; the first batch that waits has both, until it is taken', async () => {
  const { add, look, take } = openQueue();
  expect(await look()).toMatchObject({ head: '', oldestMs: 0, held: false, paused: false, dead: 0 });
  await add('a', Date.now() - HOUR_MS);
  await add('b', Date.now());
  const before = await look();
  expect(before).toMatchObject({ head: 'a ', held: false });
  expectAnHour(before.oldestMs);
  await take();
  expect(await look()).toMatchObject({ head: 'b ', held: true });
});

test('a batch whose lock ran out is in nobody’s hands', async () => {
  const { redis, client, add, look, take } = openQueue();
  await add('a', Date.now());
  const job = await take();
  await redis.del(`{wb:${client}}:deliveries:${job.id}:lock`);
  expect((await look()).held).toBe(false);
});

test('a retry waits from when it is due, as a whole batch and on its own', async () => {
  const { redis, client, add, look, take } = openQueue();
  await add('a', Date.now() - 3 * HOUR_MS);
  const job = await take();
  const now = Date.now() - 2 * HOUR_MS;
  const dueAt = now + HOUR_MS;
  const stay = [event()];
  const [early, late] = [event(), event()];
  const apart = [
    { event: early, dueAt: dueAt - 120_000 },
    { event: late, dueAt: dueAt + 60_000 },
  ];
  const delay = commandFor(job, { now, action: 'delay', settlement: { dead: [], apart, stay, dueAt } });
  expect(await settle(redis, client, delay, 'delay')).toEqual({ settled: true });
  const due = await look();
  expect(due.head).toBe(`${early.id}.0.0 `);
  expectAnHour(due.oldestMs - 120_000);

  // BullMQ puts all into the waiting list when somebody looks for work, and hands the first one out.
  expect((await take()).id).toBe(`${early.id}.0.0`);
  const batch = await look();
  expect(batch.head).toBe('a ');
  expectAnHour(batch.oldestMs);
  expect((await take()).id).toBe('a');
  const next = await look();
  expect(next.head).toBe(`${late.id}.0.0 `);
  expectAnHour(next.oldestMs + 60_000);
});

test('a pause shows', async () => {
  const { redis, client, look } = openQueue();
  await setPaused(redis, client, true, Date.now());
  expect((await look()).paused).toBe(true);
});
