import { expect, test } from 'vitest';
import { closeRedis, openRedis } from '../../src/queue/connections.ts';
import { isCluster } from '../../src/queue/servers.ts';
import { startRedisProgram } from '../support/redis-programs.ts';
import { until } from '../support/until.ts';
import { testDirectory } from '../support/waybill-process.ts';

const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

test('a Cluster that is closed while it is asked for its slots leaves no timer that keeps the process alive', async () => {
  const server = await startRedisProgram((port) => [
    ...[
      'redis-server',
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--dir',
      testDirectory(),
      '--save',
      '',
    ],
    ...['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'],
  ]);
  const admin = server.connect();
  await admin.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
  await until(async () => String(await admin.call('CLUSTER', 'INFO')).includes('cluster_state:ok'));
  const before = timers();

  const redis = openRedis({ cluster: [`127.0.0.1:${server.port}`] }, 'operator', () => {});
  if (!isCluster(redis)) throw new TypeError('this is to be a Cluster');
  await until(async () => redis.status === 'ready');
  const refresh = redis.refreshSlotsCache.bind(redis);
  await new Promise<void>((resolve) => {
    redis.refreshSlotsCache = (done) => {
      refresh(done);
      resolve();
    };
  });
  closeRedis(redis);
  await until(async () => redis.status === 'end' && timers() <= before, 20_000);
  expect(timers()).toBeLessThanOrEqual(before);
});
