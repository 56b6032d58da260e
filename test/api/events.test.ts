import { expect, test } from 'vitest';
import type { Batch } from '../../src/core/event.ts';
import { endpointPrefix } from '../../src/queue/names.ts';
import { dispositionsOf, numberedEvent, numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { until } from '../support/until.ts';
import { type ApiFixture, openBody, startTestApi } from './api-fixture.ts';

failOnLeaks();

const TYPE = 'disposition_update';
const NDJSON = { 'content-type': 'application/x-ndjson' };

/** The ids of all events that wait for a client, in their order, with their units. */
async function waiting({ redis, name }: ApiFixture): Promise<Map<string, string>> {
  const prefix = endpointPrefix(dispositionsOf(name));
  const found = new Map<string, string>();
  for (const job of (await redis.lrange(`${prefix}wait`, 0, -1)).reverse()) {
    const batch = JSON.parse((await redis.hget(prefix + job, 'data')) ?? '{}') as Batch;
    for (const { id, unit } of batch.events) found.set(id, unit);
  }
  return found;
}

test('one event and an array are answered with their ids, in order, once Redis has them', async () => {
  const api = await startTestApi();
  const path = `/v1/clients/${api.name}/events/${TYPE}`;
  const one = await api.call('POST', path, { json: numberedEvent(TYPE, 0) });
  expect(one).toMatchObject({ status: 202, body: { accepted: [{ index: 0 }], refused: [], unknown: [] } });
  const many = await api.call('POST', path, { json: numberedEvents(TYPE, 1_200, 1), key: api.keys.submit });
  expect(many.status).toBe(202);
  const ids: string[] = [...one.body.accepted, ...many.body.accepted].map(({ id }) => id);
  const units = numberedEvents(TYPE, 1_201).map((event) => event.optiturn_lp);
  expect([...(await waiting(api)).entries()]).toEqual(ids.map((id, i) => [id, units[i]]));
});

test('a refused event is a 422 with every path; among others it is told apart, by index and line', async () => {
  const api = await startTestApi();
  const path = `/v1/clients/${api.name}/events/${TYPE}`;
  const bad = { ...numberedEvent(TYPE, 0), from_condition: 'Z', optiturn_lp: undefined, colour: 'red' };
  const single = await api.call('POST', path, { json: bad });
  expect(single.status).toBe(422);
  expect(single.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(single.body).toMatchObject({ status: 422, code: 'INVALID_EVENT', accepted: [] });
  const [{ errors }] = single.body.refused;
  const paths = errors.map(({ path }: { path: string }) => path).sort();
  expect(paths).toEqual(['$.colour', '$.from_condition', '$.optiturn_lp']);

  const lines = `${JSON.stringify(numberedEvent(TYPE, 1))}\n\n{"a":\n${JSON.stringify(bad)}\n`;
  const some = await api.call('POST', path, { body: lines, headers: NDJSON });
  expect(some).toMatchObject({
    status: 202,
    body: {
      accepted: [{ index: 0 }],
      refused: [
        { index: 1, line: 3, code: 'INVALID_EVENT' },
        { index: 2, line: 4, code: 'INVALID_EVENT' },
      ],
    },
  });
  const none = await api.call('POST', path, { json: [bad, bad] });
  expect(none).toMatchObject({ status: 422, body: { refused: [{ index: 0 }, { index: 1 }], accepted: [] } });
  expect((await waiting(api)).size).toBe(1);
});

test('a number goes out as it is spelled, or is refused at its path, in every format', async () => {
  const api = await startTestApi();
  const path = `/v1/clients/${api.name}/events/${TYPE}`;
  const spelled = (n: number, upc: string) =>
    JSON.stringify({ ...numberedEvent(TYPE, n), upc: 0 }).replace('"upc":0', `"upc":${upc}`);
  const wrap = (event: string) => `{"payload":${event},"idempotencyKey":"k${event.length}"}`;
  const post = async (type: string, body: string) => {
    const answer = await api.call('POST', path, { body, headers: { 'content-type': type } });
    const { accepted, refused } = answer.body;
    return [accepted.length, refused.map(({ errors }: { errors: unknown }) => errors)];
  };
  const errors = (number: string, at = '$.upc') => [
    { path: at, message: `must be a string, found the number ${number}: give it in quotes` },
  ];
  expect(await post('application/json', spelled(0, '12'))).toEqual([1, []]);
  expect(await post('application/json', spelled(1, '1.0'))).toEqual([0, [errors('1.0')]]);
  const array = `[${spelled(2, '-0')},${spelled(3, '5')},${spelled(4, '12345678901234567890')}]`;
  expect(await post('application/json', array)).toEqual([1, [errors('-0'), errors('12345678901234567890')]]);
  const lines = `${spelled(5, '1e3')}\n${spelled(6, '7')}\n`;
  expect(await post('application/x-ndjson', lines)).toEqual([1, [errors('1e3')]]);
  const wrapped = `[${wrap(spelled(7, '1.5'))},${wrap(spelled(8, '88'))}]`;
  const inWrapper = errors('1.5', '$.payload.upc');
  expect(await post('application/vnd.waybill.events+json', wrapped)).toEqual([1, [inWrapper]]);
  expect(await post('application/vnd.waybill.events+json', wrap(spelled(9, '1.5')))).toEqual([
    0,
    [inWrapper],
  ]);
  expect(await post('application/vnd.waybill.events+x-ndjson', wrap(spelled(10, '1.5')))).toEqual([
    0,
    [inWrapper],
  ]);
  expect((await waiting(api)).size).toBe(4);
});

test.each([
  ['a client that there is not', 'nobody', TYPE, {}, '{}', 404, 'UNKNOWN_CLIENT'],
  ['a type that there is not', '', 'disposition', {}, '{}', 404, 'UNKNOWN_EVENT_TYPE'],
  ['a type without an endpoint', '', 'inventory_receipt', {}, '{}', 404, 'NO_ENDPOINT'],
  ['no JSON', '', TYPE, {}, '{"a": 1,\n}', 400, 'BODY_INVALID'],
  ['nothing', '', TYPE, {}, '', 400, 'BODY_INVALID'],
  ['no event', '', TYPE, {}, '[]', 400, 'BODY_INVALID'],
  ['UTF-16', '', TYPE, {}, Buffer.from('\ufeff{"a":1}', 'utf16le'), 400, 'BODY_INVALID'],
  ['UTF-16 without a mark', '', TYPE, {}, Buffer.from('{"a":1}', 'utf16le'), 400, 'BODY_INVALID'],
  ['bytes that are no UTF-8', '', TYPE, {}, Buffer.from([0x22, 0xff, 0x22]), 400, 'BODY_INVALID'],
  ['another type of body', '', TYPE, { 'content-type': 'text/plain' }, '{}', 415, 'MEDIA_TYPE_UNSUPPORTED'],
  ['a packed body', '', TYPE, { 'content-encoding': 'gzip' }, '{}', 415, 'MEDIA_TYPE_UNSUPPORTED'],
  ['a large body', '', TYPE, {}, ' '.repeat(5_000), 413, 'BODY_TOO_LARGE'],
  ['a key for several', '', TYPE, { 'idempotency-key': 'a' }, '[{},{}]', 400, 'REQUEST_INVALID'],
  ['two keys', '', TYPE, { 'idempotency-key': ['a', 'b'] }, '{}', 400, 'REQUEST_INVALID'],
  ['a key for lines', '', TYPE, { ...NDJSON, 'idempotency-key': 'a' }, '{}\n', 400, 'REQUEST_INVALID'],
])('%s', async (what, client, type, headers, body, status, code) => {
  const api = await startTestApi({ http: { bodyLimitBytes: 4_096 } });
  const path = `/v1/clients/${client || api.name}/events/${type}`;
  const answer = await api.call('POST', path, {
    body,
    headers: { 'content-type': 'application/json', ...headers },
  });
  expect(answer).toMatchObject({ status, body: { status, code } });
  if (body === '{"a": 1,\n}') expect(answer.body.detail).toContain('line 2, column 1');
  const isUtf16 = what.startsWith('UTF-16');
  expect(answer.body.detail === 'the input is UTF-16 or UTF-32: save it as UTF-8').toBe(isUtf16);
  expect((await waiting(api)).size).toBe(0);
});

test('a problem of a wrapped event or its key is named by its place in the wrapper, one of all by its own code', async () => {
  const api = await startTestApi();
  const path = `/v1/clients/${api.name}/events/${TYPE}`;
  const wrapped = { 'content-type': 'application/vnd.waybill.events+json' };
  const post = (value: unknown, headers: Record<string, string> = wrapped) =>
    api.call('POST', path, { body: JSON.stringify(value), headers });
  const keyed = (key: string, n: number) => ({ idempotencyKey: key, payload: numberedEvent(TYPE, n) });
  expect((await post(keyed('a', 0))).status).toBe(202);
  expect((await post(keyed('a', 0), { ...wrapped, 'idempotency-key': 'a' })).body.accepted).toHaveLength(1);
  expect((await post(keyed('a', 0), { ...wrapped, 'idempotency-key': 'b' })).body).toMatchObject({
    code: 'REQUEST_INVALID',
  });
  const reused = await post(keyed('a', 1));
  expect(reused.body).toMatchObject({
    code: 'IDEMPOTENCY_KEY_REUSED',
    refused: [{ errors: [{ path: '$.idempotencyKey' }] }],
  });
  expect(reused.body.refused[0].errors[0].message).toMatch(/^the idempotency key "a" stands for event /);
  const all = await post([keyed('a', 2), keyed('a', 3)]);
  expect(all).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } });
  const bad = await post({ payload: { ...numberedEvent(TYPE, 4), upc: null } });
  expect(bad.body).toMatchObject({
    code: 'INVALID_EVENT',
    refused: [{ errors: [{ path: '$.payload.upc' }] }],
  });
  expect((await waiting(api)).size).toBe(1);
});

