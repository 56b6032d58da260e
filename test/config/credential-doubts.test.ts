import { describe, expect, test } from 'vitest';
import { findChannelDoubts, findCredentialDoubts } from '../../src/config/credential-doubts.ts';
import { parseConfig } from '../../src/config/load-config.ts';
import { smtpConfigSchema } from '../../src/config/smtp-config.ts';
import { FILE } from '../support/config-problems.ts';

/** What is found in these settings of a client, as `setting: what is around it`. */
function doubtsOfClient(settings: object, env: Record<string, string> = {}): string[] {
  const acme = { baseUrl: 'https://x.example', endpoints: { disposition_update: '/d' }, ...settings };
  const { clients } = parseConfig(JSON.stringify({ clients: { acme } }), FILE, env);
  const doubts = Object.values(clients).flatMap((client) => findCredentialDoubts(client));
  return doubts.map(({ setting, around }) => `${setting}: ${around}`);
}

const doubtsOf = (auth: object): string[] => doubtsOfClient({ auth });

const oauth2 = { type: 'oauth2', tokenUrl: 'https://a.example/token', clientId: 'c', clientSecret: 's' };
const service = { type: 'token_service', url: 'https://a.example/login', tokenPointer: '/t' };

describe('quotes around a credential are found', () => {
  test.each([
    [{ type: 'bearer', token: '"abc"' }, ['auth.token: quotes']],
    [
      { type: 'basic', username: "'abc'", password: '"a b"' },
      ['auth.username: quotes', 'auth.password: quotes'],
    ],
    [{ type: 'api_key', header: 'X-Key', key: "'abc'" }, ['auth.key: quotes']],
    [
      { ...oauth2, clientId: '"c"', clientSecret: "'s'", scope: '"read write"' },
      ['auth.clientId: quotes', 'auth.clientSecret: quotes', 'auth.scope: quotes'],
    ],
    [
      { ...service, headers: { 'X-Key': '"k"' }, body: { user: 'u', list: [{ password: "'p'" }] } },
      ['auth.headers["X-Key"]: quotes', 'auth.body.list[0].password: quotes'],
    ],
    [{ ...oauth2, clientSecret: '""' }, ['auth.clientSecret: quotes']],
  ])('%j', (auth, doubts) => {
    expect(doubtsOf(auth)).toEqual(doubts);
  });
});

test.each(['abc', '"abc', "abc'", '"abc\'', '"', 'a"b"c', '«abc»'])('%s is in no quotes', (clientSecret) => {
  expect(doubtsOf({ ...oauth2, clientSecret })).toEqual([]);
});

test('blanks around the credentials of oauth2 and basic are found', () => {
  for (const blank of [' ', '\t', '\u00a0']) {
    expect(doubtsOf({ ...oauth2, clientId: `${blank}c`, clientSecret: `s${blank}` })).toEqual([
      'auth.clientId: blanks',
      'auth.clientSecret: blanks',
    ]);
  }
  expect(doubtsOf({ type: 'basic', username: ' u', password: 'p ' })).toEqual([
    'auth.username: blanks',
    'auth.password: blanks',
  ]);
  expect(doubtsOf({ ...oauth2, clientSecret: 's s' })).toEqual([]);
});

test('a text in the body of a token service may have blanks around it', () => {
  expect(doubtsOf({ ...service, body: { greeting: 'hello ', count: 5, none: null } })).toEqual([]);
});

test('without credentials there is nothing to find', () => {
  expect(doubtsOf({ type: 'none' })).toEqual([]);
});

describe('quotes and blanks around what headers have from the environment are found', () => {
  const env = { K: '"abcd1234"', BLANK: 'abc ', FINE: 'abc' };

  test("once for the client's own, and at each endpoint for those of endpoints", () => {
    const endpoints = {
      disposition_update: { path: '/d', headers: { 'X-Own': '${K}', 'X-Fine': '${FINE}' } },
      inventory_receipt: '/i',
    };
    expect(doubtsOfClient({ headers: { 'X-Key': '${K}', Plain: 'Key ${K}' }, endpoints }, env)).toEqual([
      'headers["X-Key"]: quotes',
      'headers.Plain: quotes',
      'endpoints.disposition_update.headers["X-Own"]: quotes',
    ]);
  });

  test('also within a value', () => {
    expect(doubtsOfClient({ headers: { A: '${BLANK}x', B: 'x' } }, env)).toEqual(['headers.A: blanks']);
  });

  test('but not what the file itself has, which is meant', () => {
    expect(doubtsOfClient({ headers: { 'If-Match': '"abc"' } }, env)).toEqual([]);
  });
});

test('quotes around the user or password of a proxy are found', () => {
  const env = { Q: '"abcd1234"', FINE: 'abcd' };
  expect(doubtsOfClient({ proxy: 'http://waybill:${Q}@proxy.example:3128' }, env)).toEqual(['proxy: quotes']);
  expect(doubtsOfClient({ proxy: 'http://${Q}:${FINE}@proxy.example' }, env)).toEqual(['proxy: quotes']);
  expect(doubtsOfClient({ proxy: 'http://waybill:${FINE}@proxy.example' }, env)).toEqual([]);
  expect(doubtsOfClient({ proxy: 'http://proxy.example' }, env)).toEqual([]);
});

test('quotes and blanks around the credentials of a channel or a mail server are named by their place', () => {
  const common = { url: 'https://x.example', timeoutMs: 1_000, allowPrivateNetwork: false };
  expect(
    findChannelDoubts({
      incidents: {
        ...{ lookEveryMs: 5_000, downAfterMs: 60_000 },
        notify: [
          { format: 'slack', ...common, headers: {} },
          { format: 'json', ...common, headers: { 'X-Key': "'abc'", 'X-Fine': 'abc' } },
          { format: 'pagerduty', ...common, headers: {}, routingKey: '"abc"' },
          { format: 'pagerduty', ...common, headers: {}, routingKey: 'abc ' },
        ],
      },
      smtp: smtpConfigSchema.parse({
        ...{ host: 'localhost', user: 'waybill ', password: '"abc"', from: 'waybill@acme.example' },
      }),
    }),
  ).toEqual([
    { setting: 'incidents.notify[1].headers["X-Key"]', around: 'quotes' },
    { setting: 'incidents.notify[2].routingKey', around: 'quotes' },
    { setting: 'incidents.notify[3].routingKey', around: 'blanks' },
    { setting: 'smtp.user', around: 'blanks' },
    { setting: 'smtp.password', around: 'quotes' },
  ]);
});
