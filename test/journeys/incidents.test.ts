import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';
import { createLog } from '../../src/log.ts';
import { readClosedIncidents, readIncidents } from '../../src/queue/incident-store.ts';
import { incidentsKey, paceKey } from '../../src/queue/names.ts';
import type { Company } from '../../src/sandbox/company.ts';
import { monitorIncidents } from '../../src/service/monitor-incidents.ts';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { dispositionsOf, numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { captureLogLines } from '../support/log-lines.ts';
import { testRedis, testRedisPath, uniqueClientName } from '../support/redis.ts';
import { hang, hold } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';
import { servicePlace } from '../support/service-place.ts';
import { until } from '../support/until.ts';
import { testDirectory } from '../support/waybill-process.ts';

failOnLeaks();

const NO_RETRY = { ...QUICK_RETRIES, retries: 0 };
const QUICK_NOTICES = { retries: 100_000, minTimeout: 10, maxTimeout: 50 };
const LOOK_EVERY_MS = 100;
const WAIT = { timeoutMs: 60_000 };

const jsonTo = (company: Company, more: object = {}) => ({
  format: 'json',
  url: `${company.baseUrl}/secret-hook`,
  allowPrivateNetwork: true,
  ...more,
});

/** What a company was told, in the order in which it took it: what happened, and to how many events. */
const toldTo = ({ requests }: Company) =>
  requests
    .filter(({ answered }) => answered?.status === 200)
    .map(({ body }) => JSON.parse(body))
    .map(({ event, incident }) => `${event} ${incident.events}`);

/** A client of which nothing is delivered, and any number of monitors that send notices to these channels. */
async function failingClient(notify: (hooks: { first: Company; second: Company }) => unknown[]) {
  const sandbox = testSandbox();
  const [acme, first, second] = await Promise.all(
    ['acme', 'first', 'second'].map((name) => sandbox.company(name, { script: 500 })),
  );
  if (acme === undefined || first === undefined || second === undefined) throw new Error('no companies');
  first.script(200);
  second.script(200);
  const settings = acme.clientSettings({ retry: NO_RETRY, pace: 'fixed' });
  const engine = await testEngine({ acme: settings });
  const client = engine.client();
  const incidents = { notify: notify({ first, second }), lookEveryMs: LOOK_EVERY_MS };
  const text = JSON.stringify({ incidents, clients: { [client.name]: settings } });
  const config = parseConfig(text, join(testDirectory(), 'waybill.yaml'), {});
  const log = captureLogLines();
  const monitor = () => {
    const logger = createLog({ level: 'debug', destination: log.stream });
    const running = monitorIncidents(config, { socketPath: testRedisPath() }, logger, QUICK_NOTICES);
    onTestFinished(() => running.stop());
    return running;
  };
  /** So many more events die. */
  const die = async (count: number, dead: number) => {
    await client.submit(numberedEvents('disposition_update', count, dead));
    await client.settled({ dead: dead + count });
  };
  return { acme, first, second, client, engine, log, monitor, die };
}

test('500 dead letters are one incident: it opens once, grows tenfold, and closes after the replay, however many monitors run', async () => {
  const { acme, first, client, engine, log, monitor, die } = await failingClient(({ first }) => [
    jsonTo(first),
  ]);
  const { redis } = engine;
  await die(50, 0);
  monitor();
  monitor();
  await first.waitFor(() => toldTo(first).length === 1, WAIT);
  await die(450, 50);
  await first.waitFor(() => toldTo(first).length === 2, WAIT);
  const open = (await readIncidents(redis, [client.name])).get(client.name)?.open;
  expect(open).toMatchObject([
    {
      type: 'disposition_update',
      count: 500,
      left: 500,
      failures: [{ class: 'server_error', status: 500, count: 500 }],
    },
  ]);
  const [incident] = open ?? [];
  const firstAttempt = Math.min(...(await client.deadLetters()).map(({ history }) => history?.[0]?.[0] ?? 0));
  expect(incident?.failingSince).toBe(firstAttempt);

  acme.script(200);
  expect(await client.replay()).toBe(500);
  await client.settled({ dead: 500, delivered: 500 });
  // As if it had been well for long.
  await redis.del(paceKey(dispositionsOf(client.name)));
  await first.waitFor(() => toldTo(first).length === 3, WAIT);
  expect(toldTo(first)).toEqual(['incident.opened 50', 'incident.grew 500', 'incident.closed 500']);
  expect(await readClosedIncidents(redis, client.name, 0)).toMatchObject([
    { count: 500, left: 0, end: 'delivered', openedAt: incident?.openedAt },
  ]);
  // Nothing is left behind, and the next death is another incident.
  await until(async () => (await redis.exists(incidentsKey(client.name))) === 0);
  acme.script(500);
  await die(1, 500);
  await first.waitFor(() => toldTo(first).length === 4, WAIT);
  expect(toldTo(first)).toHaveLength(4);
  const messages = ['incident opened', 'incident grew', 'incident closed', 'incident opened'];
  const told = () => log.lines.flatMap(({ msg }) => (messages.includes(String(msg)) ? [msg] : []));
  // Another monitor may be the one that tells the log.
  await until(async () => told().length === messages.length);
  expect(told()).toEqual(messages);
  expect(JSON.stringify(log.lines)).not.toContain('secret-hook');
});

test('a channel that hangs delays neither deliveries nor the other channels, and is told in the end', async () => {
  const { acme, first, second, client, monitor, die } = await failingClient(({ first, second }) => [
    jsonTo(first, { timeoutMs: 1_000 }),
    jsonTo(second),
  ]);
  first.script((_, { ofEvent }) => (ofEvent % 2 === 1 ? hang : 503));
  await die(3, 0);
  monitor();
  await second.waitFor(() => toldTo(second).length === 1, WAIT);
  acme.script(200);
  await client.replay();
  await client.settled({ dead: 3, delivered: 3 });
  await second.waitFor(() => toldTo(second).length === 2, WAIT);
  expect(toldTo(first)).toEqual([]);
  first.script(200);
  await first.waitFor(() => toldTo(first).length === 2, WAIT);
  expect([toldTo(first), toldTo(second)]).toEqual([
    ['incident.opened 3', 'incident.closed 3'],
    ['incident.opened 3', 'incident.closed 3'],
  ]);
});

test('an incident closes where all its dead letters were discarded, and a channel that refuses is given up', async () => {
  const { first, client, engine, log, monitor, die } = await failingClient(({ first }) => [jsonTo(first)]);
  first.script(404);
  await die(2, 0);
  monitor();
  await log.waitForLine('incident not told');
  await client.discard();
  await log.waitForLine('incident closed');
  expect(await readClosedIncidents(engine.redis, client.name, 0)).toMatchObject([{ end: 'discarded' }]);
  await until(async () => (await engine.redis.exists(incidentsKey(client.name))) === 0);
  expect(first.requests).toHaveLength(2);
  expect(log.matching('incident not told')[0]).toMatchObject({
    level: 'error',
    tries: 1,
    reason: 'answered 404',
  });
});

test('what a service was telling when it was killed is told by the next one, once', async () => {
  const sandbox = testSandbox();
  const name = uniqueClientName();
  const company = await sandbox.company(name, { script: 500 });
  const hook = await sandbox.company('hook');
  const held = hold(200);
  hook.script(held.script);
  const { configure, start, send } = servicePlace();
  configure(
    { [name]: company.clientSettings({ retry: NO_RETRY }) },
    { incidents: { notify: [jsonTo(hook)], lookEveryMs: LOOK_EVERY_MS } },
  );
  const service = start(1);
  await service.waitForLine('started', WAIT);
  await send(name, 1);
  await hook.waitFor(1, WAIT);
  const redis = testRedis();
  const notices = async () =>
    (await redis.hkeys(incidentsKey(name))).filter((field) => field.startsWith('notice/'));
  // The log was told.
  await until(async () => (await notices()).length === 1);
  service.signal('SIGKILL');
  await service.exit;
  held.release();
  // As it is by itself half a minute after a monitor was lost.
  const claims = await redis.keys(`${incidentsKey(name)}:claim:*`);
  expect(claims).toHaveLength(2);
  await redis.del(...claims);
  const next = start(1);
  await hook.waitFor(() => toldTo(hook).length === 1, WAIT);
  await until(async () => (await notices()).length === 0, WAIT.timeoutMs);
  const ids = hook.requests.map(({ eventId }) => eventId);
  expect(ids).toHaveLength(2);
  expect(new Set(ids).size).toBe(1);
  next.signal('SIGTERM');
  expect(await next.exit).toEqual({ code: 0, signal: null });
  expect(next.lines.filter(({ msg }) => msg === 'incident opened')).toHaveLength(0);
});
