import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { expectFullAccount, FAILING } from '../support/account.ts';
import { idleness } from '../support/idleness.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { outageScene } from '../support/outage.ts';
import { APPEND_ONLY } from '../support/own-redis.ts';

failOnLeaks();

const RETRY = { baseDelayMs: 200, factor: 1, jitter: 0 };
const OUTAGE_MS = 2_000;

test('Redis is killed under load: nothing is lost, counted wrongly or sent again', async () => {
  const scene = await outageScene({ redis: APPEND_ONLY, script: FAILING, client: { retry: RETRY } });
  const { server, company } = scene;
  const service = await scene.startService();
  for (let kill = 1; kill <= 2; kill += 1) {
    const load = scene.load();
    const before = company.tally.received;
    await company.waitFor((seen) => seen.tally.received > before + 500);
    await server.kill();
    expect(await scene.refusedAtOnce()).toContain('Redis cannot be reached: ');
    // What is being sent just now is not part of it.
    await company.waitFor((seen) => seen.tally.inFlight === 0);
    const sending = scene.send();
    const idle = await idleness(service, () => pause(OUTAGE_MS));
    const sent = await sending;
    expect(sent.code).toBe(4);
    expect(sent.stderr).toMatch(/^waybill: Redis cannot be reached: connect E[A-Z]+/);
    expect(idle.share).toBeLessThan(0.2);
    expect(idle.lines).toBeLessThan(10);
    await server.start();
    await scene.submitUntilAccepted();
    await load.stop();
  }
  await scene.drained();
  await expectFullAccount(scene, service);
  service.signal('SIGTERM');
  expect(await service.exit).toMatchObject({ code: 0 });
});
