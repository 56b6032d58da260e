import { v7 as uuidv7 } from 'uuid';
import { expect, test } from 'vitest';
import { OPEN_VERDICT } from '../../src/core/pace.ts';
import { admit } from '../../src/queue/admit.ts';
import { writeVerdict } from '../../src/queue/pace-store.ts';
import { readView } from '../support/client-view.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { type ApiFixture, startTestApi, UNSENT } from './api-fixture.ts';
import { addLetters, letter } from './dead-letters.ts';

failOnLeaks();

async function withLetters(count: number) {
  const api = await startTestApi();
  const letters = Array.from({ length: count }, (_, n) => letter(n, n % 2 === 0 ? 422 : 0));
  await addLetters(testRedis(), api.name, letters);
  return { api, letters, ids: letters.map(({ id }) => id) };
}

/** All ids of the list, page by page; `between` is called after each page. */
async function listAll(api: ApiFixture, query: string, between: () => Promise<unknown> = async () => {}) {
  const ids: string[] = [];
  let next: string | null = '';
  while (next !== null) {
    const cursor = next === '' ? '' : `&cursor=${next}`;
    const { status, body } = await api.call('GET', `/v1/dead-letters?${query}${cursor}`);
    expect(status).toBe(200);
    ids.push(...body.deadLetters.map(({ id }: { id: string }) => id));
    next = body.next;
    await between();
  }
  return ids;
}

test('dead letters are listed by filters and pages, which stay right while letters come and go', async () => {
  const { api, letters, ids } = await withLetters(25);
  const list = (query: string) => listAll(api, `client=${api.name}&${query}`);
  expect(await list('limit=10')).toEqual(ids);
  expect(await list('status=4xx&limit=3')).toEqual(ids.filter((_, n) => n % 2 === 0));
  expect(await list('status=timeout&unit=LP3')).toEqual([ids[3]]);
  expect(await list('since=2026-03-01T14:00:20Z&until=2026-03-01T14:00:22')).toEqual(ids.slice(20, 22));
  const failed = 'failedSince=2026-03-01T14:00:20Z&failedUntil=2026-03-01T14:00:22Z';
  expect(await list(failed)).toEqual(ids.slice(20, 22));
  expect(await list(`${failed}&status=4xx`)).toEqual([ids[20]]);

  // The first ones, which were seen, go, as does one that was not seen; others come.
  const late = letter(99, 422);
  let page = 0;
  const seen = await listAll(api, `client=${api.name}&limit=10`, async () => {
    page += 1;
    if (page !== 1) return;
    const gone = { client: api.name, ids: [...ids.slice(0, 9), ids[12]] };
    const discarded = await api.call('POST', '/v1/dead-letters/discard', { json: gone });
    expect(discarded.body).toEqual({ matching: 10, complete: true, discarded: 10 });
    await addLetters(testRedis(), api.name, [late]);
  });
  expect(seen).toEqual([...ids.filter((_, n) => n !== 12), late.id]);
  expect((await api.call('GET', '/v1/dead-letters?cursor=x')).body).toMatchObject({
    code: 'REQUEST_INVALID',
  });
  expect(letters).toHaveLength(25);
});

test('a dead letter is shown with its attempts, response and payload', async () => {
  const { api, ids } = await withLetters(2);
  const shown = await api.call('GET', `/v1/dead-letters/${ids[1]}`);
  expect(shown.body).toMatchObject({
    client: api.name,
    id: ids[1],
    attempts: [{ attempt: 1, at: '2026-03-01T14:00:01.000Z', status: null, class: 'timeout', ms: 5 }],
    fieldErrors: [{ field: '$.upc', code: 'invalid' }],
    payload: { n: 1 },
  });
  const sent = { url: 'https://acme.example/d?key=***', headers: { server: 'nginx' } };
  const expired = { ...letter(2, 422), ...sent, expiredAt: Date.UTC(2026, 2, 2) };
  await addLetters(testRedis(), api.name, [expired]);
  const { body } = await api.call('GET', `/v1/dead-letters/${expired.id}`);
  const expiredAt = '2026-03-02T00:00:00.000Z';
  expect(body).toMatchObject({ attempts: [{ status: 422 }], ...sent, expiredAt });
  const other = await api.call('GET', `/v1/dead-letters/${uuidv7()}`);
  expect(other).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
});

