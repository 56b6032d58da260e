import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { expectFullAccount, FAILING } from '../support/account.ts';
import { idleness } from '../support/idleness.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { outageScene } from '../support/outage.ts';
import { APPEND_ONLY } from '../support/own-redis.ts';
import { until } from '../support/until.ts';

failOnLeaks();

const RETRY = { baseDelayMs: 200, factor: 1, jitter: 0 };
/** Takes three seconds to load. */
const KEYS = 1_500;
const SLOWLY = { 'key-load-delay': '2000', 'loading-process-events-interval-bytes': '1024' };
const OUTAGE_MS = 1_500;

test('Redis comes back and loads its file for some time: it is waited for, and nothing is sent again', async () => {
  const scene = await outageScene({ redis: APPEND_ONLY, script: FAILING, client: { retry: RETRY } });
  const { server, company } = scene;
  const filling = server.connect().pipeline();
  for (let key = 0; key < KEYS; key += 1) filling.set(`key-${key}`, 'x'.repeat(100));
  await filling.exec();
  const service = await scene.startService();
  const load = scene.load();
  await company.waitFor((seen) => seen.tally.received > 500);
  await server.kill();
  await server.start(SLOWLY, 'loading');

  await until(async () =>
    (await scene.refusedAtOnce()).endsWith('it is loading its data, or does not answer'),
  );
  const idle = await idleness(service, () => pause(OUTAGE_MS));
  // It still loads.
  expect(await scene.submit(1)).toEqual([]);
  expect(idle.share).toBeLessThan(0.2);
  expect(idle.lines).toBeLessThan(10);
  await scene.submitUntilAccepted();
  await load.stop();
  await scene.drained();
  await expectFullAccount(scene, service);
});
