import { expect, test } from 'vitest';
import { endpointPrefix } from '../../src/queue/names.ts';
import { setPaused } from '../../src/queue/pause-client.ts';
import { dispositionsOf } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { clusterScene, idsOf } from './cluster-scene.ts';

failOnLeaks();

test('a service that starts while a master is away delivers for the clients of the others', async () => {
  const scene = await clusterScene({ masters: 3, each: 1 });
  const { cluster, names } = scene;
  const [away = '', ...others] = names;
  const early = idsOf(await scene.submit(away, 1));
  await cluster.masters[0]?.kill();
  const service = await scene.startService();
  const theirs = (await Promise.all(others.map((name) => scene.submit(name, 3)))).flat();
  await scene.delivered(idsOf(theirs));
  expect(idsOf(theirs)).toHaveLength(6);
  expect(service.lines.filter(({ msg }) => msg === 'redis is back')).toEqual([]);

  await cluster.masters[0]?.start();
  await scene.delivered(early);
  await service.waitForLine('redis is back');
  service.signal('SIGTERM');
  expect(await service.exit).toMatchObject({ code: 0 });
});

test('while a master is silent, work on another one is found that no message told of', async () => {
  const scene = await clusterScene({ masters: 3, each: 1 });
  const { cluster, names } = scene;
  const [, other = ''] = names;
  const redis = scene.open('operator');
  await setPaused(redis, other, true, Date.now());
  const service = await scene.startService();
  const ids = idsOf(await scene.submit(other, 1));
  expect(ids).toHaveLength(1);
  cluster.masters[0]?.freeze();
  // As a resume whose message was lost.
  await cluster.masters[1]?.redis.hdel(`${endpointPrefix(dispositionsOf(other))}meta`, 'paused');
  await scene.delivered(ids);
  cluster.masters[0]?.thaw();
  service.signal('SIGTERM');
  expect(await service.exit).toMatchObject({ code: 0 });
});
