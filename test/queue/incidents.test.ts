import { expect, test } from 'vitest';
import { incidentId } from '../../src/core/incident.ts';
import { withWaiting } from '../../src/incidents/read-incidents.ts';
import {
  changeIncident,
  claimNotices,
  readClosedIncidents,
  readIncidents,
} from '../../src/queue/incident-store.ts';
import { incidentsKey } from '../../src/queue/names.ts';
import { forgetNotice, readTold } from '../../src/queue/told-notices.ts';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { uniqueClientName } from '../support/redis.ts';
import { failTimes } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';

test('what dies is counted by endpoint, class and status; what is replayed or discarded is taken off', async () => {
  const company = await testSandbox().company('acme', {
    script: ({ path }) => (path.includes('dispositions') ? 422 : { behaviour: 'reset', delayMs: 200 }),
  });
  const retry = { ...QUICK_RETRIES, retries: 1 };
  const engine = await testEngine({ acme: company.clientSettings({ retry }) });
  const { redis } = engine;
  const { name, submit, settled, replay, discard, deadLetters } = engine.client();
  const read = async () => (await readIncidents(redis, [uniqueClientName(), name])).get(name)?.open ?? [];
  const left = async () => Object.fromEntries((await read()).map(({ type, left }) => [type, left]));
  await submit(numberedEvents('disposition_update', 30));
  await submit(numberedEvents('inventory_receipt', 3), 'inventory_receipt');
  await settled({ dead: 33 });
  company.script(failTimes(Number.POSITIVE_INFINITY, 503));
  await submit(numberedEvents('disposition_update', 5, 30));
  await settled({ dead: 38 });
  const dead = await deadLetters();
  const firstFailure = (type: string) =>
    Math.min(...dead.filter((event) => event.type === type).map(({ history }) => history?.[0]?.[0] ?? 0));
  const found = new Map((await read()).map((incident) => [incident.type, incident]));
  expect(found.get('disposition_update')).toMatchObject({
    client: name,
    count: 35,
    left: 35,
    failures: [
      { class: 'client_error', status: 422, count: 30 },
      { class: 'server_error', status: 503, count: 5 },
    ],
    failingSince: firstFailure('disposition_update'),
  });
  expect(found.get('inventory_receipt')).toMatchObject({
    count: 3,
    failures: [{ class: 'reset', status: 0, count: 3 }],
    failingSince: firstFailure('inventory_receipt'),
  });
  const { openedAt = 0, failingSince = 0 } = found.get('inventory_receipt') ?? {};
  // Two attempts, each of which took so long.
  expect(openedAt - failingSince).toBeGreaterThanOrEqual(200);

  company.script(({ path }) => (path.includes('dispositions') ? 200 : 503));
  expect(await replay()).toBe(38);
  await settled({ dead: 41, delivered: 35 });
  expect(await left()).toEqual({ disposition_update: 0, inventory_receipt: 3 });
  expect((await read()).map(({ deliveredBefore, replayed }) => [deliveredBefore, replayed])).toEqual([
    [0, 35],
    // They died again, and are not on their way any more.
    [0, 0],
  ]);
  await discard();
  expect(await left()).toEqual({ disposition_update: 0, inventory_receipt: 0 });
});

test('with a full Redis an incident is told and closed', async () => {
  const server = await startOwnRedis({ 'maxmemory-policy': 'noeviction' });
  const redis = server.connect();
  const fields = { openedAt: 5, failingSince: 1, lastAt: 9, count: 3, left: 0, replayed: 3, delivered: 0 };
  const entries = Object.entries(fields).map(([what, value]) => [`disposition_update:${what}`, value]);
  await redis.hset(incidentsKey('acme'), Object.fromEntries(entries));
  await redis.config('SET', 'maxmemory', '1');
  await expect(redis.set('x', 'y')).rejects.toThrow(/OOM/);
  const read = async () => (await readIncidents(redis, ['acme'])).get('acme');
  const [incident] = (await read())?.open ?? [];
  if (incident === undefined) throw new Error('there is no incident');
  const notice = { id: 'n', kind: 'opened', at: 6, incident: withWaiting(incident) } as const;
  const slack = 'slack:hooks.acme.example:1';
  const notices = ['log', slack].map((channel) => ({ channel, notice }));
  expect(await changeIncident(redis, incident, { told: 3, notices })).toBe(true);
  expect(await changeIncident(redis, incident, { told: 3, notices })).toBe(false);
  const [told] = (await read())?.open ?? [];
  expect(await claimNotices(redis, 'acme', 'log', 'me', 30_000)).toBe(true);
  expect(await claimNotices(redis, 'acme', 'log', 'another', 30_000)).toBe(false);
  // Another channel is another matter.
  expect(await claimNotices(redis, 'acme', slack, 'another', 30_000)).toBe(true);
  expect((await read())?.open).toHaveLength(1);
  const reason = 'answered 404';
  await forgetNotice(redis, 'acme', { channel: 'log', notice }, { at: 7, reason });
  const [written] = await readTold(redis, 'acme');
  expect(written).toEqual({ incident: incidentId(incident), channel: 'log', kind: 'opened', at: 7, reason });
  expect((await read())?.notices.map(({ channel }) => channel)).toEqual([slack]);
  // A claim can be renewed, and ends by itself.
  expect(await claimNotices(redis, 'acme', 'log', 'me', 1)).toBe(true);
  await until(() => claimNotices(redis, 'acme', 'log', 'another', 30_000));
  const closed = { ...withWaiting(incident), closedAt: 10, end: 'delivered' } as const;
  // Another one died meanwhile.
  expect(await changeIncident(redis, { ...incident, count: 2 }, { closed })).toBe(false);
  expect(await changeIncident(redis, told ?? incident, { closed })).toBe(true);
  expect((await read())?.open).toEqual([]);
  expect(await readClosedIncidents(redis, 'acme', 10)).toMatchObject([{ count: 3, closedAt: 10 }]);
  expect(await readClosedIncidents(redis, 'acme', 11)).toEqual([]);
});
