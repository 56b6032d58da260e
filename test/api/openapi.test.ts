import { v7 as uuidv7 } from 'uuid';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { createApi } from '../../src/api/create-api.ts';
import { EVENT_FORMATS } from '../../src/api/event-items.ts';
import type { EventFate } from '../../src/core/event-fate.ts';
import { EVENT_TYPES } from '../../src/core/event-types.ts';
import { generatePayload } from '../../src/core/generate-payload.ts';
import { seededRandom } from '../../src/core/random.ts';
import { incidentsKey } from '../../src/queue/names.ts';
import { startRawServer } from '../http/raw-server.ts';
import { numberedEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { lintOpenApi } from '../support/lint-openapi.ts';
import { mailServer } from '../support/mail-server.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import {
  type ApiAnswer,
  type ApiCall,
  type ApiFixture,
  openBody,
  startTestApi,
  UNSENT,
} from './api-fixture.ts';
import { addLetters, letter } from './dead-letters.ts';

failOnLeaks();

type Json = { [key: string]: Json };
type Method = 'GET' | 'POST';

/** What can be asked, and how: a template of the document, a path that goes by it, and the rest of the request. */
interface Ask {
  readonly method: Method;
  readonly template: string;
  readonly path: string;
  readonly call?: ApiCall;
}

const EVENTS = '/v1/clients/{client}/events/{type}';
const TYPE = 'disposition_update';
const ID = uuidv7();
const FATE = { id: ID, client: 'acme' };

/** The fates, by the last digit of the id that is asked for. */
const FATES: Readonly<Record<string, EventFate>> = {
  1: { ...FATE, state: 'waiting' },
  2: {
    ...FATE,
    state: 'retrying',
    attempt: 2,
    nextAttemptAt: '2023-11-14T22:13:20.000Z',
    class: 'timeout',
    status: 0,
  },
  3: { ...FATE, state: 'delivered', deliveredAt: '2023-11-14T22:13:20.000Z', status: 201, attempts: 2 },
  4: { ...FATE, state: 'dead', deadLetterId: ID, attempts: 6, replays: 1, class: 'timeout', status: 0 },
  5: { ...FATE, state: 'moving' },
  6: {
    ...FATE,
    state: 'discarded',
    discardedAt: '2023-11-14T22:13:20.000Z',
    by: { user: 'jane', host: 'a' },
  },
};
const idOf = (digit: number): string => ID.slice(0, -1) + digit;

/** Holds each answer against what the document says for its route and status. */
function holdAgainst(document: Json, api: ApiFixture) {
  const seen = new Set<string>();
  return {
    seen,
    async ask({ method, template, path, call = {} }: Ask, status: number): Promise<ApiAnswer> {
      const answer = await api.call(method, path, call);
      const what = `${method} ${template} ${status}`;
      expect(`${method} ${template} ${answer.status}`, JSON.stringify(answer.body)).toBe(what);
      const type = String(answer.headers['content-type']).split(';')[0] ?? '';
      const documented = document.paths?.[template]?.[method.toLowerCase()]?.responses?.[status]?.content;
      const schema = documented?.[type]?.schema;
      expect(schema, `${what} ${type}`).toBeDefined();
      const $defs = document.components?.schemas;
      const whole = JSON.stringify({ ...schema, $defs }).replaceAll('#/components/schemas/', '#/$defs/');
      expect(z.fromJSONSchema(JSON.parse(whole)).safeParse(answer.body).error).toBeUndefined();
      seen.add(what);
      return answer;
    },
  };
}

function documentedAnswers(document: Json): string[] {
  return Object.entries(document.paths ?? {}).flatMap(([template, operations]) =>
    Object.entries(operations).flatMap(([method, { responses = {} }]) =>
      Object.keys(responses).map((status) => `${method.toUpperCase()} ${template} ${status}`),
    ),
  );
}

