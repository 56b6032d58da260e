import { v7 as uuidv7 } from 'uuid';
import { expect, onTestFinished, test } from 'vitest';
import { admit } from '../../src/queue/admit.ts';
import { createBatchWorkers } from '../../src/queue/batch-workers.ts';
import { closeRedis, openRedis } from '../../src/queue/connections.ts';
import { type ClusterServer, startCluster } from '../support/cluster.ts';
import { dispositionsOf, storedEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { until } from '../support/until.ts';

failOnLeaks();

/** No look at the queues finds what no message told of. */
const LOCK = { durationMs: 3_600_000, stalledIntervalMs: 3_600_000 };

test('the server is lost from which a worker hears of work: it hears of it from another one', async () => {
  const cluster = await startCluster({ masters: 3 });
  const redis = openRedis({ cluster: cluster.section.cluster }, 'worker', () => {});
  onTestFinished(() => closeRedis(redis));
  const workers = createBatchWorkers({ redis, lock: LOCK, onError() {}, now: Date.now });
  onTestFinished(() => workers.close());
  const clients = cluster.masters.flatMap((_, master) => cluster.clientsOn(master, 1));
  // Before the Cluster is known.
  workers.start();
  const listeners = { onLockLost() {}, onStalled() {}, onVerdict() {}, onWaits() {} };
  const taking = clients.map(async (client) => {
    const worker = workers.create(dispositionsOf(client), listeners);
    onTestFinished(() => worker.close());
    await worker.start();
    return worker;
  });
  const all = await Promise.all(taking);
  const subscribed = async (): Promise<ClusterServer | undefined> => {
    for (const server of cluster.masters.filter(({ pid }) => pid !== 0)) {
      if (/name=waybill-worker-subscriber .*cmd=subscribe/.test(String(await server.redis.client('LIST'))))
        return server;
    }
    return undefined;
  };
  await until(async () => (await subscribed()) !== undefined);
  const first = await subscribed();
  await first?.kill();
  await until(async () => ![undefined, first].includes(await subscribed()));

  const n = cluster.masters.findIndex((server) => server !== first);
  const asked = all[n]?.take();
  await admit(
    redis,
    dispositionsOf(clients[n] ?? ''),
    [{ id: uuidv7(), events: [storedEvent(1)] }],
    Date.now(),
  );
  expect((await asked) ?? (await all[n]?.take())).toMatchObject({ data: { events: [{ id: 'event-1' }] } });
});
