import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import type { StoredEvent } from '../../src/core/event.ts';
import { IncidentMonitor } from '../../src/incidents/incident-monitor.ts';
import type { NoticeChannel } from '../../src/incidents/notice-channel.ts';
import { createLog } from '../../src/log.ts';
import { admit } from '../../src/queue/admit.ts';
import { readClosedIncidents, readIncidents } from '../../src/queue/incident-store.ts';
import { deadLettersPrefix, incidentsKey, paceKey, statsKey } from '../../src/queue/names.ts';
import { FORGET_NOTICE } from '../../src/queue/scripts/incidents.ts';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { dispositionsOf, numberedEvents } from '../support/events.ts';
import { captureLogLines } from '../support/log-lines.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { hang, hold } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';
import { OPENED } from './notices.ts';

const TYPE = 'disposition_update';
type SendNotice = NoticeChannel['send'];

const sent: SendNotice = async () => ({ tries: 1 });
const never: SendNotice = () => new Promise(() => {});

/** A monitor of these clients that checks when it is asked to. */
function monitorOf(
  redis: Redis,
  clients: readonly string[],
  { name = 'me', channels = {} }: { name?: string; channels?: Record<string, SendNotice> } = {},
) {
  const lines = captureLogLines();
  const log = createLog({ level: 'debug', destination: lines.stream });
  const monitor = new IncidentMonitor({
    redis,
    clients,
    channels: Object.entries(channels).map(([name, send]) => ({ name, send })),
    log,
    name,
    claimMs: 30_000,
    downAfterMs: 60_000,
    signal: new AbortController().signal,
    now: () => Date.now(),
  });
  return { lines, check: () => monitor.check(), idle: () => monitor.idle() };
}

/** A client whose events die at once, and a monitor that has told so. */
async function toldOf(count: number) {
  const company = await testSandbox().company('acme', { script: 500 });
  const retry = { ...QUICK_RETRIES, retries: 0 };
  const engine = await testEngine({ acme: company.clientSettings({ retry }) });
  const client = engine.client();
  const monitor = monitorOf(engine.redis, [client.name]);
  await client.submit(numberedEvents(TYPE, count));
  await client.settled({ dead: count });
  await monitor.check();
  const left = async () => (await readIncidents(engine.redis, [client.name])).get(client.name)?.open[0]?.left;
  const closed = () => readClosedIncidents(engine.redis, client.name, 0);
  return { company, client, monitor, left, closed, redis: engine.redis };
}

test('what was replayed keeps an incident open while it is on its way, though one of it died and was discarded', async () => {
  const { company, client, monitor, left, closed, redis } = await toldOf(3);
  const rest = hold(500);
  const [first] = await client.deadLetters();
  company.script((request, seen) =>
    JSON.parse(request.body).optiturn_lp === first?.unit ? 500 : rest.script(request, seen),
  );
  await client.replay();
  // The batch is open still, and writes down what died of it.
  await until(async () => (await client.deadLetters()).length === 1);
  expect(await client.discard()).toBe(1);
  expect(await left()).toBe(0);
  await monitor.check();
  expect(await closed()).toEqual([]);
  rest.release();
  await client.settled({ dead: 6 });
  expect(await left()).toBe(2);
  await client.discard();
  // As if it had been well for long.
  await redis.del(paceKey(dispositionsOf(client.name)));
  await until(async () => {
    await monitor.check();
    return (await closed()).length > 0;
  });
  expect(await closed()).toMatchObject([{ count: 3, diedAgain: 3, end: 'discarded' }]);
  expect(await left()).toBeUndefined();
});

test('what was replayed, died again and was discarded keeps no incident open, however busy the client is', async () => {
  const { company, client, monitor, left, closed } = await toldOf(2);
  company.script((request) => (request.path.includes('dispositions') ? 500 : hang));
  await client.submit(numberedEvents('inventory_receipt', 1), 'inventory_receipt');
  await company.waitFor(({ tally }) => tally.inFlight === 1);
  await client.replay();
  await client.settled({ dead: 4 });
  await client.discard();
  expect(await left()).toBe(0);
  await monitor.check();
  expect(await closed()).toMatchObject([{ count: 2, diedAgain: 2, end: 'discarded' }]);
  expect(await client.status()).toMatchObject({ inFlight: 1 });
});