function asks(name: string, letterId: string): Ask[] {
  const get = (template: string, path = template): Ask => ({ method: 'GET', template, path });
  const post = (template: string, path: string, json?: object): Ask => ({
    method: 'POST',
    template,
    path,
    ...(json === undefined ? {} : { call: { json } }),
  });
  return [
    post(EVENTS, `/v1/clients/${name}/events/${TYPE}`, numberedEvent(TYPE, 0)),
    get('/v1/events/{id}', `/v1/events/${idOf(1)}`),
    get('/v1/clients'),
    get('/v1/clients/{client}', `/v1/clients/${name}`),
    post('/v1/clients/{client}/pause', `/v1/clients/${name}/pause`),
    post('/v1/clients/{client}/resume', `/v1/clients/${name}/resume`),
    post('/v1/clients/{client}/pace/{type}/open', `/v1/clients/${name}/pace/${TYPE}/open`),
    get('/v1/dead-letters', `/v1/dead-letters?client=${name}`),
    get('/v1/dead-letters/{id}', `/v1/dead-letters/${letterId}?client=${name}`),
    post('/v1/dead-letters/replay', '/v1/dead-letters/replay', { client: name, limit: 1 }),
    post('/v1/dead-letters/discard', '/v1/dead-letters/discard', { client: name, limit: 1 }),
    get('/v1/incidents', `/v1/incidents?client=${name}`),
    get('/v1/audit', `/v1/audit?client=${name}`),
    get('/v1/events', `/v1/events?client=${name}`),
    get('/v1/clients/{client}/report', `/v1/clients/${name}/report?type=${TYPE}`),
    post('/v1/check', `/v1/check?client=${name}`),
    get('/v1/key'),
    get('/v1/clients/{client}/endpoints/{type}/history', `/v1/clients/${name}/endpoints/${TYPE}/history`),
    get('/v1/live'),
    get('/v1/dead-letters/groups', `/v1/dead-letters/groups?client=${name}`),
    post('/v1/clients/{client}/report/send', `/v1/clients/${name}/report/send`, { type: TYPE }),
  ];
}

