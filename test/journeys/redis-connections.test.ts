import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { expectFullAccount, FAILING } from '../support/account.ts';
import { idleness } from '../support/idleness.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { outageScene } from '../support/outage.ts';

failOnLeaks();

const RETRY = { baseDelayMs: 200, factor: 1, jitter: 0 };
const KILLS = 40;
const EVERY_MS = 75;
const USUAL_MS = 1_000;

/** Ends so many connections of others, one after another. */
async function killConnections(admin: Redis, count: number): Promise<void> {
  const own = String(await admin.client('ID'));
  let killed = 0;
  for (let turn = 0; killed < count; turn += 1) {
    const list = String(await admin.client('LIST'));
    const ids = [...list.matchAll(/^id=(\d+) /gm)].flatMap(([, id]) => (id === own ? [] : [id ?? '']));
    const id = ids[turn % ids.length];
    if (id !== undefined) killed += Number(await admin.client('KILL', 'ID', id));
    await pause(EVERY_MS);
  }
}

test('connections are killed one by one under load: nothing is lost, counted wrongly or sent again', async () => {
  const scene = await outageScene({ script: FAILING, client: { retry: RETRY } });
  const { server, company } = scene;
  const service = await scene.startService();
  const load = scene.load();
  await company.waitFor((seen) => seen.tally.received > 500);
  const admin = server.connect();
  const usual = await idleness(service, () => pause(USUAL_MS));
  const before = company.tally.received;
  const disturbed = await idleness(service, () => killConnections(admin, KILLS));
  // It works all the while, and what it uses is that of its work: a worker that spins takes a processor.
  expect(company.tally.received).toBeGreaterThan(before);
  expect(disturbed.share).toBeLessThan(2 * usual.share + 0.2);
  await scene.submitUntilAccepted();
  await load.stop();
  await scene.drained();
  await expectFullAccount(scene, service);
  expect(company.tally.received).toBeGreaterThan(1_000);
  expect(service.lines.filter(({ msg }) => msg === 'redis error').length).toBeLessThan(15);

  // The same without a load, when all that it uses is what reconnecting costs.
  const idle = await idleness(service, () => killConnections(admin, KILLS / 2));
  expect(idle.share).toBeLessThan(0.2);
  company.script({});
  await scene.delivered(await scene.submitUntilAccepted());
});
