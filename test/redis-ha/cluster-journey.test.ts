import { expect, test } from 'vitest';
import { checkQueues } from '../../src/check/check-redis.ts';
import { parseConfig } from '../../src/config/load-config.ts';
import { expectAnswer } from '../../src/queue/connections.ts';
import type { Connection } from '../../src/queue/servers.ts';
import { findStoredClients } from '../../src/queue/stored-clients.ts';
import { slotOf } from '../support/cluster.ts';
import { healthOf } from '../support/health-client.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { until } from '../support/until.ts';
import { clusterScene, idsOf, keysOf, PATIENT_MS, TYPE } from './cluster-scene.ts';

failOnLeaks();

const QUICK = { retry: { retries: 1, baseDelayMs: 20, factor: 1, maxDelayMs: 20, jitter: 0 } };

test('three masters, clients on each: all that Waybill does is done for all of them', async () => {
  const scene = await clusterScene({ masters: 3, client: QUICK });
  const { company, names } = scene;
  const hook = { format: 'json', url: `${company.baseUrl}/hook`, allowPrivateNetwork: true } as const;
  scene.configure({ incidents: { notify: [hook], lookEveryMs: 200 } });
  expect(new Set(names.map((name) => Math.floor((slotOf(name) * 3) / 16_384))).size).toBe(3);
  const service = await scene.startService();

  // One event fails once, and one for ever.
  company.script(({ path, eventId }, { ofEvent }) =>
    path === '/hook' || !doomed.has(eventId ?? '') ? (ofEvent === 1 && flaky.has(path) ? 503 : 200) : 500,
  );
  const flaky = new Set(names.map((name) => `/${name}`));
  const doomed = new Set<string>();
  const ids = new Map<string, string[]>();
  for (const name of names) ids.set(name, idsOf(await scene.submit(name, 3)));
  expect([...ids.values()].map((each) => each.length)).toEqual(names.map(() => 3));
  const sent = await scene.run('send', names[0] ?? '', '--sample', TYPE);
  expect(sent).toMatchObject({ code: 0 });
  await scene.delivered([...ids.values()].flat());
  await company.waitFor((seen) => seen.deliveredIds.size === 3 * names.length + 1, { timeoutMs: PATIENT_MS });

  // An endpoint that refuses all: dead letters, and an incident of each client.
  company.script(({ path }) => (path === '/hook' ? 200 : 422));
  const letters = new Map<string, string[]>();
  for (const name of names) letters.set(name, idsOf(await scene.submit(name, 2)));
  const health = await healthOf(service);
  await until(async () => (await health.scrape()).sum('waybill_dead_letters') === 24);
  await company.waitFor(
    (seen) =>
      names.every((name) =>
        seen.requests.some(({ path, body }) => path === '/hook' && body.includes(`"${name}"`)),
      ),
    { timeoutMs: PATIENT_MS },
  );

  const status = JSON.parse((await scene.run('status', '--json')).stdout);
  expect(Object.keys(status.clients).sort()).toEqual([...names].sort());
  expect(await health.readiness()).toMatchObject({ ready: true });
  const [first = '', second = ''] = names;
  const [dead = ''] = letters.get(second) ?? [];
  expect(JSON.parse((await scene.run('event', dead, '--json')).stdout)).toMatchObject({ state: 'dead' });
  const found = await scene.run('events', '--outcome', 'dead', '--json');
  expect(found).toMatchObject({ code: 0 });
  const checked = await scene.run('check', '--json');
  expect(checked.stdout).toContain('the Cluster has 3 masters');
  expect(checked.stdout).toContain('; the fullest has ');
  // A key of the API that is bound to some clients is not told of servers, nor of what others have there.
  const client = `{ baseUrl: https://x.example, endpoints: { ${TYPE}: / } }`;
  const config = parseConfig(`clients: { ${first}: ${client} }`, '/srv/waybill.yaml', {});
  const bound = await checkQueues(await reached(scene.open('operator')), config, [first]);
  expect(bound.filter(({ subject }) => subject === 'redis')).toEqual([]);

  // Paused, replayed, resumed.
  expect(await scene.run('pause', first)).toMatchObject({ code: 0 });
  company.script(200);
  expect(await scene.run('dead-letters', 'replay', '--yes')).toMatchObject({ code: 0 });
  await scene.delivered(names.slice(1).flatMap((name) => letters.get(name) ?? []));
  expect(await scene.run('resume', first)).toMatchObject({ code: 0 });
  await scene.delivered(letters.get(first) ?? []);
  expect(await scene.run('audit')).toMatchObject({ code: 0 });

  const redis = scene.open('operator');
  expect(await findStoredClients(redis)).toEqual([...names].sort());
  service.signal('SIGTERM');
  expect(await service.exit).toMatchObject({ code: 0 });
  expect(service.stderr).toBe('');
  const noise = service.lines.filter(({ level }) => Number(level) >= 40);
  expect(noise.filter(({ msg }) => /redis|unexpected/.test(String(msg)))).toEqual([]);

  const how = [
    '--via',
    'engine',
    '--rate',
    '20',
    '--duration',
    '1s',
    '--warmup',
    '0s',
    '--yes',
    '--json',
    '--quiet',
  ];
  const loadtest = await scene.run('loadtest', 'run', second, TYPE, ...how);
  expect(loadtest.stderr).toBe('');
  expect(JSON.parse(loadtest.stdout).probes[1]).toMatchObject({ delivered: 20 });
  expect((await keysOf(scene)).filter((key) => key.includes('loadtest'))).toEqual([]);
});

async function reached(redis: Connection): Promise<Connection> {
  await expectAnswer(redis);
  return redis;
}
