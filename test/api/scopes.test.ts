import { expect, test } from 'vitest';
import { generateKey } from '../../src/api/keys.ts';
import { numberedEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testRedis, uniqueClientName } from '../support/redis.ts';
import { startTestApi, UNSENT } from './api-fixture.ts';
import { addLetters, letter } from './dead-letters.ts';

failOnLeaks();

const TYPE = 'disposition_update';

test('a key that may read gets every GET, and nothing that changes or submits anything', async () => {
  const { call, name, keys } = await startTestApi();
  const dead = letter(0, 422);
  await addLetters(testRedis(), name, [dead]);
  const status = async (method: 'GET' | 'POST', path: string, json?: object) =>
    (await call(method, path, { key: keys.read, ...(json && { json }) })).status;
  const reads = [
    '/v1/clients',
    `/v1/clients/${name}`,
    `/v1/clients/${name}/report`,
    '/v1/dead-letters',
    `/v1/dead-letters/${dead.id}`,
    '/v1/incidents',
    `/v1/events/${dead.id}`,
  ];
  expect(await Promise.all(reads.map((path) => status('GET', path)))).toEqual(reads.map(() => 200));
  expect(await status('POST', `/v1/clients/${name}/events/${TYPE}`, numberedEvent(TYPE, 0))).toBe(403);
  expect(await status('POST', `/v1/clients/${name}/pause`)).toBe(403);
  expect(await status('POST', '/v1/check')).toBe(403);
  const refused = await call('POST', '/v1/dead-letters/discard', { key: keys.read, json: { all: true } });
  expect(refused).toMatchObject({
    status: 403,
    body: { code: 'FORBIDDEN', detail: 'key "read" has not the scope operate' },
  });
});

test('a key that submits events may ask what became of them', async () => {
  const { call, name, keys } = await startTestApi();
  const key = keys.submit;
  const sent = await call('POST', `/v1/clients/${name}/events/${TYPE}`, {
    json: numberedEvent(TYPE, 0),
    key,
  });
  const [{ id }] = sent.body.accepted;
  const told = await call('GET', `/v1/events/${id}`, { key });
  expect(told).toMatchObject({ status: 200, body: { id, client: name, state: 'waiting' } });
  const others = await call('GET', '/v1/clients', { key });
  expect(others.body.detail).toBe('key "submit" has not the scope read or operate');
});

/** Two clients with a dead letter each, and a key for everything of the first. */
async function withBoundKey() {
  const [own, other] = [uniqueClientName('own'), uniqueClientName('other')];
  const { key, sha256 } = generateKey();
  const api = await startTestApi();
  const keys = [{ name: 'bound', sha256, scopes: ['submit', 'operate'], clients: [own] }];
  await api.api.reload(
    api.configWith({ http: { port: 0, keys }, clients: { [own]: UNSENT, [other]: UNSENT } }),
  );
  const [ofOwn, ofOther] = [letter(0, 422), letter(1, 422)];
  await addLetters(testRedis(), own, [ofOwn]);
  await addLetters(testRedis(), other, [ofOther]);
  const call = (method: 'GET' | 'POST', path: string, json?: object) =>
    api.call(method, path, { key, ...(json && { json }) });
  return { own, other, ofOwn, ofOther, call };
}

test('a key that is bound to clients finds no others in lists, look-ups and actions without a client', async () => {
  const { own, other, ofOwn, ofOther, call } = await withBoundKey();
  expect(Object.keys((await call('GET', '/v1/clients')).body.clients)).toEqual([own]);
  const { deadLetters } = (await call('GET', '/v1/dead-letters')).body;
  expect(deadLetters).toMatchObject([{ client: own, id: ofOwn.id }]);
  const behind = (await call('GET', `/v1/dead-letters?cursor=${other}.0`)).body.deadLetters;
  expect(behind).toMatchObject([{ client: own }]);
  expect((await call('GET', `/v1/dead-letters/${ofOwn.id}`)).status).toBe(200);
  expect((await call('GET', `/v1/dead-letters/${ofOther.id}`)).status).toBe(404);
  expect((await call('GET', `/v1/events/${ofOwn.id}`)).body).toMatchObject({ client: own, state: 'dead' });
  expect(await call('GET', `/v1/events/${ofOther.id}`)).toMatchObject({ status: 404 });
  const replayed = await call('POST', '/v1/dead-letters/replay', { all: true });
  expect(replayed.body).toMatchObject({ matching: 1, replayed: 1 });
  expect((await call('POST', '/v1/dead-letters/discard', { id: ofOther.id })).body).toMatchObject({
    matching: 0,
  });
});

test('requests of a bound key about another client are answered as if that client were not there', async () => {
  const { own, other, call } = await withBoundKey();
  const about = async (client: string) => {
    const path = `/v1/clients/${client}`;
    const answers = await Promise.all([
      call('GET', path),
      call('GET', `${path}/report`),
      call('POST', `${path}/events/${TYPE}`, numberedEvent(TYPE, 0)),
      call('POST', `${path}/pause`),
      call('POST', `${path}/resume`),
      call('POST', `${path}/pace/${TYPE}/open`),
      call('GET', `/v1/dead-letters?client=${client}`),
      call('GET', `/v1/incidents?client=${client}`),
      call('POST', `/v1/check?client=${client}`),
      call('POST', '/v1/dead-letters/replay', { client }),
      call('POST', '/v1/dead-letters/discard', { client }),
    ]);
    return answers.map(({ status, body }) => ({
      status,
      body: JSON.stringify(body).replaceAll(client, 'it'),
    }));
  };
  const [foreign, missing, known] = [await about(other), await about('nobody'), await about(own)];
  expect(foreign).toEqual(missing);
  expect(new Set(foreign.map(({ status }) => status))).toEqual(new Set([404]));
  expect(new Set(known.map(({ status }) => status))).toEqual(new Set([200, 202]));
});