test('replay takes the events of the filters or ids, once, and none in a dry run', async () => {
  const { api, ids } = await withLetters(130);
  const replay = (json: object) => api.call('POST', '/v1/dead-letters/replay', { json });
  const client = api.name;
  expect((await replay({ client, status: '422', dryRun: true })).body).toEqual({
    matching: 65,
    complete: true,
    replayed: 0,
    unavailable: [],
  });
  expect((await replay({ client, ids: ids.slice(0, 4) })).body).toMatchObject({ matching: 4, replayed: 4 });
  expect((await replay({ client, ids: ids.slice(0, 5) })).body).toMatchObject({ matching: 1, replayed: 1 });
  expect((await replay({ client, status: '422', limit: 2 })).body).toMatchObject({ replayed: 2 });
  expect((await replay({ all: true })).body).toMatchObject({ replayed: 123, complete: true });
  expect(await readView(api.redis, client)).toMatchObject({ dead: 0, waiting: 130, replayed: 130 });
});

test('replay names the endpoints that are down, in a dry run too, and refuses nothing', async () => {
  const { api } = await withLetters(3);
  const client = api.name;
  const [since, holdUntil] = [Date.UTC(2026, 2, 1), Date.UTC(2126, 2, 1)];
  const verdict = { ...OPEN_VERDICT, number: 1, state: 'down', since, holdUntil } as const;
  await writeVerdict(api.redis, { client, type: 'disposition_update' }, verdict);
  const act = async (verb: string, json: object) =>
    (await api.call('POST', `/v1/dead-letters/${verb}`, { json: { client, ...json } })).body;
  const [from, until] = [since, holdUntil].map((at) => new Date(at).toISOString());
  const down = { client, type: 'disposition_update', reason: 'down', since: from, until, holds: true };
  expect(await act('replay', { dryRun: true })).toMatchObject({ replayed: 0, unavailable: [down] });
  expect(await act('replay', { limit: 2 })).toMatchObject({ replayed: 2, unavailable: [down] });
  expect(await act('replay', { unit: 'none' })).toMatchObject({ matching: 0, unavailable: [] });
  expect(await act('discard', {})).toEqual({ matching: 1, complete: true, discarded: 1 });
});

test.each([
  ['nothing', {}, '$.all'],
  ['ids without a client', { ids: ['x'] }, '$.client'],
  ['ids and a filter', { client: 'acme', ids: ['x'], unit: 'LP1' }, '$.ids'],
  ['a status that there is not', { status: '99' }, '$.status'],
  ['a time that there is not', { since: '2026-02-30T00:00:00Z' }, '$.since'],
  ['a filter that there is not', { untill: '2026-02-20T00:00:00Z' }, '$.untill'],
])('an order that names %s is refused with its path, and nothing is done', async (_what, json, path) => {
  const { api } = await withLetters(1);
  const answer = await api.call('POST', '/v1/dead-letters/discard', { json });
  expect(answer).toMatchObject({ status: 400, body: { code: 'REQUEST_INVALID' } });
  expect(answer.body.errors.map((error: { path: string }) => error.path)).toContain(path);
  expect(await readView(api.redis, api.name)).toMatchObject({ dead: 1, discarded: 0 });
});

test('a client is paused and resumed, and its status is what the command prints', async () => {
  const api = await startTestApi();
  const path = `/v1/clients/${api.name}`;
  const paused = await api.call('POST', `${path}/pause`);
  expect(paused.body).toEqual({
    client: api.name,
    paused: true,
    changed: true,
    waiting: 0,
    inFlight: 0,
    retrying: 0,
  });
  await until(async () => api.log.matching('request').length === 1);
  const route = '/v1/clients/:client/pause';
  expect(api.log.matching('request')).toMatchObject([
    { level: 'info', by: 'all', route, client: api.name, status: 200 },
  ]);
  expect((await api.call('POST', `${path}/pause`)).body.changed).toBe(false);
  expect((await api.call('GET', path)).body.pausedAt).toMatch(/^20\d\d-.*Z$/);
  expect((await api.call('POST', `${path}/resume`)).body).toMatchObject({ paused: false, changed: true });
  const { body } = await api.call('GET', '/v1/clients');
  expect(body.clients).toEqual({ [api.name]: (await api.call('GET', path)).body });
  expect((await api.call('GET', '/v1/clients/nobody')).body.code).toBe('UNKNOWN_CLIENT');
});

