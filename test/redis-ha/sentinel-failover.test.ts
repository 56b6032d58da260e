import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { failOnLeaks } from '../support/leaks.ts';
import { type Scene, sceneOn } from '../support/outage.ts';
import { startSentinel } from '../support/sentinel.ts';
import { until } from '../support/until.ts';
import type { WaybillProcess } from '../support/waybill-process.ts';

failOnLeaks();

const PATIENT = { timeoutMs: 120_000 };

test('a master that is killed under load costs no accepted event, and comes back as a replica', async () => {
  const servers = await startSentinel();
  const scene = await sceneOn(servers);
  const service = await scene.startService();
  const load = scene.load();
  await receivedMore(scene, 500);
  const killed = await servers.master();
  await killed.kill();
  const promoted = await servers.promoted(killed);
  await servers.rejoin(killed);
  await scene.submitUntilAccepted();
  await receivedMore(scene, 500);
  await load.stop();
  await servers.inSync();
  expect(await servers.master()).toBe(promoted);
  expect(await roleOf(killed)).toBe('slave');
  await expectNothingLost(scene, service);
});

test('a master that is frozen until a replica took over accepts nothing that is missing later', async () => {
  const servers = await startSentinel();
  // Whoever waits for the frozen one hears its answer when it thaws.
  const scene = await sceneOn(servers, { answerTimeoutMs: 60_000 });
  const service = await scene.startService();
  const load = scene.load();
  await receivedMore(scene, 500);
  const frozen = await servers.master();
  frozen.freeze();
  await servers.promoted(frozen);
  await servers.inSync(1);
  frozen.thaw();
  // What it was sent before, it answers; no replica has that.
  await until(async () => scene.taken.unknown.length > 0);
  await scene.submitUntilAccepted();
  await receivedMore(scene, 500);
  await load.stop();
  await expectNothingLost(scene, service);
});

function receivedMore({ company }: Scene, count: number): Promise<void> {
  const before = company.tally.received;
  return company.waitFor(({ tally }) => tally.received > before + count, PATIENT);
}

/** Each event that was accepted has reached its receiver, by its own record. */
async function expectNothingLost(scene: Scene, { lines }: WaybillProcess): Promise<void> {
  await scene.drained();
  const { taken, company } = scene;
  expect(taken.accepted.filter((id) => !company.deliveredIds.has(id))).toEqual([]);
  expect(lines.filter(({ msg }) => msg === 'batch could not be settled')).toEqual([]);
}

async function roleOf({ connect }: { connect(): Redis }): Promise<unknown> {
  const [role] = (await connect().call('ROLE')) as unknown[];
  return role;
}
