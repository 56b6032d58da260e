import { expect, test } from 'vitest';
import { failOnLeaks } from '../support/leaks.ts';
import { clusterScene } from './cluster-scene.ts';

failOnLeaks();

test('a master is killed under load: no accepted event is lost, and no other client notices', async () => {
  const scene = await clusterScene({ masters: 3, replicas: 1, acknowledgedBy: 1, each: 2 });
  const { cluster, names } = scene;
  const service = await scene.startService();
  const [concerned, others] = [names.slice(0, 2), names.slice(2)];
  const load = scene.load(names);
  await load.goesOn(names);
  await cluster.servers[0]?.kill();
  await load.goesOn(others);
  await scene.delivered(others.flatMap((name) => load.accepted(name)));
  // Its replica has taken over, and has no replica of its own.
  await load.isUnconfirmed(concerned);
  await cluster.servers[0]?.start();
  await load.goesOn(names);
  await load.stop();
  for (const name of others) {
    expect(load.results.get(name)?.filter(({ outcome }) => outcome !== 'accepted')).toEqual([]);
  }
  await scene.delivered(load.accepted());
  await cluster.isWell();
  expect((await cluster.servers[0]?.redis.role())?.[0]).toBe('slave');
  await service.waitForLine('redis is back');
  service.signal('SIGTERM');
  expect(await service.exit).toMatchObject({ code: 0 });
  expect(service.stderr).toBe('');
  expect(service.lines.filter(({ msg }) => msg === 'batch could not be settled')).toEqual([]);
});
