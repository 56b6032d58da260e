import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { closeRedis, openRedis } from '../../src/queue/connections.ts';
import type { ConnectionRole } from '../../src/queue/redis-options.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { sceneOn } from '../support/outage.ts';
import { freePort } from '../support/own-redis.ts';
import { testSandbox } from '../support/sandbox.ts';
import { NEVER_DOWN, startSentinel } from '../support/sentinel.ts';
import { until } from '../support/until.ts';
import { runWaybill } from '../support/waybill-process.ts';

failOnLeaks();

const ROLES: readonly ConnectionRole[] = ['intake', 'worker', 'operator'];

test('after a failover on demand every connection is with the new master, though the old one answers', async () => {
  const servers = await startSentinel(NEVER_DOWN);
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
  // Sentinel can make no replica of it, which would end its connections.
  await before.connect().call('ACL', 'SETUSER', 'default', '-slaveof', '-replicaof');
  await servers.sentinel.call('SENTINEL', 'FAILOVER', servers.section.name);
  await servers.promoted(before);
  await until(async () => connections.every(({ readies }) => readies.count > 1));
  await scene.delivered(await scene.submitUntilAccepted());
  const wanted = [...ROLES.map((role) => `waybill-${role}`), 'waybill-worker-subscriber'];
  await until(async () => {
    const redis = (await servers.master()).connect();
    const list = String(await redis.call('CLIENT', 'LIST'));
    redis.disconnect();
    return wanted.every((name) => list.includes(` name=${name} `));
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

test('a command says at once which sentinels do not name the master, and why', async () => {
  const { section } = await startSentinel({ replicas: 0, ...NEVER_DOWN });
  const company = await testSandbox().company('acme');
  const clients = { acme: company.clientSettings() };
  const status = (redis: typeof section) => runWaybill(['status'], { config: { redis, clients } });
  const [there] = section.sentinels;
  expect((await status({ ...section, name: 'other' })).stderr).toBe(
    `waybill: Redis cannot be reached: no sentinel named the master "other": ERR No such master with that name (asked: ${there})\n`,
  );
  const nowhere = `127.0.0.1:${await freePort()}`;
  expect((await status({ ...section, sentinels: [nowhere] })).stderr).toBe(
    `waybill: Redis cannot be reached: no sentinel named the master "${section.name}": no connection (asked: ${nowhere})\n`,
  );
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
