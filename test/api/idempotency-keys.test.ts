import { request } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import type { ApiParts } from '../../src/api/api-parts.ts';
import { createApi } from '../../src/api/create-api.ts';
import { generateKey } from '../../src/api/keys.ts';
import { parseConfig } from '../../src/config/load-config.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { UNSENT } from './api-fixture.ts';

failOnLeaks();

const PATH = '/v1/clients/acme/events/disposition_update';

/** The API before a producer that accepts everything and remembers the keys that it was given. */
async function openApi() {
  const { key, sha256 } = generateKey();
  const http = { keys: [{ name: 'orders', sha256, scopes: ['submit'] }] };
  const config = parseConfig(JSON.stringify({ http, clients: { acme: UNSENT } }), '/srv/waybill.yaml', {});
  const given: unknown[] = [];
  const parts = {
    http: config.http,
    version: '1',
    current: () => ({ clients: config.clients, keys: config.http?.keys ?? [] }),
    submit: async (_client: string, _type: string, payload: unknown, options: object) => {
      given.push([payload, options]);
      return { outcome: 'accepted', id: String(given.length), repeated: true };
    },
    log: { debug: () => {}, error: () => {} },
  };
  const server = await createApi(parts as unknown as ApiParts);
  onTestFinished(() => server.close());
  const address = await server.listen({ host: '127.0.0.1', port: 0 });
  const post = async (type: string, payload: string, headers: Record<string, string> = {}) => {
    const authorization = `Bearer ${key}`;
    const all = { authorization, 'content-type': type, ...headers };
    const answer = await request(address + PATH, {
      method: 'POST',
      headers: all,
      body: payload,
      reset: true,
    });
    // biome-ignore lint/suspicious/noExplicitAny: what tests expect is what they look for.
    return { status: answer.statusCode, body: (await answer.body.json()) as any };
  };
  return { given, post };
}

test('the key of the header goes with one event, and those of the wrappers with theirs', async () => {
  const { given, post } = await openApi();
  const one = await post('application/json', '{"n":0}', { 'idempotency-key': 'k0' });
  expect(one).toMatchObject({ status: 202, body: { accepted: [{ index: 0, id: '1', repeated: true }] } });
  const wrapped = [{ idempotencyKey: 'k1', payload: { n: 1 } }, { payload: { n: 2 } }];
  await post('application/vnd.waybill.events+json', JSON.stringify(wrapped));
  const lines = '{"idempotencyKey":"k3","payload":{"n":3}}\n{"payload":{"n":4}}\n';
  await post('application/vnd.waybill.events+x-ndjson', lines);
  expect(given).toEqual([
    [{ n: 0 }, { idempotencyKey: 'k0' }],
    [{ n: 1 }, { idempotencyKey: 'k1' }],
    [{ n: 2 }, {}],
    [{ n: 3 }, { idempotencyKey: 'k3' }],
    [{ n: 4 }, {}],
  ]);
});

test('a wrapper that is none is refused with its path, and stops no other', async () => {
  const { given, post } = await openApi();
  const odd = [
    { n: 1 },
    { payload: {}, key: 'k' },
    { payload: {}, idempotencyKey: 5 },
    7,
    { payload: { n: 5 } },
  ];
  const { status, body } = await post('application/vnd.waybill.events+json', JSON.stringify(odd));
  expect(status).toBe(202);
  const refused = body.refused.map(({ index, errors }: { index: number; errors: { path: string }[] }) => [
    index,
    errors[0]?.path,
  ]);
  expect(refused).toEqual([
    [0, '$'],
    [1, '$'],
    [2, '$.idempotencyKey'],
    [3, '$'],
  ]);
  expect(given).toEqual([[{ n: 5 }, {}]]);
});

test('a request has at most ten thousand events, and says what became of those before', async () => {
  const { given, post } = await openApi();
  const { status, body } = await post('application/x-ndjson', '{}\n'.repeat(10_001));
  expect(status).toBe(413);
  expect(body).toMatchObject({ code: 'TOO_MANY_EVENTS', refused: [] });
  expect(body.accepted).toHaveLength(given.length);
});

test.each(['1', '1.0', '{"payload":-1}'])(
  'of an array of very many events, as %s, the first ten thousand are taken',
  async (event) => {
    const { given, post } = await openApi();
    const type = event.startsWith('{') ? 'application/vnd.waybill.events+json' : 'application/json';
    const { status, body } = await post(type, `[${`${event},`.repeat(400_000)}${event}]`);
    expect([status, body.code]).toEqual([413, 'TOO_MANY_EVENTS']);
    expect(body.accepted).toHaveLength(10_000);
    expect(given).toHaveLength(10_000);
  },
);
