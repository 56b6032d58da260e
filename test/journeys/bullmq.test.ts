import { type Job, Queue } from 'bullmq';
import { expect, onTestFinished, test } from 'vitest';
import { clientPrefix, DEAD_LETTERS, deliveriesPrefix } from '../../src/queue/names.ts';
import { setPaused } from '../../src/queue/pause-client.ts';
import { expectKeys } from '../../src/queue/scripts/bullmq-functions.ts';
import { testEngine } from '../support/engine.ts';
import { numberedEvents, unitOfEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testRedis } from '../support/redis.ts';
import { byUnit, hold } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';

failOnLeaks();

const TYPE = 'disposition_update';
const RETRY = { retries: 1, baseDelayMs: 3_600_000, factor: 1, maxDelayMs: 3_600_000, jitter: 0 };

const idsIn = (jobs: readonly Job[]): string[] =>
  jobs.flatMap(({ data }) => data.events.map(({ id }: { id: string }) => id));

test('BullMQ’s own Queue reads what waits, is in flight, is retried, failed or dead, and whether it is paused', async () => {
  const payloads = numberedEvents(TYPE, 3);
  const [slow = '', failing = ''] = payloads.map((payload) => unitOfEvent(TYPE, payload));
  const held = hold();
  const company = await testSandbox().company('acme', {
    script: byUnit({ [slow]: held.script, [failing]: 500 }),
  });
  const engine = await testEngine({ acme: company.clientSettings({ retry: RETRY, batchSize: 1 }) });
  const client = engine.client();
  const open = (name: string, prefix: string): Queue => {
    const queue = new Queue(name, { connection: testRedis(), prefix });
    onTestFinished(() => queue.close());
    return queue;
  };
  const deliveries = open(TYPE, deliveriesPrefix(client.name));
  const deadLetters = open(DEAD_LETTERS, clientPrefix(client.name));

  const ids = await client.submit(payloads);
  await client.settled({ delivered: 1, retried: 1 });
  expect(idsIn(await deliveries.getActive())).toEqual([ids[0]]);
  const [delayed] = await deliveries.getDelayed();
  expect(delayed?.data.events).toMatchObject([
    { id: ids[1], history: [[expect.any(Number), 500, 'server_error', expect.any(Number)]] },
  ]);
  expect(await delayed?.getState()).toBe('delayed');
  expect(await deliveries.getJobCounts('wait', 'active', 'delayed', 'prioritized', 'failed')).toEqual({
    wait: 0,
    active: 1,
    delayed: 1,
    prioritized: 0,
    failed: 0,
  });

  await setPaused(engine.redis, client.name, true, Date.now());
  expect(await deliveries.isPaused()).toBe(true);
  const [waiting] = await client.submit(numberedEvents(TYPE, 1, 10));
  expect(idsIn(await deliveries.getWaiting())).toEqual([waiting]);
  await setPaused(engine.redis, client.name, false, Date.now());
  expect(await deliveries.isPaused()).toBe(false);
  held.release();
  await client.settled({ delivered: 3, retried: 1 });

  // What an operator does with the tools of BullMQ reaches the engine.
  await delayed?.promote();
  await client.settled({ dead: 1 });
  expect(await deadLetters.getJobCounts('prioritized')).toEqual({ prioritized: 1 });
  expect((await deadLetters.getPrioritized())[0]?.data).toMatchObject({ id: ids[1] });
  await deliveries.add('1', 'no batch');
  await until(async () => (await deliveries.getFailedCount()) === 1);
  await deliveries.pause();
  expect(await client.status()).toMatchObject({ waiting: 0, broken: 1 });
  await deliveries.resume();
  await client.submit(numberedEvents(TYPE, 1, 20));
  await client.settled({ delivered: 4 });
});

test('a script of BullMQ that takes other keys than Waybill gives is told by its name', () => {
  expect(() => expectKeys([{ name: 'addStandardJob', content: '', keys: 10 }, 9])).toThrow(
    /BullMQ's script addStandardJob takes 10 keys, and Waybill gives 9/,
  );
});
