import { expect, test } from 'vitest';
import { freePorts } from '../support/cluster.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { clusterScene } from './cluster-scene.ts';

failOnLeaks();

test('all servers are killed and started again: commands say so meanwhile, and all go on', async () => {
  const scene = await clusterScene({ masters: 3, replicas: 1, acknowledgedBy: 1, each: 1 });
  const { cluster, names } = scene;
  const service = await scene.startService();
  const load = scene.load(names);
  await load.goesOn(names);
  await Promise.all(cluster.servers.map((server) => server.kill()));
  for (const args of [
    ['status'],
    ['pause', names[0] ?? ''],
    ['send', names[0] ?? '', '--sample', 'disposition_update'],
    ['check'],
  ]) {
    const { code, stderr, stdout } = await scene.run(...args);
    expect({ args, code, said: stdout + stderr }).toEqual({
      args,
      code: 4,
      said: expect.stringContaining('Redis cannot be reached: connect ECONNREFUSED 127.0.0.1:'),
    });
  }
  await Promise.all(cluster.servers.map((server) => server.start()));
  await load.goesOn(names);
  await load.stop();
  await scene.delivered(load.accepted());
  expect(service.lines.filter(({ msg }) => msg === 'batch could not be settled')).toEqual([]);
  service.signal('SIGTERM');
  expect(await service.exit).toMatchObject({ code: 0 });
  expect(service.stderr).toBe('');
});

test('all servers come back with other ports, behind a natMap: all go on', async () => {
  const told = await freePorts(6);
  const later = await freePorts(3);
  const announced = (index: number) => ({ 'cluster-announce-port': String(told[index]) });
  const scene = await clusterScene({
    masters: 3,
    each: 1,
    settings: announced,
    redis: ({ masters }) => {
      const ports = [...masters.map(({ port }) => port), ...later];
      const reached = ports.map((port) => `127.0.0.1:${port}`);
      return {
        cluster: reached,
        natMap: Object.fromEntries(told.map((port, index) => [`127.0.0.1:${port}`, reached[index] ?? ''])),
      };
    },
  });
  const { cluster, names } = scene;
  const service = await scene.startService();
  const load = scene.load(names);
  await load.goesOn(names);
  await Promise.all(cluster.servers.map((server) => server.kill()));
  const changes = later.map((port, index) => ({ port: String(port), ...announced(index + 3) }));
  await Promise.all(cluster.servers.map((server, index) => server.start(changes[index])));
  await load.goesOn(names);
  await load.stop();
  await scene.delivered(load.accepted());
  service.signal('SIGTERM');
  expect(await service.exit).toMatchObject({ code: 0 });
  expect(service.stderr).toBe('');
});
