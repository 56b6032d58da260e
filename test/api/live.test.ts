import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { generateKey } from '../../src/api/keys.ts';
import { liveAwaySchema, liveOverviewSchema } from '../../src/api/live-row.ts';
import { OPEN_VERDICT } from '../../src/core/pace.ts';
import { statsKey } from '../../src/queue/names.ts';
import { writeVerdict } from '../../src/queue/pace-store.ts';
import { dispositionsOf, numberedEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { uniqueClientName } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { type ApiFixtureOptions, startTestApi, UNSENT } from './api-fixture.ts';
import { openStream } from './event-stream.ts';

failOnLeaks();

const TYPE = 'disposition_update';
const polling = { historyEveryMs: 50, watchedEveryMs: 10 };

async function startLive(options: ApiFixtureOptions = {}) {
  const fixture = await startTestApi({ ...options, api: { polling } });
  const open = (key = fixture.keys.read) => openStream(`${fixture.api.address}/v1/live`, key);
  const submit = () =>
    fixture.call('POST', `/v1/clients/${fixture.name}/events/${TYPE}`, { json: numberedEvent(TYPE, 0) });
  return { ...fixture, open, submit };
}

test('a stream has all endpoints at first, then those that change', async () => {
  const { open, submit, name, redis } = await startLive();
  const stream = await open();
  expect(stream.response.headers.get('content-type')).toBe('text/event-stream');
  const first = await stream.next();
  expect(first).toMatchObject({ event: 'overview', data: { full: true, gone: [] } });
  expect(liveOverviewSchema.safeParse(first.data).error).toBeUndefined();
  expect(first.data.rows).toMatchObject([
    {
      ...{ client: name, type: TYPE, state: 'open', since: null, paused: null, withheld: null },
      ...{ incident: false, waiting: 0, dead: 0, delivered: 0, lastError: null, drainSeconds: null },
    },
  ]);
  expect((await stream.nextWith(({ data }) => data.services !== null)).data).toMatchObject({ full: false });
  await submit();
  const changed = await stream.nextWith(({ data }) => data.rows.length > 0 && data.rows[0].waiting === 1);
  expect(changed.data).toMatchObject({ full: false, rows: [{ client: name, waiting: 1 }] });

  await writeVerdict(redis, dispositionsOf(name), { ...OPEN_VERDICT, number: 1, state: 'down', since: 5 });
  const error = {
    at: 9,
    event: 'x',
    type: TYPE,
    attempt: 1,
    status: 0,
    class: 'dns',
    detail: 'it </script>',
  };
  await redis.hset(statsKey(name), {
    pausedAt: 7,
    [`delivered:${TYPE}:200`]: 30,
    [`lastError:${TYPE}`]: JSON.stringify(error),
  });
  const down = await stream.nextWith(
    ({ data }) => data.rows[0]?.delivered === 30 && data.rows[0].spark.some(Boolean),
  );
  expect(liveOverviewSchema.safeParse(down.data).error).toBeUndefined();
  expect(down.data.rows[0]).toMatchObject({
    ...{ state: 'down', since: '1970-01-01T00:00:00.005Z', paused: '1970-01-01T00:00:00.007Z' },
    lastError: { status: null, class: 'dns', detail: 'it </script>', deliveredSince: 0 },
  });
});

test('the history has what was accepted while nobody watched', async () => {
  const { call, submit, name } = await startLive();
  const path = `/v1/clients/${name}/endpoints/${TYPE}/history`;
  const read = async () => (await call('GET', path)).body;
  await until(async () => (await read()).at !== null);
  await submit();
  await until(async () => (await read()).accepted.includes(1));
  const history = await read();
  expect(history.everySeconds).toBe(0.05);
  expect(history.waiting.at(-1)).toBe(1);
  const { accepted, failed, latency, ...lists } = history;
  for (const list of [...Object.values(failed), ...Object.values(latency), lists.state, lists.ratePerSecond])
    expect(list).toHaveLength(accepted.length);
  expect((await call('GET', `/v1/clients/${name}/endpoints/none/history`)).body.code).toBe('NO_ENDPOINT');
});

test('a page is told once that Redis is away, and all again when it is back', async () => {
  const own = await startOwnRedis();
  const { open, name } = await startLive({ socketPath: own.socketPath });
  const stream = await open();
  await stream.next();
  await own.kill();
  const away = await stream.nextWith(({ event }) => event !== 'overview');
  expect(away.event).toBe('away');
  expect(liveAwaySchema.safeParse(away.data).error).toBeUndefined();
  const late = await open();
  expect((await late.next()).event).toBe('away');
  await own.start();
  for (const one of [stream, late]) {
    const back = await one.next();
    expect(back).toMatchObject({ event: 'overview', data: { full: true, rows: [{ client: name }] } });
  }
});

test('a key of some clients is told of these alone; a stream ends with its key, and with the service', async () => {
  const { api, configWith, open, name, keys } = await startLive();
  const other = uniqueClientName('other');
  const bound = generateKey();
  const config = configWith({ clients: { [name]: UNSENT, [other]: UNSENT } });
  const { http } = config;
  if (http === undefined) throw new Error('no http');
  const all = http.keys;
  const own = { name: 'own', sha256: bound.sha256, scopes: ['read' as const], clients: [name] };
  await api.reload({ ...config, http: { ...http, keys: [...all, own] } });
  const [ofAll, ofOne] = [await open(keys.operate), await open(bound.key)];
  const seen = new Set<string>();
  await ofAll.nextWith(({ data }) => {
    for (const { client } of data.rows) seen.add(client);
    return seen.has(name) && seen.has(other);
  });
  expect((await ofOne.next()).data.rows).toMatchObject([{ client: name }]);

  // The key is for the other client from now on; then the client is gone, and then the key.
  await api.reload({ ...config, http: { ...http, keys: [...all, { ...own, clients: [name, other] }] } });
  expect((await ofOne.nextWith(({ data }) => data.full)).data.rows).toHaveLength(2);
  const without = configWith({});
  await api.reload({ ...without, http: { ...http, keys: [...all, { ...own, clients: [name, other] }] } });
  const gone = await ofAll.nextWith(({ data }) => data.gone.length > 0);
  expect(gone.data).toMatchObject({ full: false, gone: [`${other} ${TYPE}`] });
  await api.reload(without);
  await ofOne.ended();
  const ended = ofAll.ended();
  await api.close(60_000);
  await ended;
});

test('a reader that reads nothing is disconnected, and others go on', async () => {
  const { open, submit, name, redis, api, keys } = await startLive();
  const socket = connect(Number(new URL(api.address).port), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.write(`GET /v1/live HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${keys.all}\r\n\r\n`);
  await once(socket, 'readable');
  const stream = await open();
  // Each change is a message of 2 MB.
  const detail = 'x'.repeat(2_000_000);
  for (let n = 1; n <= 10; n++) {
    const error = { at: n, event: 'x', type: TYPE, attempt: 1, status: 0, class: 'dns', detail };
    await redis.hset(statsKey(name), { [`lastError:${TYPE}`]: JSON.stringify(error) });
    await stream.nextWith(({ data }) => data.rows[0]?.lastError?.at === new Date(n).toISOString());
  }
  let received = 0;
  socket.on('data', (bytes) => {
    received += bytes.length;
  });
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('close', resolve));
  expect(received).toBeLessThan(19_000_000);
  await submit();
  await stream.nextWith(({ data }) => data.rows[0]?.waiting === 1);
});