test('dead letters from before an incident close it neither early nor never', async () => {
  const { client, monitor, left, closed, redis } = await toldOf(1);
  const prefix = deadLettersPrefix(client.name);
  const [letter] = await client.deadLetters();
  for (const id of ['old-1', 'old-2']) {
    await redis.zadd(`${prefix}prioritized`, 1, `${id}.0`);
    await redis.hset(`${prefix}${id}.0`, 'data', JSON.stringify({ ...letter, id }));
  }
  await redis.hincrby(statsKey(client.name), `letters:${TYPE}`, 2);
  // Of another type, so that the client has dead letters all the time.
  await redis.zadd(`${prefix}prioritized`, 2, 'other.0');
  await redis.hset(`${prefix}other.0`, 'data', JSON.stringify({ ...letter, id: 'other', type: 'another' }));
  await redis.hincrby(statsKey(client.name), 'letters:another', 1);
  await redis.hincrby(incidentsKey(client.name), `${TYPE}:left`, -2);
  await monitor.check();
  expect(await closed()).toEqual([]);
  expect(await left()).toBe(3);
  await client.discard();
  await monitor.check();
  expect(await closed()).toMatchObject([{ end: 'discarded' }]);
});

test('an event that dies twice in one life leaves one dead letter, and is counted so', async () => {
  const { client, left, redis } = await toldOf(1);
  const [letter] = await client.deadLetters();
  const { history: _history, response: _response, ...again } = letter as StoredEvent;
  const twice = ['one', 'two'].map((id) => ({ id, events: [{ ...again, life: 1 }] }));
  await admit(redis, dispositionsOf(client.name), twice, Date.now());
  await client.settled({ dead: 3 });
  expect(await client.deadLetters()).toHaveLength(2);
  expect(await left()).toBe(2);
});

test('a channel that hangs in one service keeps no other service from sending to its own channels', async () => {
  const redis = (await startOwnRedis()).connect();
  await openIncident(redis, 'acme');
  const one = monitorOf(redis, ['acme'], { name: 'one', channels: { slow: never, shared: sent } });
  const other = monitorOf(redis, ['acme'], { name: 'other', channels: { shared: sent, own: sent } });
  const incident = (await readIncidents(redis, ['acme'])).get('acme')?.open[0];
  const notice = { id: 'n', kind: 'opened', at: Date.now(), incident };
  const own = JSON.stringify({ channel: 'own', notice });
  await redis.hset(incidentsKey('acme'), 'notice/n/own', own);
  await one.check();
  await until(async () => (await waiting(redis)).every((field) => /\/(slow|own)$/.test(field)));
  await other.check();
  await other.idle();
  expect((await waiting(redis)).map((field) => field.split('/').at(-1))).toEqual(['slow']);
  expect(other.lines.matching('incident told')).toMatchObject([{ channel: 'own' }]);
});

test('while two hundred notices wait no new one is made, which the log says; one is made afterwards', async () => {
  const redis = (await startOwnRedis()).connect();
  await openIncident(redis, 'acme');
  const incident = (await readIncidents(redis, ['acme'])).get('acme')?.open[0];
  const notice = { id: 'n', kind: 'grew', at: Date.now(), incident };
  for (let n = 0; n < 200; n += 1) {
    await redis.hset(incidentsKey('acme'), `notice/${n}/x`, JSON.stringify({ channel: 'x', notice }));
  }
  const { check, lines, idle } = monitorOf(redis, ['acme']);
  await check();
  await check();
  await idle();
  expect(lines.lines).toMatchObject([
    { level: 'warn', msg: 'too many notices wait: no new ones are made', client: 'acme', waiting: 200 },
  ]);
  await redis.hdel(incidentsKey('acme'), 'notice/7/x');
  await check();
  await idle();
  expect(lines.lines.map(({ msg }) => msg).slice(1)).toEqual([
    'new notices are made again',
    'incident opened',
  ]);
});

