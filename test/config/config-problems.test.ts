import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';
import { EVENT_TYPE_NAMES } from '../../src/core/event-types.ts';
import { clientProblems, errorOf, FILE, MINIMAL, problemsOf } from '../support/config-problems.ts';

describe('problems', () => {
  test('are all said at once, each with its path and line', () => {
    const text = `redis: { ulr: "redis://x" }
deadletters: { keepDays: 3 }
shutdownGraceMs: soon
clients:
  Acme: {}
  beta:
    baseURL: https://beta.example
    endpoints: { disposition_updates: /x, inventory_receipt: "ftp://x" }
    auth: { type: oauth }
    concurrency: 1.5
    batchSize: 0
    retry: { retries: 21, jitter: "\${A} \${B}" }
    contact: { email: nobody }
    tls: { cert: ./none.pem }
  gamma:
    baseUrl: https://user:hunter2@gamma.example
    endpoints: *nothing
    <<: { timeoutMs: 5 }
`;
    expect(problemsOf(text)).toEqual([
      '1 $.redis.ulr is not a known setting: did you mean "url"?',
      '1 $.redis.url is required, or sentinels, or cluster',
      '2 $.deadletters is not a known setting: did you mean "deadLetters"?',
      '3 $.shutdownGraceMs must be a number, found text',
      '5 $.clients.Acme is not a client name: it must match [a-z0-9][a-z0-9-]{0,62}',
      '6 $.clients.beta.baseUrl is required',
      '7 $.clients.beta.baseURL is not a known setting: did you mean "baseUrl"?',
      `8 $.clients.beta.endpoints.disposition_updates is not an event type (${EVENT_TYPE_NAMES.join(', ')}): did you mean "disposition_update"?`,
      '8 $.clients.beta.endpoints.inventory_receipt must be an http: or https: URL',
      '9 $.clients.beta.auth.type must be one of none, bearer, basic, api_key, oauth2, token_service, aws_sigv4',
      '10 $.clients.beta.concurrency must be a whole number, found 1.5',
      '11 $.clients.beta.batchSize must be at least 1, found 0',
      '12 $.clients.beta.retry.jitter needs the environment variable A, which is not set',
      '12 $.clients.beta.retry.jitter needs the environment variable B, which is not set',
      '12 $.clients.beta.retry.retries must be at most 20, found 21',
      '13 $.clients.beta.contact.email must be an email address',
      '14 $.clients.beta.tls.cert names a file that cannot be read (ENOENT): /srv/acme/none.pem',
      '14 $.clients.beta.tls.key is required if cert is given',
      '16 $.clients.gamma.baseUrl must not hold credentials: they belong under auth',
      '17 $.clients.gamma.endpoints is an alias of nothing that stands above it',
      '18 $.clients.gamma["<<"] is not supported: an alias may stand for a whole section',
    ]);
  });

  test('the error names the file and every problem', () => {
    const error = errorOf(() => parseConfig('clients: 5\nredis:', FILE, {}));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', name: 'ConfigError', file: FILE });
    expect(error.message).toBe(
      `configuration file ${FILE} has 2 problems:\n` +
        '  line 1: $.clients must be a section of settings, found 5\n' +
        '  line 2: $.redis must be a section of settings, found nothing: give it a value or leave the key out',
    );
  });

  test('an empty file, and one without clients', () => {
    expect(problemsOf('')).toEqual(['- $.clients is required']);
    expect(problemsOf('# nothing yet\n')).toEqual(['- $.clients is required']);
    expect(problemsOf('clients: {}')).toEqual(['1 $.clients must name at least one client']);
    expect(problemsOf('[]')).toEqual(['- $ must be a section of settings, found a list']);
  });

  test.each([
    ['redis://user:pass@10.0.0.1:6379/2', true],
    ['rediss://cache.example', true],
    ['/run/redis.sock', true],
    ['localhost:6379', false],
    ['http://localhost', false],
    ['redis:', false],
  ])('the Redis URL %s', (url, isValid) => {
    const text = `redis: { url: "${url}" }\n${MINIMAL}`;
    if (isValid) expect(parseConfig(text, FILE, {}).redis?.url).toBe(url);
    else expect(problemsOf(text)).toEqual([expect.stringMatching(/^1 \$\.redis\.url must be a redis: or/)]);
  });

  test.each([
    ['a: 1\na: 2\nb: [', 2, 'has the same key twice in one section'],
    ['1: a\n"1": b', 2, 'has the same key twice in one section'],
    ['a:\n\t- 1', 2, 'is not valid YAML: tabs cannot indent, use blanks'],
    ['a: b: c', 1, 'is not valid YAML: there is a colon too many, put the value in quotes'],
    ['a: @b', 1, 'is not valid YAML: a value begins with a reserved character, put it in quotes'],
    ['a: !secret b', 1, 'uses a YAML tag (!…) that is not known'],
    ['a: 1\n---\nb: 1', 2, 'holds more than one YAML document'],
    ['? [a]\n: b', 1, 'has a key that is not text'],
  ])('YAML that is none: %j', (text, line, message) => {
    expect(errorOf(() => parseConfig(text, FILE, {})).problems).toContainEqual({
      path: '$',
      line,
      message,
    });
  });

  test('an alias within its own section', () => {
    expect(problemsOf('a: &a { b: *a }')).toContain(
      '1 $.a.b is an alias of a section that it stands in itself',
    );
  });
});