test('each answer that the document names is given, and is as it says', { timeout: 180_000 }, async () => {
  const redis = await startOwnRedis();
  const mails = await mailServer();
  const api = await startTestApi({
    socketPath: redis.socketPath,
    client: { contact: { email: 'tech@acme.example' } },
    others: { smtp: { host: '127.0.0.1', port: mails.port, secure: false, from: 'waybill@ops.example' } },
    http: { bodyLimitBytes: 4_096, requestTimeoutMs: 4_000 },
    api: {
      lookUpEvent: (connection) => async (id) => {
        await connection.ping();
        return FATES[id.slice(-1)];
      },
    },
  });
  const document = (await api.call('GET', '/openapi.json', { key: null })).body as Json;
  expect(document.openapi).toBe('3.1.0');
  const { ask, seen } = holdAgainst(document, api);
  const letters = [letter(0, 422), letter(1, 0), letter(2, 422)];
  await addLetters(redis.connect({ maxRetriesPerRequest: null }), api.name, letters);
  const incident = { openedAt: 5, failingSince: 1, lastAt: 9, count: 3, left: 2, 'of:timeout:0': 3 };
  const fields = Object.entries(incident).map(([what, value]) => [`${TYPE}:${what}`, value] as const);
  await redis.connect().hset(incidentsKey(api.name), Object.fromEntries(fields));
  const all = asks(api.name, letters[2]?.id ?? '');
  const [
    submit,
    fate,
    ,
    ,
    pause,
    resume,
    open,
    list,
    show,
    replay,
    discard,
    incidents,
    audit,
    events,
    report,
    check,
    key,
    history,
    live,
    groups,
    send,
  ] = all as [
    Ask,
    Ask,
    Ask,
    Ask,
    Ask,
    Ask,
    Ask,
    Ask,
    Ask,
    Ask,
    Ask,
    Ask,
    Ask,
    Ask,
    Ask,
    Ask,
    Ask,
    Ask,
    Ask,
    Ask,
    Ask,
  ];
  const about: Ask = { method: 'GET', template: '/openapi.json', path: '/openapi.json' };
  await ask(about, 200);
  await ask({ ...about, call: { headers: { x: 'x'.repeat(20_000) } } }, 431);
  for (const one of all) {
    const isSubmit = one.template === EVENTS;
    await ask(one, isSubmit ? 202 : 200);
    await ask({ ...one, call: { ...one.call, key: null } }, 401);
    // Each key may look an event up.
    if (one !== fate)
      await ask({ ...one, call: { ...one.call, key: isSubmit ? api.keys.operate : api.keys.submit } }, 403);
  }
  expect((await ask(incidents, 200)).body).toMatchObject({
    open: [
      { type: TYPE, openedAt: '1970-01-01T00:00:00.005Z', failures: [{ class: 'timeout', status: null }] },
    ],
    closed: [],
  });
  for (const digit of [2, 3, 4, 5, 6]) await ask({ ...fate, path: `/v1/events/${idOf(digit)}` }, 200);
  await ask({ ...fate, path: `/v1/events/${idOf(9)}` }, 404);
  await ask({ ...fate, path: '/v1/events/none' }, 400);
  for (const one of all.slice(3, 7)) await ask({ ...one, path: one.path.replace(api.name, 'nobody') }, 404);
  await ask({ ...report, call: { headers: { accept: 'text/html' } } }, 200);
  for (const client of ['nobody', api.name]) {
    await ask({ ...history, path: `/v1/clients/${client}/endpoints/none/history` }, 404);
  }
  await askBeyondStreams(live, ask, api);
  for (const one of [list, show, incidents, audit, events, report, check, groups]) {
    await ask({ ...one, path: one.path.replace(api.name, 'nobody') }, 404);
    await ask({ ...one, path: `${one.path}&colour=red` }, 400);
  }
  await ask({ ...send, call: { json: { to: 'x' } } }, 400);
  await ask({ ...send, path: send.path.replace(api.name, 'nobody') }, 404);
  await ask({ ...send, call: { json: { to: 'x'.repeat(300_000) } } }, 413);
  await ask({ ...send, call: { body: 'x', headers: { 'content-type': 'text/plain' } } }, 415);
  mails.refused.set('tech@acme.example', 550);
  await ask(send, 502);
  await askTwice(check, ask, api);
  const text = { 'content-type': 'text/plain' };
  for (const one of [replay, discard]) {
    await ask({ ...one, call: { json: {} } }, 400);
    await ask({ ...one, call: { json: { client: 'nobody' } } }, 404);
    await ask({ ...one, call: { json: { client: 'x'.repeat(300_000) } } }, 413);
    await ask({ ...one, call: { body: 'x', headers: text } }, 415);
  }
  await ask({ ...submit, path: submit.path.replace(api.name, 'nobody') }, 404);
  await ask({ ...submit, call: { json: [] } }, 400);
  await ask({ ...submit, call: { json: { a: 'x'.repeat(5_000) } } }, 413);
  await ask({ ...submit, call: { body: 'x', headers: text } }, 415);
  await ask({ ...submit, call: { json: [{}, {}] } }, 422);
  await askSlowly(submit, ask);
  redis.freeze();
  const slow = setTimeout(() => redis.thaw(), 5_000);
  await Promise.all([report, send].map((one) => ask(one, 422)));
  clearTimeout(slow);
  redis.freeze();
  const silent = setTimeout(() => void redis.kill(), 3_000);
  // What changes something may have been done; what only asks is not lost.
  await Promise.all([submit, pause, resume, open, replay, discard].map((one) => ask(one, 504)));
  clearTimeout(silent);
  // That Redis is away is what a check says.
  await ask(check, 200);
  const withoutRedis = [check, key, history, live];
  await Promise.all(all.filter((one) => !withoutRedis.includes(one)).map((one) => ask(one, 503)));
  expect([...seen].sort()).toEqual(documentedAnswers(document).sort());
});

/** Asks for a stream while as many are open as may be. */
async function askBeyondStreams(
  live: Ask,
  ask: (ask: Ask, status: number) => Promise<ApiAnswer>,
  { api, keys }: ApiFixture,
): Promise<void> {
  const abort = new AbortController();
  const headers = { authorization: `Bearer ${keys.all}` };
  // A response that nobody holds is given up.
  const held: Response[] = [];
  while (held.length < 100) {
    const response = await fetch(api.address + live.path, { headers, signal: abort.signal });
    // The server may not know yet that an earlier stream was given up.
    if (response.ok) held.push(response);
    else await response.text();
  }
  await ask(live, 503);
  expect(held.every(({ bodyUsed }) => !bodyUsed)).toBe(true);
  abort.abort();
}

