import { expect, onTestFinished, test } from 'vitest';
import { createProducer } from '../../src/index.ts';
import { sampleEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { type Scene, type Store, sceneOn } from '../support/outage.ts';
import { testSandbox } from '../support/sandbox.ts';
import { type SentinelServers, startSentinel } from '../support/sentinel.ts';
import { until } from '../support/until.ts';
import type { WaybillProcess } from '../support/waybill-process.ts';

failOnLeaks();

const PATIENT = { timeoutMs: 120_000 };
const REPLICAS = 2;

test('a master that is killed under load costs no accepted event, and comes back as a replica', async () => {
  const servers = await startSentinel({ replicas: REPLICAS });
  const scene = await sceneOn(confirmedByAll(servers));
  const service = await scene.startService();
  const load = scene.load();
  await receivedMore(scene, 500);
  const killed = await servers.master();
  await killed.kill();
  await servers.promoted(killed);
  await servers.rejoin(killed);
  await scene.submitUntilAccepted();
  await receivedMore(scene, 500);
  await load.stop();
  // All three are there again.
  await servers.inSync();
  await expectNothingLost(scene, service);
});

test('a master that is frozen until a replica took over accepts nothing that is missing later', async () => {
  const servers = await startSentinel({ replicas: REPLICAS });
  const scene = await sceneOn(confirmedByAll(servers));
  const service = await scene.startService();
  const load = scene.load();
  await receivedMore(scene, 500);
  const frozen = await servers.master();
  frozen.freeze();
  await servers.promoted(frozen);
  await servers.inSync(1);
  frozen.thaw();
  await until(async () => scene.taken.unknown.length > 0);
  await scene.submitUntilAccepted();
  await receivedMore(scene, 500);
  await load.stop();
  await expectNothingLost(scene, service);
});

/** With fewer, the replica that takes over may be the one that has not the latest. */
function confirmedByAll(servers: SentinelServers): Store {
  return { ...servers, section: { ...servers.section, acknowledgedBy: REPLICAS } };
}

test('what a master answers that thaws after the failover does not count as accepted', async () => {
  const servers = await startSentinel();
  const frozen = await servers.master();
  const company = await testSandbox().company('acme');
  // By its address it stays connected to that one.
  const redis = { url: `redis://127.0.0.1:${frozen.port}`, acknowledgedBy: 1 };
  const config = { redis, clients: { acme: company.clientSettings() } };
  const producer = await createProducer(config, { answerTimeoutMs: 60_000 });
  onTestFinished(() => producer.close());
  const submit = () => producer.submit('acme', 'disposition_update', sampleEvent('disposition_update'));
  expect(await submit()).toMatchObject({ outcome: 'accepted' });
  frozen.freeze();
  const result = submit();
  await servers.promoted(frozen);
  await servers.inSync(1);
  frozen.thaw();
  expect(await result).toMatchObject({ outcome: 'unknown', code: 'REDIS_NOT_REPLICATED' });
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
