import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { numberedEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { startTestApi } from './api-fixture.ts';

failOnLeaks();

const TYPE = 'disposition_update';

test.each([
  ['PUT', '/v1/clients/acme', 'GET'],
  ['DELETE', '/v1/dead-letters/replay', 'GET, POST'],
  ['GET', '/v1/clients/acme/pause', 'POST'],
  ['GET', '/v1/clients/acme/events/disposition_update?x=1', 'POST'],
  ['OPTIONS', '/v1/incidents', 'GET'],
  ['POST', '/openapi.json', 'GET'],
] as const)('%s %s is a 405 with what the path takes: %s', async (method, path, allow) => {
  const { call } = await startTestApi();
  const body = method === 'GET' ? {} : { body: 'x', headers: { 'content-type': 'text/plain' } };
  const answer = await call(method, path, { key: null, ...body });
  expect(answer).toMatchObject({
    status: 405,
    headers: { allow, 'content-type': expect.stringContaining('application/problem+json') },
    body: { status: 405, code: 'METHOD_NOT_ALLOWED', detail: `it takes ${allow}, and not ${method}` },
  });
});

test.each(['/', '/v1/nothing', '/v1/clients/acme/events', '/openapiXjson'])(
  'the path %s is none, whatever the method',
  async (path) => {
    const { call } = await startTestApi();
    for (const method of ['GET', 'PUT'] as const) {
      const answer = await call(method, path);
      expect(answer).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
      expect(answer.headers.allow).toBeUndefined();
    }
  },
);

test('a body of another type is refused with the types that are taken', async () => {
  const { call, name } = await startTestApi();
  const form = { body: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } };
  const submitted = await call('POST', `/v1/clients/${name}/events/${TYPE}`, form);
  expect(submitted.status).toBe(415);
  expect(submitted.body.detail).toBe(
    'taken: application/json, application/x-ndjson, application/vnd.waybill.events+json, ' +
      'application/vnd.waybill.events+x-ndjson; given: application/x-www-form-urlencoded',
  );
  const replay = await call('POST', '/v1/dead-letters/replay', { body: 'x' });
  expect(replay).toMatchObject({ status: 415, body: { detail: 'taken: application/json; given: none' } });
});

test('a problem says each thing once', async () => {
  const { call, name } = await startTestApi();
  const path = `/v1/clients/${name}/events/${TYPE}`;
  const wrong = await call('POST', path, { json: { ...numberedEvent(TYPE, 0), colour: 'red' } });
  expect(wrong.body).toEqual({
    type: 'urn:waybill:problem:invalid-event',
    title: "The payload breaks its type's contract",
    status: 422,
    code: 'INVALID_EVENT',
    detail: 'the event was not accepted: see refused',
    accepted: [],
    refused: [{ index: 0, code: 'INVALID_EVENT', errors: [expect.objectContaining({ path: '$.colour' })] }],
    unknown: [],
  });
  const query = await call('GET', '/v1/dead-letters?limit=0&colour=red');
  expect(query.body).toMatchObject({
    title: 'The request is not as documented',
    detail: 'it has 2 problems: see errors',
  });
  expect(query.body.errors.map((error: { path: string }) => error.path).sort()).toEqual([
    'query.colour',
    'query.limit',
  ]);
});

test('without keys each request is told how to add one, and keys are taken as soon as there are some', async () => {
  const { api, call, configWith, keys, log } = await startTestApi({ http: { keys: [] } });
  const refused = await call('GET', '/v1/clients');
  expect(refused).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
  expect(refused.body.detail).toMatch(
    /^this service has none yet: "waybill key NAME --scope submit" makes one/,
  );
  expect(log.matching('http api has no keys: it refuses every request')).toMatchObject([{ level: 'warn' }]);
  expect((await call('GET', '/openapi.json', { key: null })).status).toBe(200);
  const sha256 = createHash('sha256').update(keys.all).digest('hex');
  await api.reload(configWith({ http: { keys: [{ name: 'orders', sha256, scopes: ['read'] }] } }));
  expect((await call('GET', '/v1/clients')).status).toBe(200);
  expect(log.matching('http api has other keys')).toMatchObject([{ level: 'info', keys: ['orders'] }]);
});
