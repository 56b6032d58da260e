import { Redis } from 'ioredis';
import { v7 as uuidv7 } from 'uuid';
import { expect, onTestFinished, test } from 'vitest';
import { createEventLookUp } from '../../src/queue/look-up-event.ts';
import { failTimes } from '../../src/sandbox/scripts.ts';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testRedisPath } from '../support/redis.ts';
import { openRedisGate } from '../support/redis-gate.ts';
import { testSandbox } from '../support/sandbox.ts';
import { failed, iso, LATER, NOW, newEvent, scene, settlementOf } from './support/look-up-scene.ts';

failOnLeaks();

/** The scripts of a look-up, in their order, where no batch is open. */
const [WAIT, PRIORITIZED] = [2, 4];

/** A scene whose look-ups can be stopped between two of their steps. */
async function gatedScene() {
  const gate = await openRedisGate(testRedisPath());
  const redis = new Redis(gate.socketPath, { maxRetriesPerRequest: 0 });
  onTestFinished(() => redis.disconnect());
  const parts = await scene(redis);
  const { client, redis: direct } = parts;
  const lookUp = createEventLookUp({ redis, clients: [client], now: () => NOW });
  /** Looks an event up; `move` happens when the look-up is about to run its nth script. */
  async function lookUpWhile(id: string, nth: number, move: () => Promise<void>) {
    // From now on Redis knows the scripts by their hashes.
    await lookUp(uuidv7());
    const stands = gate.standAt(nth, 'before');
    const looking = lookUp(id);
    await stands;
    await move();
    gate.release();
    return looking;
  }
  return { ...parts, direct, lookUpWhile };
}

test('an event that is taken and delivered before its list was read is met further on', async () => {
  const { add, deliver, lookUpWhile } = await gatedScene();
  const event = newEvent();
  await add([event]);
  const fate = await lookUpWhile(event.id, WAIT, () => deliver(event));
  expect(fate).toMatchObject({ state: 'delivered', deliveredAt: iso(NOW) });
});

test('a retry that goes back to waiting once that was read is found when it is looked for again', async () => {
  const { add, settleNext, queue, lookUpWhile } = await gatedScene();
  const event = newEvent();
  await add([event]);
  await settleNext({ action: 'delay', ...settlementOf({ stay: [failed(event, 1)], dueAt: LATER }) });
  const fate = await lookUpWhile(event.id, PRIORITIZED, async () => {
    for (const job of await queue.getDelayed()) await job.promote();
  });
  expect(fate).toMatchObject({ state: 'retrying', attempt: 2, nextAttemptAt: iso(NOW) });
});

test('while an engine delivers, retries and gives up, every event is known at any time', async () => {
  const company = await testSandbox().company('acme', { script: failTimes(2, { status: 503, delayMs: 2 }) });
  const settings = company.clientSettings({ retry: QUICK_RETRIES, concurrency: 8, batchSize: 7 });
  const engine = await testEngine({ acme: settings }, { started: false });
  const client = engine.client();
  const ids = await client.submit(numberedEvents('disposition_update', 150));
  const lookUp = createEventLookUp({ redis: engine.redis, clients: [client.name], now: Date.now });
  const begun = Date.now();
  await engine.start();
  const unknown: string[] = [];
  const states = new Set<string>();
  let isOver = false;
  const over = client.settled({ delivered: 150 }).then(() => {
    isOver = true;
  });
  for (let n = 0; !isOver; n += 1) {
    const id = ids[(n * 37) % ids.length] ?? '';
    const fate = await lookUp(id);
    if (fate === undefined) unknown.push(id);
    else states.add(fate.state);
  }
  await over;
  expect(unknown).toEqual([]);
  expect([...states]).toContain('retrying');
  for (const id of ids) {
    const fate = await lookUp(id);
    expect(fate).toMatchObject({ id, client: client.name, state: 'delivered', status: 200 });
    const at = fate?.state === 'delivered' ? Date.parse(fate.deliveredAt) : 0;
    expect(at).toBeGreaterThanOrEqual(begun);
    expect(at).toBeLessThanOrEqual(Date.now());
  }
});
