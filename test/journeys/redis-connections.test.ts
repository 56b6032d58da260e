import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { expectFullAccount, FAILING } from '../support/account.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { outageScene } from '../support/outage.ts';

failOnLeaks();

const RETRY = { baseDelayMs: 200, factor: 1, jitter: 0 };
const KILLS = 40;
const EVERY_MS = 75;

test('connections are killed one by one under load: nothing is lost, counted wrongly or sent again', async () => {
  const scene = await outageScene({ script: FAILING, client: { retry: RETRY } });
  const { server, company } = scene;
  const service = await scene.startService();
  const load = scene.load();
  const admin = server.connect();
  const own = String(await admin.client('ID'));
  let killed = 0;
  for (let turn = 0; killed < KILLS; turn += 1) {
    const list = String(await admin.client('LIST'));
    const ids = [...list.matchAll(/^id=(\d+) /gm)].flatMap(([, id]) => (id === own ? [] : [id ?? '']));
    const id = ids[turn % ids.length];
    if (id !== undefined) killed += Number(await admin.client('KILL', 'ID', id));
    await pause(EVERY_MS);
  }
  await scene.submitUntilAccepted();
  await load.stop();
  await scene.drained();
  await expectFullAccount(scene, service);
  expect(company.tally.received).toBeGreaterThan(1_000);
  expect(service.lines.filter(({ msg }) => msg === 'redis error').length).toBeLessThan(15);
}, 60_000);