describe('secrets', () => {
  test('are never repeated in a problem', () => {
    const text = `
redis: { url: "s3cret" }
clients:
  a: { baseUrl: "https://u:s3cret@x", endpoints: { disposition_update: "ftp:s3cret" } }
  b: { baseUrl: s3cret, endpoints: s3cret, auth: { type: s3cret } }
  c: { auth: { type: oauth2, tokenUrl: s3cret, clientSecret: 777333, clientId: [s3cret], style: s3cret } }
  d: { auth: { type: basic, username: "s3cret:", password: "s3cret\\n" }, concurrency: s3cret }
  e: { auth: { type: api_key, header: "s3cret s3cret", key: "s3cret\\r\\n" }, contact: { email: s3cret } }
  f: { auth: { type: bearer, token: "\${SECRET}" } }
`;
    const error = errorOf(() => parseConfig(text, FILE, { SECRET: 's3cret ' }));
    expect(error.problems.length).toBeGreaterThan(20);
    expect(`${error.message} ${JSON.stringify(error.problems)}`).not.toMatch(/s3cret|777333/);
  });

  test('nor in one of YAML', () => {
    for (const text of [
      'a: "s3cret',
      'a: `s3cret',
      's3cret\na: 1',
      'a: *s3cret',
      'a: !s3cret 1',
      '%s3cret',
    ]) {
      expect(errorOf(() => parseConfig(text, FILE, {})).message).not.toContain('s3cret');
    }
  });
});

describe('authorization', () => {
  test.each([
    ['type: none, token: x', 'auth.token is not a known setting'],
    [
      'username: x',
      'auth.type is required: one of none, bearer, basic, api_key, oauth2, token_service, aws_sigv4',
    ],
    [
      'type: bearer, tokn: x',
      'auth.token is required|auth.tokn is not a known setting: did you mean "token"?',
    ],
    ['type: bearer, token: ""', 'auth.token must not be empty'],
    [
      'type: bearer, token: "ключ"',
      'auth.token must hold only characters that an HTTP header can carry: letters, digits and signs of ASCII',
    ],
    ['type: bearer, token: " x"', 'auth.token must not begin or end with a blank: receivers cut it off'],
    [
      'type: basic, username: "a:b", password: ""',
      'auth.username must not hold a colon or a control character',
    ],
    [
      'type: api_key, header: Idempotency-Key, key: k',
      "auth.header must not be Idempotency-Key: that header is Waybill's to write",
    ],
    [
      'type: api_key, header: "X Key", key: k',
      'auth.header must be the name of an HTTP header, such as X-Api-Key',
    ],
    ['type: api_key, header: X-Key, key: "a\\nb"', 'auth.key must not hold a line break'],
    [
      'type: oauth2, tokenUrl: "https://x/t#f", clientId: a, clientSecret: b',
      'auth.tokenUrl must not have a fragment (#…): it is never sent',
    ],
    [
      'type: oauth2, tokenUrl: "https://x/t", clientId: 1, clientSecret: ',
      'auth.clientId must be text, found a number: put it in quotes|auth.clientSecret must be text, found nothing: give it a value or leave the key out',
    ],
  ])('{ %s }', (auth, problems) => {
    expect(clientProblems(`auth: { ${auth} }`)).toEqual(problems.split('|'));
  });
});
