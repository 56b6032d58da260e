import { expect, test } from 'vitest';
import { OPEN_VERDICT, type Verdict } from '../../src/core/pace.ts';
import { IncidentMonitor } from '../../src/incidents/incident-monitor.ts';
import { readAllIncidents } from '../../src/incidents/read-incidents.ts';
import { createLog } from '../../src/log.ts';
import { readClosedIncidents, readIncidents } from '../../src/queue/incident-store.ts';
import { courseKey, incidentsKey, statsKey } from '../../src/queue/names.ts';
import { readClosedRecords, readOutageRecords } from '../../src/queue/outage-records.ts';
import { writeVerdict } from '../../src/queue/pace-store.ts';
import { dispositionsOf } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { captureLogLines } from '../support/log-lines.ts';
import { testRedis, uniqueClientName } from '../support/redis.ts';

failOnLeaks();

const MINUTE_MS = 60_000;

/** An endpoint with 30 events that wait, and two monitors that check at once. */
async function endpointWithMonitors() {
  const redis = testRedis();
  const name = uniqueClientName();
  const endpoint = dispositionsOf(name);
  const { type } = endpoint;
  const lines = captureLogLines();
  const monitors = ['one', 'other'].map(
    (monitor) =>
      new IncidentMonitor({
        ...{ redis, clients: [name], channels: [], name: monitor, claimMs: 30_000, downAfterMs: MINUTE_MS },
        log: createLog({ level: 'debug', destination: lines.stream }),
        signal: new AbortController().signal,
        now: () => Date.now(),
      }),
  );
  await redis.hset(statsKey(name), { [`accepted:${type}`]: 40, [`delivered:${type}:200`]: 10 });
  await redis.lpush(`{wb:${name}}:deliveries:${type}:wait`, 'batch');
  let number = 0;
  return {
    ...{ redis, name, endpoint, lines },
    /** The endpoint has been so for so many minutes. */
    async is(state: Verdict['state'], minutes: number) {
      number += 1;
      const since = Date.now() - minutes * MINUTE_MS;
      const downFrom = state === 'down' ? since - 12_000 : 0;
      const verdict = { ...OPEN_VERDICT, number, state, since, downFrom, rate: 1 };
      expect((await writeVerdict(redis, endpoint, verdict)).isOwn).toBe(true);
    },
    async check() {
      await Promise.all(monitors.map((monitor) => monitor.check()));
      // What they did at once may need another look.
      await Promise.all(monitors.map((monitor) => monitor.check()));
      await Promise.all(monitors.map((monitor) => monitor.idle()));
      return lines.lines.map(({ msg }) => msg);
    },
    open: async () => (await readIncidents(redis, [name])).get(name)?.open ?? [],
    closed: () => readClosedIncidents(redis, name, 0),
  };
}

test('an incident opens when an endpoint is down, and is told once a minute later, whatever dies', async () => {
  const { redis, name, lines, is, check, open } = await endpointWithMonitors();
  await is('down', 0.5);
  expect(await check()).toEqual([]);
  expect(await open()).toMatchObject([{ cause: 'down', state: 'down', count: 0, lastAt: 0, told: 0 }]);
  // As if it had been seen a minute and a half ago.
  await redis.del(incidentsKey(name));
  await is('down', 2);
  expect(await check()).toEqual(['incident opened']);
  expect(await check()).toEqual(['incident opened']);
  expect(lines.lines[0]).toMatchObject({
    level: 'warn',
    cause: 'down',
    events: 0,
    waiting: 30,
    state: 'down',
  });
  expect(lines.lines[0]?.heading).toContain('nothing was delivered; 30 events wait (none given up on yet)');
  const all = await readAllIncidents(redis, [name], Date.now());
  const [incident] = all.open;
  expect((incident?.openedAt ?? 0) - (incident?.failingSince ?? 0)).toBe(12_000);
  expect(all.open).toMatchObject([{ waiting: 30, told: 1 }]);
});

