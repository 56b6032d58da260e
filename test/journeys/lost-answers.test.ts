import { expect, test } from 'vitest';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { numberedEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testRedisPath } from '../support/redis.ts';
import { openRedisGate } from '../support/redis-gate.ts';
import { failTimes, hold } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';

failOnLeaks();

const TYPE = 'disposition_update';
/** Only where batches are taken by BullMQ. */
const TAKE = /:limiter\r\n/;
const COMPLETE = /"action":"complete"/;
const DELAY = /"action":"delay"/;

/** An engine behind a gate, which has delivered one event: Redis knows all scripts that this needs. */
async function engineBehindGate() {
  const company = await testSandbox().company('acme');
  const gate = await openRedisGate(testRedisPath());
  const settings = company.clientSettings({ concurrency: 1, batchSize: 1, retry: QUICK_RETRIES });
  const engine = await testEngine({ acme: settings }, { enginePath: gate.socketPath });
  const client = engine.client();
  let units = 0;
  async function submit(): Promise<void> {
    units += 1;
    await client.submit([numberedEvent(TYPE, units)]);
  }

  await submit();
  await client.settled({ delivered: 1 });

  /** All were delivered once, and no batch was waited for until its lock ran out. */
  async function expectAllDelivered(count: number): Promise<void> {
    await client.settled({ delivered: count });
    expect(company.tally.received).toBe(count);
    expect(company.deliveredIds.size).toBe(count);
    expect(engine.log.matching(({ stalls }) => stalls !== undefined)).toEqual([]);
    expect(engine.log.matching('lock lost')).toEqual([]);
    expect(await client.status()).toMatchObject({ waiting: 0, inFlight: 0, retrying: 0, delivered: count });
  }

  return { company, gate, submit, client, log: engine.log, expectAllDelivered };
}

test('the answer to a settlement is lost that took the next batch: that one is found, and goes on at once', async () => {
  const { company, gate, submit, expectAllDelivered } = await engineBehindGate();
  const held = hold();
  company.script(held.script);
  // One is being sent, one is open behind it, and two wait in the queue.
  for (let n = 1; n <= 4; n += 1) await submit();
  await company.waitFor(2);
  const stands = gate.standAt(1, 'after', COMPLETE);
  held.release();
  await stands;
  gate.cut();
  await expectAllDelivered(5);
});

test('the answer to a settlement is lost that found no next batch: it counts once, and as settled', async () => {
  const { gate, submit, expectAllDelivered } = await engineBehindGate();
  const stands = gate.standAt(1, 'after', COMPLETE);
  await submit();
  await stands;
  gate.cut();
  await expectAllDelivered(2);
});

test('the answer to a settlement is lost that put a retry off: it counts once, and as settled', async () => {
  const { company, gate, submit, client, log } = await engineBehindGate();
  company.script(failTimes(1, 500));
  const stands = gate.standAt(1, 'after', DELAY);
  await submit();
  await stands;
  gate.cut();
  await client.settled({ delivered: 2, retried: 1 });
  expect(log.matching('lock lost')).toEqual([]);
  expect(company.requests.map(({ headers }) => headers['x-waybill-attempt'])).toEqual(['1', '1', '2']);
  expect(await client.status()).toMatchObject({ delivered: 2, failedAttempts: { server_error: 1 } });
});

test('the answer is lost that handed a batch over: that one is found, and goes on at once', async () => {
  const { gate, submit, expectAllDelivered } = await engineBehindGate();
  const stands = gate.standAt(1, 'after', TAKE);
  await submit();
  await stands;
  // Sent again, the command takes this one.
  await submit();
  gate.cut();
  await expectAllDelivered(3);
});

test('a batch that is the last one is found, too, where the answer that handed it over is lost', async () => {
  const { gate, submit, expectAllDelivered } = await engineBehindGate();
  const stands = gate.standAt(1, 'after', TAKE);
  await submit();
  await stands;
  gate.cut();
  await expectAllDelivered(2);
});