test("an endpoint's pace is told with the client, and one that is down is tried again", async () => {
  const api = await startTestApi();
  const endpoint = { client: api.name, type: 'disposition_update' };
  const path = `/v1/clients/${api.name}`;
  const event = { id: uuidv7(), type: endpoint.type, unit: 'u', body: '{}' };
  await admit(api.redis, endpoint, [{ id: uuidv7(), events: [event] }], Date.now());
  const since = Date.now() - 60_000;
  await writeVerdict(api.redis, endpoint, { ...OPEN_VERDICT, number: 1, state: 'down', since });
  const pace = async () => (await api.call('GET', path)).body.endpoints[endpoint.type].pace;
  expect(await pace()).toMatchObject({ state: 'down', since: new Date(since).toISOString(), paced: 1 });

  const open = (type = endpoint.type) => api.call('POST', `${path}/pace/${type}/open`);
  expect((await open()).body).toMatchObject({
    ...{ ...endpoint, changed: true, before: 'down', after: 'recovering' },
    pace: { state: 'recovering', ratePerSecond: 1, paced: 1 },
  });
  expect((await open()).body).toMatchObject({ before: 'recovering', after: 'open', pace: { paced: 0 } });
  expect((await open()).body).toMatchObject({ changed: false, before: 'open', after: 'open' });
  expect(await open('inventory_receipt')).toMatchObject({ status: 404, body: { code: 'NO_ENDPOINT' } });
});

test('a request that needs no body may name a type for it; one that needs a body is told so', async () => {
  const api = await startTestApi();
  const headers = { 'content-type': 'application/json' };
  const paused = await api.call('POST', `/v1/clients/${api.name}/pause`, { headers });
  expect(paused).toMatchObject({ status: 200, body: { paused: true } });
  const replay = await api.call('POST', '/v1/dead-letters/replay', { headers });
  expect(replay).toMatchObject({ status: 400, body: { code: 'REQUEST_INVALID', errors: [{ path: '$' }] } });
  const poison = await api.call('POST', '/v1/dead-letters/replay', { headers, body: '{"__proto__":{}}' });
  expect(poison).toMatchObject({ status: 400, body: { code: 'BODY_INVALID' } });
  const { body } = await api.call('GET', '/v1/dead-letters?limit=0');
  expect(body.errors).toEqual([{ path: 'query.limit', message: expect.stringMatching(/^is wrong: /) }]);
});

test('a configuration that was read anew brings clients and takes keys, for requests from then on', async () => {
  const api = await startTestApi();
  const path = '/v1/clients/newcomer';
  expect((await api.call('GET', path)).status).toBe(404);
  const http = { port: 0, keys: [{ name: 'new', sha256: '0'.repeat(64), scopes: ['operate'] }] };
  await api.api.reload(api.configWith({ clients: { newcomer: UNSENT } }));
  expect((await api.call('GET', path)).status).toBe(200);
  expect((await api.call('GET', `/v1/clients/${api.name}`)).status).toBe(404);
  await api.api.reload(api.configWith({ http }));
  expect((await api.call('GET', path)).status).toBe(401);
});

test('a key without operate gets a dead letter without personal data', async () => {
  const api = await startTestApi();
  const payload = {
    user_login: 'jane.doe',
    note: 'of jane@acme.example',
    billing_address: { zip: '12345' },
    n: 1,
  };
  const response = 'jane.doe is unknown; jane@acme.example too';
  const dead = { ...letter(0, 422), body: JSON.stringify(payload), response };
  await addLetters(testRedis(), api.name, [dead]);
  const show = async (key: string) => (await api.call('GET', `/v1/dead-letters/${dead.id}`, { key })).body;
  expect(await show(api.keys.read)).toMatchObject({
    masked: true,
    payload: { user_login: '***', note: 'of ***', billing_address: { zip: '***' }, n: 1 },
    response: '*** is unknown; *** too',
  });
  const whole = await show(api.keys.operate);
  expect(whole).toMatchObject({ payload, response });
  expect(whole).not.toHaveProperty('masked');
});
