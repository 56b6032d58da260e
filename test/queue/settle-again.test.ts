import { expect, onTestFinished, test } from 'vitest';
import { admit } from '../../src/queue/admit.ts';
import { closeRedis, openRedis } from '../../src/queue/connections.ts';
import { endpointPrefix, retryJobId, statsKey } from '../../src/queue/names.ts';
import { settle } from '../../src/queue/settle.ts';
import { dispositionsOf } from '../support/events.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { idleBatchWorker } from '../support/stalled.ts';

const event = (id: string) => ({ id, type: 'disposition_update', unit: id, body: '{}' });

test('a settlement that is sent again, since its answer was lost, counts once and brings nothing back', async () => {
  const server = await startOwnRedis();
  const redis = openRedis({ socketPath: server.socketPath }, 'worker', () => {});
  onTestFinished(() => closeRedis(redis));
  await new Promise<void>((resolve) => redis.once('ready', resolve));
  const [stays, retried] = [event('stays'), event('retried')];
  await admit(redis, dispositionsOf('acme'), [{ id: 'batch', events: [stays, retried] }], 1_000);
  const taken = await (await idleBatchWorker('acme', server.connect({ maxRetriesPerRequest: null }))).take();

  const key = (suffix: string): string => endpointPrefix(dispositionsOf('acme')) + suffix;
  const other = server.connect();
  await other.client('ID');
  // The script is known by now: what is sent is all of it.
  const command = {
    jobId: taken?.id ?? '',
    token: taken?.token ?? '',
    now: 1_000,
    action: 'keep',
    settlement: { dead: [], apart: [{ event: retried, dueAt: 9_000 }], stay: [stays] },
  } as const;
  await settle(
    redis,
    dispositionsOf('acme'),
    {
      ...command,
      settlement: { dead: [], apart: [], stay: [stays] },
      counters: new Map(),
    },
    'first',
  );

  server.freeze();
  const counters = new Map([['failed:disposition_update:timeout', 1]]);
  const settling = settle(redis, dispositionsOf('acme'), { ...command, counters }, 'second');
  redis.once('close', () => {
    server.thaw();
    // Before it is sent again, another process has taken the retry and is done with it.
    void other
      .multi()
      .del(key(retryJobId(retried)))
      .zrem(key('delayed'), retryJobId(retried))
      .exec();
  });
  redis.stream.destroy();
  expect(await settling).toEqual({ settled: true });
  expect(await other.hget(statsKey('acme'), 'failed:disposition_update:timeout')).toBe('1');
  expect(await other.exists(key(retryJobId(retried)))).toBe(0);
});
