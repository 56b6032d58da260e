import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { readClientView } from '../../src/queue/client-view.ts';
import { slotOf } from '../support/cluster.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { until } from '../support/until.ts';
import { clusterScene, expectNoOrphans, PATIENT_MS } from './cluster-scene.ts';

failOnLeaks();

/** As many of the lowest slots are moved. */
const SLOTS = 40;
const TIMES = 3;
const RETRY = { retries: 4, baseDelayMs: 100, factor: 1, maxDelayMs: 100, jitter: 0 };

test('hash slots are moved there and back under load: nothing is lost, and nothing left over', async () => {
  const scene = await clusterScene({
    masters: 2,
    names: (of) => [...of.clientsOn(0, 2, SLOTS), ...of.clientsOn(1, 1)],
    client: { retry: RETRY, pace: 'fixed' },
  });
  const { cluster, company, names } = scene;
  const [failing = '', moved = ''] = names;
  // One in four of it fails once, one in sixteen for ever.
  company.script(({ path, eventId = '' }, { ofEvent }) =>
    path !== `/${failing}` || !/[0-3f]$/.test(eventId)
      ? 200
      : eventId.endsWith('f') || ofEvent === 1
        ? 500
        : 200,
  );
  scene.configure({ incidents: { lookEveryMs: 100 } });
  const service = await scene.startService();
  const redis = scene.open('operator');
  const load = scene.load(names);
  const view = (name: string) => readClientView(redis, { name, endpoints: {} });
  await until(async () => (await view(failing)).incidents.length === 1, PATIENT_MS);
  for (let time = 0; time < TIMES; time += 1) {
    for (const [from, to] of [
      [0, 1],
      [1, 0],
    ] as const) {
      const source = cluster.masters[from]?.redis as Redis;
      // Otherwise the keys are in an order in which little can go wrong.
      await source.call('DEBUG', 'RELOAD');
      await cluster.reshard(from, to, SLOTS);
      expect(await cluster.masters[to]?.redis.cluster('COUNTKEYSINSLOT', slotOf(moved))).toBeGreaterThan(0);
      await load.goesOn([moved], 1);
    }
  }
  await load.stop();
  expect([...load.results.values()].flat().filter(({ outcome }) => outcome !== 'accepted')).toEqual([]);
  for (const name of names) {
    await until(async () => {
      const { waiting, inFlight, retrying, delivered, dead, accepted } = await view(name);
      return waiting + inFlight + retrying === 0 && delivered + dead === accepted;
    }, PATIENT_MS);
    expect(await view(name)).toMatchObject({ accepted: load.accepted(name).length, broken: 0 });
    await expectNoOrphans(redis, name);
  }
  await scene.delivered(
    load.accepted().filter((id) => !load.accepted(failing).includes(id) || !id.endsWith('f')),
  );
  expect(service.lines.filter(({ msg }) => msg === 'batch could not be settled')).toEqual([]);
});
