import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { closeRedis, openRedis } from '../../src/queue/connections.ts';
import type { ConnectionRole } from '../../src/queue/redis-options.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { sceneOn } from '../support/outage.ts';
import { startSentinel } from '../support/sentinel.ts';
import { until } from '../support/until.ts';

failOnLeaks();

const ROLES: readonly ConnectionRole[] = ['intake', 'worker', 'operator'];

test('after a failover on demand every connection is with the new master', async () => {
  const servers = await startSentinel();
  const connections = ROLES.map((role) => {
    const redis = openRedis(servers.section, role, () => {});
    onTestFinished(() => closeRedis(redis));
    return { redis, readies: counted(redis, 'ready'), ends: counted(redis, 'end') };
  });
  const scene = await sceneOn(servers);
  await scene.startService();
  await scene.delivered(await scene.submit(1));
  await until(async () => connections.every(({ readies }) => readies.count === 1));

  const before = await servers.master();
  await servers.sentinel.call('SENTINEL', 'FAILOVER', servers.section.name);
  const promoted = await servers.promoted(before);
  await until(async () => connections.every(({ readies }) => readies.count > 1));
  await scene.delivered(await scene.submitUntilAccepted());
  const names = new Set<string>();
  const redis = promoted.connect();
  const wanted = [...ROLES.map((role) => `waybill-${role}`), 'waybill-worker-subscriber'];
  await until(async () => {
    const list = String(await redis.call('CLIENT', 'LIST'));
    for (const [, name = ''] of list.matchAll(/ name=(waybill-\S+)/g)) names.add(name);
    return wanted.every((name) => names.has(name));
  });
  expect(connections.map(({ ends }) => ends.count)).toEqual([0, 0, 0]);
});

test('a sentinel that takes connections and says nothing is left for the next one', async () => {
  const servers = await startSentinel();
  const silent = await silentServer();
  const { sentinels, name } = servers.section;
  const section = { name, sentinels: [silent.address, ...sentinels] };
  const scene = await sceneOn({ ...servers, section });
  await scene.startService();
  await scene.delivered(await scene.submitUntilAccepted());
  expect(silent.connections()).toBeGreaterThan(0);

  // With the master lost, it is asked again.
  const before = await servers.master();
  const asked = silent.connections();
  await before.kill();
  await servers.promoted(before);
  await scene.delivered(await scene.submitUntilAccepted());
  expect(silent.connections()).toBeGreaterThan(asked);
});

function counted(emitter: NodeJS.EventEmitter, event: string): { count: number } {
  const counter = { count: 0 };
  emitter.on(event, () => {
    counter.count += 1;
  });
  return counter;
}

async function silentServer() {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}).resume());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return { address: `127.0.0.1:${address.port}`, connections: () => sockets.length };
}
