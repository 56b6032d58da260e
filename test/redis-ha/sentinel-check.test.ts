import { expect, test } from 'vitest';
import { failOnLeaks } from '../support/leaks.ts';
import { testSandbox } from '../support/sandbox.ts';
import { NEVER_DOWN, type SentinelServers, startSentinel } from '../support/sentinel.ts';
import { runWaybill } from '../support/waybill-process.ts';

failOnLeaks();

const TWICE = 'what was delivered in the moments before it may be delivered twice';

test('check tells of the master, its replicas, and what a failover loses', async () => {
  const servers = await startSentinel(NEVER_DOWN);
  const [master, ...replicas] = servers.servers.map(({ port }) => `127.0.0.1:${port}`);
  const names = replicas.sort().join(', ');
  const cutOff =
    'a master that is cut off from its replicas goes on taking writes, which a failover loses, and what it delivers meanwhile is delivered again';
  const zeroOn = (servers: string) =>
    `warning  min-replicas-to-write is 0 and should be 1 on ${servers}: ${cutOff}`;
  expect(await check(servers)).toEqual([
    expect.stringMatching(
      new RegExp(`^ok {7}Redis \\S+ at ${master} answers, and its settings keep events$`),
    ),
    `ok       2 replicas in sync: ${names}`,
    zeroOn([master, ...replicas].sort().join(', ')),
    `note     an event counts as accepted once 1 of 2 replicas has it: a failover loses it only if a replica takes over that did not have it yet (acknowledgedBy: 2 rules that out, and accepts nothing while a replica is away); ${TWICE}`,
  ]);

  const [, second] = servers.servers;
  const redis = second?.connect();
  await redis?.config('SET', 'maxmemory-policy', 'allkeys-lru');
  await servers.servers[0]?.connect().config('SET', 'min-replicas-to-write', '1');
  expect((await check(servers, 2)).slice(1)).toEqual([
    `ok       2 replicas in sync: ${names}`,
    `error    replica 127.0.0.1:${second?.port}: maxmemory-policy is allkeys-lru and must be noeviction: a full Redis would throw events away`,
    zeroOn(names),
    `note     an event counts as accepted once all 2 replicas have it: a failover loses none while one machine fails at a time; ${TWICE}`,
  ]);

  await redis?.config('SET', 'maxmemory-policy', 'noeviction');
  for (const { connect } of servers.servers) await connect().config('SET', 'min-replicas-to-write', '1');
  expect((await check(servers, 3)).slice(1)).toEqual([
    `error    master ${master} has 2 replicas, and acknowledgedBy is 3: no event counts as accepted`,
    `ok       2 replicas in sync: ${names}`,
  ]);
  expect((await check(servers, 0)).at(-1)).toBe(
    `warning  acknowledgedBy is 0: a failover may lose the events that were accepted in the moments before it; ${TWICE}`,
  );
});

/** What it prints of Redis, but for whether a service runs. */
async function check({ section }: SentinelServers, acknowledgedBy?: number): Promise<string[]> {
  const company = await testSandbox().company('acme');
  const redis = { ...section, ...(acknowledgedBy !== undefined && { acknowledgedBy }) };
  const config = { redis, clients: { acme: company.clientSettings() } };
  const { stdout } = await runWaybill(['check'], { config });
  const [, ofRedis = ''] = /^Redis\n((?: .*\n)+)/m.exec(stdout) ?? [];
  const lines = ofRedis.trimEnd().split('\n');
  return lines.map((line) => line.trim()).filter((line) => !line.includes('no service is running'));
}

test('check says which replica does not answer, and all that the others say', async () => {
  const servers = await startSentinel(NEVER_DOWN);
  const [frozen, other] = await servers.replicas();
  frozen?.freeze();
  const lines = await check(servers);
  frozen?.thaw();
  expect(lines).toContain(`ok       1 replica in sync: 127.0.0.1:${other?.port}`);
  expect(lines).toContain(`warning  replica 127.0.0.1:${frozen?.port} does not answer`);
});

test('check says that with as many replicas as a write needs, a failover stops writes', async () => {
  const servers = await startSentinel({ ...NEVER_DOWN, replicas: 1 });
  for (const { connect } of servers.servers) await connect().config('SET', 'min-replicas-to-write', '1');
  const [master] = servers.servers;
  expect(await check(servers)).toContain(
    `note     min-replicas-to-write is no less than the number of replicas of 127.0.0.1:${master?.port}: after a failover the new master takes no writes until the lost server is back; one replica more rules that out`,
  );
});
