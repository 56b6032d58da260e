import { v7 as uuidv7 } from 'uuid';
import { expect, test } from 'vitest';
import { OPEN_VERDICT } from '../../src/core/pace.ts';
import { auditKey, OF_NO_CLIENT } from '../../src/queue/names.ts';
import { writeVerdict } from '../../src/queue/pace-store.ts';
import { dispositionsOf } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testRedis } from '../support/redis.ts';
import { startTestApi } from './api-fixture.ts';
import { addLetters, letter } from './dead-letters.ts';

failOnLeaks();

const BY = { key: 'operate' };

test('the audit has what keys did, each by its name, with filter and count', async () => {
  const api = await startTestApi();
  const client = api.name;
  const letters = Array.from({ length: 130 }, (_, n) => letter(n, n < 100 ? 422 : 0));
  await addLetters(testRedis(), client, letters);
  await writeVerdict(api.redis, dispositionsOf(client), { ...OPEN_VERDICT, number: 1, state: 'down' });
  const key = api.keys.operate;
  const post = (path: string, json?: object) => api.call('POST', path, { key, ...(json && { json }) });
  const audit = async (query = '') =>
    (await api.call('GET', `/v1/audit?client=${client}${query}`, { key })).body;

  await post('/v1/dead-letters/replay', { client, status: '422', dryRun: true });
  await post('/v1/dead-letters/replay', { client, status: '422', unit: 'nobody' });
  expect(await audit()).toEqual({ entries: [], complete: true });
  const times = { since: '2026-03-01T00:00:00.000Z', failedUntil: '2026-03-02T00:00:00.000Z' };
  await post('/v1/dead-letters/replay', { client, status: '422', ...times });
  const ids = letters.slice(100, 104).map(({ id }) => id);
  await post('/v1/dead-letters/discard', { client, ids });
  await post(`/v1/clients/${client}/pause`);
  await post(`/v1/clients/${client}/pace/disposition_update/open`);
  await post(`/v1/clients/${client}/resume`);
  const rest = { client, by: BY, matching: null };
  const { entries, complete } = await audit();
  expect(complete).toBe(true);
  expect(entries).toMatchObject([
    { ...rest, action: 'resume', filter: {}, done: null },
    { ...rest, action: 'pace', filter: { type: 'disposition_update' }, done: null },
    { ...rest, action: 'pause', filter: {}, done: null },
    { ...rest, action: 'discard', filter: { ids: 4 }, done: 4 },
    { ...rest, action: 'replay', filter: { status: '422', ...times }, done: 100 },
  ]);

  const [, , pause] = entries;
  expect((await audit(`&since=${pause.at}`)).entries.map(({ action }: { action: string }) => action)).toEqual(
    expect.arrayContaining(['resume', 'pace', 'pause']),
  );
  expect((await audit('&until=2026-03-01T00:00:00Z')).entries).toEqual([]);
  const event = await api.call('GET', `/v1/events/${ids[0]}`);
  expect(event.body).toMatchObject({ id: ids[0], client, state: 'discarded', by: BY });
});

test('the audit of all clients has what belongs to none', async () => {
  const api = await startTestApi();
  const note = { id: api.name, action: 'reload', by: { user: 'waybill', host: 'box' } };
  const clients = { added: 1, changed: 0, removed: 0 };
  await api.redis.xadd(auditKey(OF_NO_CLIENT), '*', 'entry', JSON.stringify({ ...note, clients }));
  const { body } = await api.call('GET', '/v1/audit');
  expect(body.entries).toContainEqual(expect.objectContaining({ ...note, client: null, clients }));
  expect((await api.call('GET', '/v1/audit', { key: api.keys.submit })).status).toBe(403);
  expect((await api.call('GET', '/v1/audit?client=nobody')).body.code).toBe('UNKNOWN_CLIENT');
  expect((await api.call('GET', '/v1/audit?since=yesterday')).body.code).toBe('REQUEST_INVALID');
});

test('steps of one operation are one entry, but for those of another key, action or filter', async () => {
  const api = await startTestApi();
  const client = api.name;
  await addLetters(
    testRedis(),
    client,
    Array.from({ length: 10 }, (_, n) => letter(n, 422)),
  );
  const operation = uuidv7();
  const act = (verb: string, json: object, key = api.keys.operate) =>
    api.call('POST', `/v1/dead-letters/${verb}`, { key, json: { client, operation, ...json } });
  await act('replay', { status: '422', dryRun: true });
  for (const limit of [1, 2, 3])
    expect((await act('replay', { status: '422', limit })).body.replayed).toBe(limit);
  await act('replay', { status: '4xx', limit: 1 });
  await act('replay', { status: '422', limit: 1 }, api.keys.all);
  await act('discard', { status: '422', limit: 1 });
  const { entries } = (await api.call('GET', `/v1/audit?client=${client}`)).body;
  const rest = { id: operation, client };
  expect(entries).toMatchObject([
    { ...rest, action: 'discard', by: BY, done: 1 },
    { ...rest, action: 'replay', by: { key: 'all' }, done: 1 },
    { ...rest, action: 'replay', by: BY, filter: { status: '4xx' }, done: 1 },
    { ...rest, action: 'replay', by: BY, filter: { status: '422' }, done: 6 },
  ]);
  expect((await act('replay', { operation: 'x' })).status).toBe(400);
});
