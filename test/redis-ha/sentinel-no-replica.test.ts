import { expect, onTestFinished, test } from 'vitest';
import { createProducer, type Producer, type SubmitResult } from '../../src/index.ts';
import { infoField } from '../../src/redis/settings.ts';
import { numberedEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testSandbox } from '../support/sandbox.ts';
import { NEVER_DOWN, type SentinelServers, startSentinel } from '../support/sentinel.ts';

failOnLeaks();

const TYPE = 'disposition_update';
const CLIENTS = Array.from({ length: 50 }, (_, index) => `client-${index}`);

test('without a replica nothing counts as accepted, clients do not wait for each other, and it ends with a replica', async () => {
  const servers = await startSentinel(NEVER_DOWN);
  const producer = await openProducer(servers);
  expect(await submitToAll(producer)).toMatchObject(everyone({ outcome: 'accepted' }));

  const replicas = await servers.replicas();
  for (const replica of replicas) await replica.kill();
  const asked = await waitsOf(servers);
  const from = performance.now();
  const unknown = everyone({
    outcome: 'unknown',
    code: 'REDIS_NOT_REPLICATED',
    problems: [{ message: expect.stringMatching(/^Redis has the event, but 0 of 1 replica confirmed it; /) }],
  });
  expect(await submitToAll(producer)).toMatchObject(unknown);
  // One for the first that was answered, one for all others.
  expect((await waitsOf(servers)) - asked).toBeLessThanOrEqual(2);
  expect(performance.now() - from).toBeLessThan(CLIENTS.length * 1_000);

  const master = (await servers.master()).connect();
  await master.config('SET', 'min-replicas-to-write', '1');
  const refused = { outcome: 'refused', code: 'REDIS_REFUSED' };
  expect(await submitToAll(producer)).toMatchObject(everyone(refused));

  for (const replica of replicas) await servers.rejoin(replica);
  await servers.inSync();
  expect(await submitToAll(producer)).toMatchObject(everyone({ outcome: 'accepted' }));
});

function everyone<Result>(result: Result): Result[] {
  return CLIENTS.map(() => result);
}

async function openProducer({ section }: SentinelServers): Promise<Producer> {
  const company = await testSandbox().company('acme');
  const clients = Object.fromEntries(CLIENTS.map((name) => [name, company.clientSettings()]));
  const producer = await createProducer({ redis: section, clients });
  onTestFinished(() => producer.close());
  return producer;
}

/** One event for each client, all at once. */
function submitToAll(producer: Producer): Promise<SubmitResult[]> {
  return Promise.all(CLIENTS.map((client, n) => producer.submit(client, TYPE, numberedEvent(TYPE, n))));
}

/** How many times the master was asked what its replicas have. */
async function waitsOf(servers: SentinelServers): Promise<number> {
  const redis = (await servers.master()).connect();
  const info = await redis.info('commandstats');
  return Number(/^calls=(\d+)/.exec(infoField(info, 'cmdstat_wait') ?? '')?.[1] ?? 0);
}

test('an event that no replica has is not accepted the second time either, over another connection', async () => {
  const servers = await startSentinel({ ...NEVER_DOWN, replicas: 1 });
  const [replica] = await servers.replicas();
  const producers = [await openProducer(servers), await openProducer(servers)];
  const [client = ''] = CLIENTS;
  const submit = (index: number) =>
    producers[index]?.submit(client, TYPE, numberedEvent(TYPE, 1), { idempotencyKey: 'k1' });
  replica?.freeze();
  const first = await submit(0);
  const unknown = { outcome: 'unknown', code: 'REDIS_NOT_REPLICATED' };
  expect(first).toMatchObject(unknown);
  const second = await submit(1);
  expect(second).toMatchObject(unknown);
  expect(second).toHaveProperty('id', (first as { id: string }).id);

  const redis = (await servers.master()).connect();
  const offset = async () => Number(infoField(await redis.info('replication'), 'master_repl_offset'));
  replica?.thaw();
  await servers.inSync(1);
  const before = await offset();
  const third = await submit(1);
  expect(third).toEqual({ outcome: 'accepted', id: (first as { id: string }).id, repeated: true });
  // WAIT is about what was written: of a repeat, too.
  expect(await offset()).toBeGreaterThan(before);
});