test('NDJSON is taken as it comes: what came before the limit is accepted, and the problem says so', async () => {
  const api = await startTestApi({ http: { bodyLimitBytes: 20_000 } });
  const path = `/v1/clients/${api.name}/events/${TYPE}`;
  let sent = 0;
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  async function* endless(): AsyncGenerator<Buffer> {
    for (; ; sent++) {
      yield Buffer.from(`${JSON.stringify(numberedEvent(TYPE, sent))}\n`);
      // The first has to be in Redis while the body is still open.
      if (sent === 0) await until(async () => (await waiting(api)).size > 0);
      // More than is allowed was sent; the answer has to come although the body is not over.
      if (sent > 100) return ended;
    }
  }
  const answer = await api.call('POST', path, { body: endless(), headers: NDJSON });
  expect(answer).toMatchObject({ status: 413, body: { code: 'BODY_TOO_LARGE', refused: [], unknown: [] } });
  end();
  const ids = answer.body.accepted.map(({ id }: { id: string }) => id);
  expect(ids.length).toBeGreaterThan(0);
  expect([...(await waiting(api)).keys()]).toEqual(ids);
});

test('a body that stops coming is answered in time, with what became of the events before', async () => {
  const api = await startTestApi({ http: { requestTimeoutMs: 2_000 } });
  const path = `/v1/clients/${api.name}/events/${TYPE}`;
  const { body, end } = openBody(numberedEvent(TYPE, 0));
  const answer = await api.call('POST', path, { body, headers: NDJSON });
  expect(answer).toMatchObject({ status: 408, body: { code: 'REQUEST_TIMEOUT', accepted: [{ index: 0 }] } });
  end();
});

