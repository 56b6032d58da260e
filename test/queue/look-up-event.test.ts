import { v7 as uuidv7 } from 'uuid';
import { expect, test } from 'vitest';
import { admit } from '../../src/queue/admit.ts';
import { idBytes } from '../../src/queue/compact-event.ts';
import { replayDeadLetters } from '../../src/queue/dead-letters.ts';
import { deliveredSlot, packDelivered, SLOT_BYTES } from '../../src/queue/delivered-record.ts';
import { deliveredKey, statsKey } from '../../src/queue/names.ts';
import { setPaused } from '../../src/queue/pause-client.ts';
import { NOTED_JOBS } from '../../src/queue/search-jobs.ts';
import { dispositionsOf } from '../support/events.ts';
import { failed, iso, LATER, NOW, newEvent, scene, settlementOf } from './support/look-up-scene.ts';

test('an event waits, also once a worker has its batch, and while the client is paused', async () => {
  const { redis, client, worker, lookUp, add } = await scene();
  const [one, two] = [newEvent(), newEvent()];
  await add([one, two]);
  const waiting = { id: two.id, client, state: 'waiting' };
  expect(await lookUp(two.id)).toEqual(waiting);
  expect(await lookUp(two.id.toUpperCase(), client)).toEqual(waiting);
  expect(await lookUp(two.id, 'another-client')).toBeUndefined();
  await setPaused(redis, client, true, NOW);
  expect(await lookUp(two.id)).toEqual(waiting);
  await setPaused(redis, client, false, NOW);
  await worker.take();
  expect(await lookUp(two.id)).toEqual(waiting);
});

test('a retry is found with its number and its time, in its batch and in a job of its own', async () => {
  const { client, queue, lookUp, add, settleNext } = await scene();
  const [one, two, unsent] = [newEvent(), newEvent(), newEvent()];
  await add([one, two, unsent]);
  await settleNext({
    action: 'delay',
    ...settlementOf({
      stay: [failed(one, 1), unsent],
      dueAt: LATER,
      apart: [{ event: failed(two, 2), dueAt: LATER + 250 }],
    }),
  });
  const retrying = { client, state: 'retrying', class: 'server_error', status: 503 };
  expect(await lookUp(one.id)).toEqual({
    id: one.id,
    ...retrying,
    attempt: 2,
    nextAttemptAt: iso(LATER),
  });
  expect(await lookUp(two.id)).toEqual({
    id: two.id,
    ...retrying,
    attempt: 3,
    nextAttemptAt: iso(LATER + 250),
  });
  expect(await lookUp(unsent.id)).toEqual({ id: unsent.id, client, state: 'waiting' });

  for (const job of await queue.getDelayed()) await job.promote();
  for (const [{ id }, attempt] of [
    [one, 2],
    [two, 3],
  ] as const) {
    expect(await lookUp(id)).toEqual({ id, ...retrying, attempt, nextAttemptAt: iso(NOW) });
  }
});

test('a dead letter is found; after a replay it waits, in its next life it is delivered', async () => {
  const { redis, client, lookUp, add, deliver, settleNext } = await scene();
  const [event, neighbour] = [newEvent(), newEvent()];
  await add([event, neighbour]);
  const dead = [failed(event, 6), failed(neighbour, 6)];
  await settleNext(settlementOf({ dead }));
  expect(await lookUp(event.id)).toEqual({
    id: event.id,
    client,
    state: 'dead',
    deadLetterId: event.id,
    attempts: 6,
    replays: 0,
    class: 'server_error',
    status: 503,
  });

  await replayDeadLetters(redis, client, uuidv7(), dead, NOW);
  expect(await lookUp(event.id)).toEqual({ id: event.id, client, state: 'waiting' });
  await deliver(event);
  expect(await lookUp(event.id)).toEqual({
    id: event.id,
    client,
    state: 'delivered',
    deliveredAt: iso(NOW),
    status: 201,
    attempts: 1,
  });
});