/** Asks for a check while another one waits for an endpoint. */
async function askTwice(
  check: Ask,
  ask: (ask: Ask, status: number) => Promise<ApiAnswer>,
  { api, name, configWith }: ApiFixture,
): Promise<void> {
  let begun = (): void => {};
  const hasBegun = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const server = await startRawServer(begun);
  const client = { ...UNSENT, baseUrl: `https://127.0.0.1:${server.port}`, allowPrivateNetwork: true };
  await api.reload(configWith({ clients: { [name]: client } }));
  const first = ask(check, 200);
  await hasBegun;
  await ask(check, 409);
  await server.close();
  await first;
  await api.reload(configWith({}));
}

async function askSlowly(submit: Ask, ask: (ask: Ask, status: number) => Promise<ApiAnswer>): Promise<void> {
  const { body, end } = openBody(numberedEvent(TYPE, 1));
  await ask({ ...submit, call: { body, headers: { 'content-type': 'application/x-ndjson' } } }, 408);
  end();
}

test('each route of the server is documented, takes what it says that it takes, and a public linter finds nothing', async () => {
  const http = { bodyLimitBytes: 4_096, requestTimeoutMs: 1_000, host: '127.0.0.1', port: 0, keys: [] };
  const parts = {
    http,
    version: '1',
    current: () => ({ clients: {}, keys: [] }),
    lookUpEvent: async () => undefined,
  };
  const server = await createApi(parts as unknown as Parameters<typeof createApi>[0]);
  await server.ready();
  const document = server.swagger() as unknown as Json;
  const documented = Object.entries(document.paths ?? {}).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
  );
  for (const route of documented) {
    const [method = '', url = ''] = route.split(' ');
    expect(server.hasRoute({ method, url }), route).toBe(true);
  }
  const routes = server
    .printRoutes({ commonPrefix: false })
    .match(/\((?:GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS)[^)]*\)/g);
  expect(routes).toHaveLength(documented.length);
  const taken = document.paths?.[EVENTS]?.post?.requestBody?.content;
  expect(Object.keys(taken ?? {})).toEqual(Object.keys(EVENT_FORMATS));
  const special = { getOpenApi: [], submitEvents: ['submit'], getEvent: ['submit', 'read', 'operate'] };
  for (const operations of Object.values(document.paths ?? {})) {
    for (const [method, { operationId, security }] of Object.entries(operations)) {
      const usual = method === 'get' ? ['read', 'operate'] : ['operate'];
      const scopes = special[String(operationId) as keyof typeof special] ?? usual;
      expect(security, String(operationId)).toEqual(scopes.map((scope) => ({ key: [scope] })));
    }
  }
  expect(document.servers).toMatchObject([{ url: '/' }]);
  const { problems, totals } = await lintOpenApi(document);
  expect(problems).toEqual([]);
  expect(totals).toMatchObject({ errors: 0, warnings: 0 });
  const described = document.paths?.['/v1/dead-letters']?.get?.parameters as unknown as Json[];
  expect(described.filter(({ description }) => description === undefined)).toEqual([]);
  await server.close();
});

test.each(EVENT_TYPES.map((type) => [type.name, type] as const))(
  'the document has the contract of %s',
  async (name, type) => {
    const { call } = await startTestApi();
    const { body: document } = await call('GET', '/openapi.json', { key: null });
    const { properties, ...whole } = document.components.schemas[name];
    const contract = z.fromJSONSchema({ ...whole, properties });
    const isTaken = (payload: object) => contract.safeParse(payload).success;
    const random = seededRandom(1);
    const payloads = [type.sample, ...Array.from({ length: 20 }, (_, n) => generatePayload(type, n, random))];
    for (const payload of payloads) expect(contract.safeParse(payload).error).toBeUndefined();
    // Each field is there, and is looked at as Waybill looks at it: required or not, and no object where text is due.
    for (const field of Object.keys(properties)) {
      const without = Object.fromEntries(Object.entries(type.sample).filter(([key]) => key !== field));
      expect(isTaken(without), field).toBe(type.schema.safeParse(without).success);
      expect(isTaken({ ...type.sample, [field]: [{}] }), field).toBe(false);
    }
    expect(isTaken({ ...type.sample, colour: 'red' })).toBe(
      type.schema.safeParse({ ...type.sample, colour: 'red' }).success,
    );
  },
);
