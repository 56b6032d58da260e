import { describe, expect, test } from 'vitest';
import { type AuthConfig, clientConfigSchema } from '../../src/config/client-config.ts';
import { findChannelDoubts, findCredentialDoubts } from '../../src/config/credential-doubts.ts';

/** What is found in these settings of `auth`, as `setting: what is around it`. */
function doubtsOf(auth: object): string[] {
  const client = { baseUrl: 'https://x.example', endpoints: { disposition_update: '/d' }, auth };
  const parsed: AuthConfig = clientConfigSchema.parse(client).auth;
  return findCredentialDoubts(parsed).map(({ setting, around }) => `${setting}: ${around}`);
}

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

test('quotes and blanks around the credentials of a channel are named by their place', () => {
  const common = { url: 'https://x.example', timeoutMs: 1_000, allowPrivateNetwork: false };
  expect(
    findChannelDoubts([
      { format: 'slack', ...common, headers: {} },
      { format: 'json', ...common, headers: { 'X-Key': "'abc'", 'X-Fine': 'abc' } },
      { format: 'pagerduty', ...common, headers: {}, routingKey: '"abc"' },
      { format: 'pagerduty', ...common, headers: {}, routingKey: 'abc ' },
    ]),
  ).toEqual([
    { setting: 'incidents.notify[1].headers["X-Key"]', around: 'quotes' },
    { setting: 'incidents.notify[2].routingKey', around: 'quotes' },
    { setting: 'incidents.notify[3].routingKey', around: 'blanks' },
  ]);
});