test('an endpoint that came back within a minute, and stays, leaves nothing', async () => {
  const { is, check, open, closed } = await endpointWithMonitors();
  await is('down', 0.5);
  await check();
  await is('recovering', 0);
  await check();
  expect(await open()).toHaveLength(1);
  await is('open', 4);
  expect(await check()).toEqual([]);
  expect(await open()).toHaveLength(1);
  await is('open', 5);
  expect(await check()).toEqual([]);
  expect([await open(), await closed()]).toEqual([[], []]);
});

test('an endpoint that comes and goes has one incident, which is told though it was never down for a minute', async () => {
  const { redis, name, endpoint, is, check, open } = await endpointWithMonitors();
  await is('down', 0.1);
  await check();
  const [first] = await open();
  await is('open', 0);
  expect(await check()).toEqual([]);
  // As if the first time had been a minute ago.
  const openedAt = (first?.openedAt ?? 0) - 60_000;
  await redis.hset(incidentsKey(name), `${endpoint.type}:openedAt`, openedAt);
  await is('down', 0.1);
  expect(await check()).toEqual(['incident opened']);
  expect(await open()).toMatchObject([{ openedAt }]);
});

test('an incident closes once its endpoint has been open for five minutes, and keeps its course; down again, it goes on', async () => {
  const { redis, name, endpoint, is, check, open, closed } = await endpointWithMonitors();
  const course = { width: 1, '29000000:timeout:0': 8, '29000001:delivered:200': 5, run: 3, runFrom: 1 };
  await redis.hset(courseKey(endpoint), course);
  await is('down', 20);
  await check();
  const [first] = await open();
  await is('recovering', 6);
  await redis.hincrby(statsKey(name), `delivered:${endpoint.type}:200`, 5);
  await is('open', 4);
  expect(await check()).toEqual(['incident opened']);
  await is('open', 5);
  expect(await check()).toEqual(['incident opened', 'incident closed']);
  const [over] = await closed();
  expect(over).toMatchObject({ end: 'delivered', count: 0, openedAt: first?.openedAt });
  expect(await redis.exists(courseKey(endpoint))).toBe(0);
  const id = `${name}.${endpoint.type}.${over?.openedAt}`;
  expect((await readClosedRecords(redis, name, id)).course).toMatchObject([
    { class: 'timeout', status: 0, count: 8 },
    { class: 'delivered', status: 200, count: 5 },
  ]);

  await redis.hset(courseKey(endpoint), '29000000:timeout:0', 1);
  await is('down', 2);
  expect(await check()).toEqual(['incident opened', 'incident closed', 'incident grew']);
  expect(await open()).toMatchObject([{ openedAt: first?.openedAt, told: 1, state: 'down' }]);
  expect(await closed()).toEqual([]);
  expect((await readOutageRecords(redis, endpoint)).course[0]).toMatchObject({ count: 9 });
  expect(await readClosedRecords(redis, name, id)).toEqual({ course: [], examples: [] });
});

test('a hundred refused events in a row over five minutes open an incident, which one delivered event closes', async () => {
  const { redis, name, endpoint, lines, check, open, closed } = await endpointWithMonitors();
  const runFrom = Date.now() - 5 * MINUTE_MS;
  await redis.hset(courseKey(endpoint), { run: 100, runFrom });
  expect(await check()).toEqual(['incident opened']);
  expect(lines.lines[0]?.heading).toContain(
    'a hundred attempts refused in a row; 30 events wait (none given up',
  );
  expect(await open()).toMatchObject([{ cause: 'judged', openedAt: runFrom }]);
  await redis.hdel(courseKey(endpoint), 'run', 'runFrom');
  await redis.hincrby(statsKey(name), `delivered:${endpoint.type}:200`, 1);
  expect(await check()).toEqual(['incident opened', 'incident closed']);
  expect(await closed()).toMatchObject([{ cause: 'judged', end: 'delivered' }]);
});
