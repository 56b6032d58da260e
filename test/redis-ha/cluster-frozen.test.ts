import { expect, test } from 'vitest';
import { failOnLeaks } from '../support/leaks.ts';
import { clusterScene, PATIENT_MS } from './cluster-scene.ts';

failOnLeaks();

test('a master stands still under load, another takes over, it goes on: no accepted event is lost', async () => {
  const scene = await clusterScene({ masters: 3, replicas: 1, acknowledgedBy: 1, each: 2 });
  const { cluster, company, names } = scene;
  const service = await scene.startService();
  const [concerned, others] = [names.slice(0, 2), names.slice(2)];
  const load = scene.load(names);
  await load.goesOn(names);
  cluster.servers[0]?.freeze();
  await load.goesOn(others);
  await scene.delivered(others.flatMap((name) => load.accepted(name)));
  await load.isUnconfirmed(concerned);
  // The worker leaves the silent server, too.
  const sent = company.requests.length;
  await company.waitFor(
    (seen) => {
      const paths = new Set(seen.requests.slice(sent).map(({ path }) => path));
      return concerned.every((name) => paths.has(`/${name}`));
    },
    { timeoutMs: PATIENT_MS },
  );
  cluster.servers[0]?.thaw();
  await load.goesOn(names);
  await load.stop();
  for (const name of others) {
    expect(load.results.get(name)?.filter(({ outcome }) => outcome !== 'accepted')).toEqual([]);
  }
  await scene.delivered(load.accepted());
  service.signal('SIGTERM');
  expect(await service.exit).toMatchObject({ code: 0 });
  expect(service.stderr).toBe('');
  expect(service.lines.filter(({ msg }) => msg === 'batch could not be settled')).toEqual([]);
});