test('where Redis is away, full or silent, nothing is accepted, and it is said when to come again', async () => {
  const redis = await startOwnRedis();
  const api = await startTestApi({ socketPath: redis.socketPath });
  const path = `/v1/clients/${api.name}/events/${TYPE}`;
  const submit = () => api.call('POST', path, { json: numberedEvent(TYPE, 0) });
  expect((await submit()).status).toBe(202);
  await redis.connect().config('SET', 'maxmemory', '1');
  const full = await submit();
  expect(full).toMatchObject({ status: 503, body: { code: 'REDIS_REFUSED', accepted: [] } });
  expect(Number(full.headers['retry-after'])).toBeGreaterThan(0);
  await redis.kill();
  await expect.poll(async () => (await submit()).body.code, { timeout: 30_000 }).toBe('REDIS_UNAVAILABLE');
  const status = await api.call('GET', `/v1/clients/${api.name}`);
  expect(status).toMatchObject({ status: 503, body: { code: 'REDIS_UNAVAILABLE' } });
  expect(status.headers['retry-after']).toBeDefined();
  await redis.start({ maxmemory: '0' });
  await expect.poll(async () => (await submit()).status, { timeout: 30_000 }).toBe(202);
  expect(api.log.matching('http requests cannot be served').length).toBeGreaterThan(0);
});

test('while Redis is slow, what there is no room for is told at once to come again, and the rest is taken', {
  timeout: 180_000,
}, async () => {
  const redis = await startOwnRedis();
  const api = await startTestApi({ socketPath: redis.socketPath });
  const path = `/v1/clients/${api.name}/events/${TYPE}`;
  redis.freeze();
  // Ten thousand may wait, beside the thousand that are on their way.
  const calls = Array.from({ length: 25 }, (_, n) =>
    api.call('POST', path, { json: numberedEvents(TYPE, 500, n * 500) }),
  );
  const first = await Promise.race(calls);
  expect(first).toMatchObject({ status: 503, body: { code: 'INTAKE_FULL', accepted: [] } });
  expect(first.headers['retry-after']).toBe('1');
  redis.thaw();
  const answers = await Promise.all(calls);
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202, 503]));
  const accepted = answers.reduce((sum, { body }) => sum + body.accepted.length, 0);
  expect(accepted).toBeGreaterThanOrEqual(10_000);
  expect((await api.call('GET', `/v1/clients/${api.name}`)).body).toMatchObject({ waiting: accepted });
});

test('an answer that was lost is a 504 that names the event, not an invitation to repeat it', async () => {
  const redis = await startOwnRedis();
  const api = await startTestApi({ socketPath: redis.socketPath });
  redis.freeze();
  const answering = api.call('POST', `/v1/clients/${api.name}/events/${TYPE}`, {
    json: numberedEvent(TYPE, 0),
  });
  await expect.poll(() => api.log.lines.length).toBeGreaterThan(0);
  const silent = setTimeout(() => void redis.kill(), 2_000);
  const answer = await answering;
  clearTimeout(silent);
  expect(answer).toMatchObject({ status: 504, body: { code: 'REDIS_ANSWER_LOST', unknown: [{ index: 0 }] } });
  expect(answer.headers['retry-after']).toBeUndefined();
});
