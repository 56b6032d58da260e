import { Queue } from 'bullmq';
import { expect, onTestFinished, test } from 'vitest';
import { deliveriesPrefix, statsKey } from '../../src/queue/names.ts';
import { lossesOf } from '../../src/queue/servers.ts';
import { type SettleAction, type SettleCommand, type Settled, settle } from '../../src/queue/settle.ts';
import type { TakenBatch } from '../../src/queue/take.ts';
import { dispositionsOf } from '../support/events.ts';
import { testRedis, uniqueClientName } from '../support/redis.ts';
import { idleBatchWorker, loseLocks } from '../support/stalled.ts';
import { completion } from './support/completion.ts';

const EVENT = { id: 'e', type: 'disposition_update', unit: 'u', body: '{}' };
const NEXT = { token: 'next', durationMs: 30_000, askedAt: 0 };

/** A batch that was taken, and what may become of it before its settlement is sent again. */
async function takenBatch() {
  const redis = testRedis();
  const client = uniqueClientName();
  const queue = new Queue('disposition_update', {
    connection: testRedis(),
    prefix: deliveriesPrefix(client),
  });
  onTestFinished(() => queue.close());
  await queue.add('1', { events: [EVENT] }, { jobId: 'a' });
  const worker = await idleBatchWorker(client);
  const first = (await worker.take()) as TakenBatch;
  let others = 0;

  function write(
    job: TakenBatch,
    action: SettleAction,
    name: string,
    losses = lossesOf(redis),
  ): Promise<Settled> {
    const stay = action === 'complete' ? [] : [EVENT];
    const command: SettleCommand = {
      ...completion(job),
      action,
      settlement: { dead: [], apart: [], stay },
      counters: new Map([['delivered', 1]]),
      ...(action === 'complete' && { nextLock: NEXT }),
    };
    return settle(redis, dispositionsOf(client), command, name, 0, losses);
  }

  return {
    queue,
    loseLock: () => loseLocks(redis, client),
    /** For the first time, over a connection that is lost afterwards. */
    send: (action: SettleAction) => write(first, action, 'name'),
    sendAgain: (action: SettleAction) => write(first, action, 'name', lossesOf(redis) - 1),
    /** Another process has the batch by now. */
    takeOver: async () => (await worker.take()) as TakenBatch,
    settleOther: (job: TakenBatch, action: SettleAction) => write(job, action, `other ${++others}`),
    written: async () => Number(await redis.hget(statsKey(client), 'delivered')),
  };
}

test.each<SettleAction>(['keep', 'delay', 'put_back', 'complete'])(
  'a settlement (%s) that was written is settled, and written once',
  async (action) => {
    const { send, sendAgain, written } = await takenBatch();
    expect(await send(action)).toEqual({ settled: true });
    for (let n = 0; n < 2; n += 1) expect(await sendAgain(action)).toEqual({ settled: true });
    expect(await written()).toBe(1);
  },
);

test('so it is where another has the batch by then, or has completed it', async () => {
  const { send, sendAgain, takeOver, settleOther, written } = await takenBatch();
  await send('put_back');
  const other = await takeOver();
  expect(await sendAgain('put_back')).toEqual({ settled: true });
  await settleOther(other, 'complete');
  expect(await sendAgain('put_back')).toEqual({ settled: true });
  expect(await written()).toBe(2);
});

test('one that brought in a batch that another has by then is settled, without that', async () => {
  const { queue, loseLock, send, sendAgain, written } = await takenBatch();
  await queue.add('1', { events: [EVENT] }, { jobId: 'b' });
  expect((await send('complete')).next).toMatchObject({ id: 'b' });
  expect((await sendAgain('complete')).next).toMatchObject({ id: 'b' });
  await loseLock();
  expect(await sendAgain('complete')).toEqual({ settled: true });
  expect(await written()).toBe(1);
});

test.each<SettleAction>(['keep', 'delay', 'put_back', 'complete'])(
  'one (%s) that was not written is not settled once the lock is gone, whether anybody has the batch or not',
  async (action) => {
    const { loseLock, sendAgain, written } = await takenBatch();
    await loseLock();
    expect(await sendAgain(action)).toEqual({ settled: false });
    expect(await written()).toBe(0);
  },
);

test('what was kept and has lost its lock since is not settled, and so nothing more is sent of it', async () => {
  const { send, loseLock, sendAgain, written } = await takenBatch();
  await send('keep');
  await loseLock();
  expect(await sendAgain('keep')).toEqual({ settled: false });
  expect(await written()).toBe(1);
});