test('while one client of many has an incident, only its notices are read again', async () => {
  const server = await startOwnRedis();
  const redis = server.connect();
  const clients = Array.from({ length: 100 }, (_, n) => `client-${n}`);
  await openIncident(redis, 'client-7');
  const { check, idle } = monitorOf(redis, clients);
  await redis.config('RESETSTAT');
  await check();
  await idle();
  const calls = Number(/cmdstat_hgetall:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1]);
  expect(calls).toBeGreaterThanOrEqual(clients.length);
  expect(calls).toBeLessThan(1.5 * clients.length);
});

test('a notice for a channel that is in no configuration is logged and forgotten', async () => {
  const redis = (await startOwnRedis()).connect();
  const channel = 'slack:hooks.acme.example:0a1b2c3d';
  await redis.hset(
    incidentsKey('acme'),
    `notice/${OPENED.id}/${channel}`,
    JSON.stringify({ channel, notice: OPENED }),
  );
  const { check, idle, lines } = monitorOf(redis, ['acme']);
  await check();
  await idle();
  expect(await waiting(redis)).toEqual([]);
  expect(lines.lines).toMatchObject([
    {
      level: 'error',
      msg: 'incident not told',
      reason: 'no service has this channel',
      client: 'acme',
      channel,
    },
  ]);
});

test('a notice that cannot be told by a fault of its own is logged and forgotten', async () => {
  const redis = (await startOwnRedis()).connect();
  const damaged = { channel: 'log', notice: { ...OPENED, incident: {} } };
  await redis.hset(incidentsKey('acme'), `notice/${OPENED.id}/log`, JSON.stringify(damaged));
  const { check, idle, lines } = monitorOf(redis, ['acme']);
  await check();
  await idle();
  expect(await waiting(redis)).toEqual([]);
  expect(lines.lines).toMatchObject([{ level: 'error', msg: 'incident not told', channel: 'log', err: {} }]);
});

test('a notice that was sent is not sent again while Redis does not forget it, and is forgotten in the end', async () => {
  const redis = (await startOwnRedis()).connect();
  await openIncident(redis, 'acme');
  const refusals = [new Error('away'), new Error('away'), new Error('away')];
  const flaky: Redis = Object.create(redis, {
    'waybill:forget-notice': {
      value: async (_keys: number, ...[incidents = '', told = '', , ...args]: string[]) => {
        const refusal = refusals.pop();
        if (refusal !== undefined) throw refusal;
        return redis.eval(FORGET_NOTICE, 2, incidents, told, ...args);
      },
    },
  });
  const ids: string[] = [];
  const hook: SendNotice = async ({ id }) => {
    ids.push(id);
    return { tries: 1 };
  };
  const { check, idle } = monitorOf(flaky, ['acme'], { channels: { hook } });
  await check();
  await until(async () => ids.length === 1);
  await check();
  await check();
  await idle();
  await check();
  await idle();
  expect(ids).toHaveLength(1);
  expect(refusals).toEqual([]);
  expect(await waiting(redis)).toEqual([]);
});

async function openIncident(redis: Redis, client: string): Promise<void> {
  const fields = { openedAt: 5, failingSince: 1, lastAt: 9, count: 3, left: 3, delivered: 0 };
  const entries = Object.entries(fields).map(([what, value]) => [`${TYPE}:${what}`, value]);
  await redis.hset(incidentsKey(client), Object.fromEntries(entries));
  await redis.hset(statsKey(client), { [`accepted:${TYPE}`]: 3, [`letters:${TYPE}`]: 3 });
}

async function waiting(redis: Redis): Promise<string[]> {
  return (await redis.hkeys(incidentsKey('acme'))).filter((field) => field.startsWith('notice/'));
}