test('an event that was replayed dozens of times is found', async () => {
  const { lookUp, add, settleNext } = await scene();
  const [retried, dead] = [newEvent({ life: 40 }), newEvent({ life: 41 })];
  await add([retried, dead]);
  const apart = [{ event: failed(retried, 1), dueAt: LATER }];
  await settleNext(settlementOf({ dead: [failed(dead, 1)], apart }));
  expect(await lookUp(retried.id)).toMatchObject({ state: 'retrying', attempt: 2 });
  expect(await lookUp(dead.id)).toMatchObject({ state: 'dead', attempts: 1 });
});

test('what is not there is unknown: no id, never accepted, only in a payload, delivered too long ago', async () => {
  const { redis, client, lookUp, add, deliver } = await scene();
  const [event, mentioned] = [newEvent(), uuidv7()];
  await add([event]);
  await deliver(event, 1e-9);
  await expect.poll(() => redis.exists(deliveredKey(client, deliveredSlot(event.id)))).toBe(0);
  await add([newEvent({ body: JSON.stringify({ note: `"id":"${mentioned}"` }) })]);
  for (const id of ['nothing', uuidv7(), mentioned, event.id]) expect(await lookUp(id)).toBeUndefined();
});

test('a delivered event is found among thousands, and only where all of its record stands', async () => {
  const { redis, client, lookUp } = await scene();
  const at = Date.now();
  const ids = Array.from({ length: 2_500 }, () => uuidv7({ msecs: at }));
  const list = deliveredKey(client, deliveredSlot(ids[0] ?? ''));
  const records = ids.flatMap((id) =>
    packDelivered([{ event: newEvent({ id }), outcome: { kind: 'delivered', status: 200 } }], NOW),
  );
  await redis.rpush(list, ...records.map(({ bytes }) => bytes));
  for (const n of [0, 999, 1_000, 2_499]) {
    expect(await lookUp(ids[n] ?? '')).toMatchObject({ state: 'delivered' });
  }
  const absent = uuidv7({ msecs: at });
  const head = records[0]?.bytes.subarray(0, 10) ?? Buffer.alloc(0);
  const misplaced = Buffer.concat([head, Buffer.alloc(3), idBytes(absent, SLOT_BYTES), Buffer.alloc(19)]);
  await redis.lset(list, 0, misplaced);
  expect(await lookUp(absent)).toBeUndefined();
});

test('in a long queue an event is found wherever its batch stands', async () => {
  const { redis, client, lookUp } = await scene();
  const ids: string[] = [];
  const batchId = (n: number): string => {
    // The clock of another process may be wrong by an hour.
    if (n === 2_499) return uuidv7({ msecs: NOW - 3_600_000 });
    return uuidv7({ msecs: n % 1_000 === 7 ? NOW + 3_600_000 : NOW + n });
  };
  for (let n = 0; n < NOTED_JOBS + 1_000; ) {
    const batches = Array.from({ length: 500 }, () => {
      ids.push(uuidv7({ msecs: NOW + n }));
      const batch = { id: batchId(n), events: [newEvent({ id: ids[n] ?? '' })] };
      n += 1;
      return batch;
    });
    await admit(redis, dispositionsOf(client), batches, NOW);
  }
  for (const n of [0, 7, 1_234, 2_499, 2_999, 4_007, 4_999]) {
    expect(await lookUp(ids[n] ?? '')).toEqual({ id: ids[n], client, state: 'waiting' });
  }
  expect(await lookUp(uuidv7({ msecs: NOW + 2_500 }))).toBeUndefined();
});

test('among thousands of retries and of replayed batches, an event is found whichever leaves first', async () => {
  const { redis, client, queue, lookUp } = await scene();
  await redis.hset(statsKey(client), 'accepted:disposition_update', 1);
  const events = Array.from({ length: 2 * (NOTED_JOBS + 100) }, () => newEvent());
  await queue.addBulk(
    events.map((event, n) => {
      const opts = { jobId: uuidv7(), ...(n % 2 === 0 ? { delay: 60_000 + n } : { priority: 1 }) };
      return { name: '1', data: { events: [event] }, opts };
    }),
  );
  for (const n of [0, 1, 5_000, 5_001, -2, -1]) {
    const id = events.at(n)?.id ?? '';
    expect(await lookUp(id)).toEqual({ id, client, state: 'waiting' });
  }
  expect(await lookUp(uuidv7())).toBeUndefined();
});
