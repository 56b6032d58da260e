import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';
import { FILE, problemsOf } from '../support/config-problems.ts';

const PLACE = 'baseUrl: "https://x.example", endpoints: { disposition_update: /d }';
const OAUTH2 = 'type: oauth2, tokenUrl: "https://t.example", clientId: waybill';

/** A file with these defaults and clients, all in flow style; `clients` are the settings of each, by name. */
function textOf(defaults: string, clients: Readonly<Record<string, string>>): string {
  const lines = Object.entries(clients).map(([name, settings]) => `  ${name}: { ${PLACE}, ${settings} }`);
  return `defaults: ${defaults}\nclients:\n${lines.join('\n')}`;
}

function clientsOf(defaults: string, clients: Readonly<Record<string, string>>, env = {}) {
  return parseConfig(textOf(defaults, clients), FILE, env).clients;
}

describe('a client has what it leaves out from defaults', () => {
  test('setting by setting within sections', () => {
    const defaults =
      '{ concurrency: 4, retry: { retries: 2, factor: 3 }, contact: { name: A }, allowPrivateNetwork: true }';
    const { one, two } = clientsOf(defaults, {
      one: 'retry: { factor: 2 }, contact: { email: a@x.example }, allowPrivateNetwork: false',
      two: '',
    });
    expect(one).toMatchObject({
      concurrency: 4,
      retry: { retries: 2, factor: 2, baseDelayMs: 15_000 },
      contact: { name: 'A', email: 'a@x.example' },
      allowPrivateNetwork: false,
      timeoutMs: 15_000,
    });
    expect(two).toMatchObject({ retry: { retries: 2, factor: 3 }, allowPrivateNetwork: true });
    expect(two?.endpoints.disposition_update).toMatchObject({ concurrency: 4, retry: { factor: 3 } });
  });

  test('of auth if its type is the same or not given; another type stands for itself', () => {
    const defaults = `{ auth: { ${OAUTH2}, clientSecret: shared, renewOn: [419], parameters: { audience: a } } }`;
    const { same, untyped, other, none, all } = clientsOf(defaults, {
      same: 'auth: { type: oauth2, clientSecret: own, renewOn: [500] }',
      untyped: 'auth: { clientId: me, parameters: { resource: r } }',
      other: 'auth: { type: bearer, token: abc }',
      none: 'auth: { type: none }',
      all: '',
    });
    expect(same?.auth).toMatchObject({ clientId: 'waybill', clientSecret: 'own', renewOn: [500] });
    expect(untyped?.auth).toMatchObject({ clientId: 'me', parameters: { audience: 'a', resource: 'r' } });
    expect(other?.auth).toEqual({ type: 'bearer', token: 'abc' });
    expect(none?.auth).toEqual({ type: 'none' });
    expect(all?.auth).toMatchObject({ type: 'oauth2', clientSecret: 'shared' });
  });

  test('of headers by name, whatever its case; values from the environment stay secret', () => {
    const { one, two } = clientsOf(
      '{ headers: { X-Tenant: "${T}", X-All: a } }',
      { one: 'headers: { x-tenant: own }', two: '' },
      { T: 'tenant' },
    );
    expect(one?.endpoints.disposition_update).toMatchObject({
      headers: ['X-All', 'a', 'x-tenant', 'own'],
      secretHeaders: [],
    });
    expect(two?.endpoints.disposition_update?.secretHeaders).toEqual(['tenant', 'tenant']);
  });

  test('but not within a pace that is a word, or what a token service is sent', () => {
    const auth = 'type: token_service, url: "https://t.example", tokenPointer: /t';
    const defaults = `{ pace: { holdMs: 5, minPerSecond: 7 }, auth: { ${auth}, body: { user: a, more: b } } }`;
    const { word, section } = clientsOf(defaults, {
      word: 'pace: adaptive, auth: { body: { user: c } }',
      section: 'pace: { holdMs: 9 }',
    });
    expect(word?.endpoints.disposition_update?.pace.minPerSecond).toBe(0);
    expect(word?.auth).toMatchObject({ body: { user: 'c' } });
    expect(word?.auth).not.toMatchObject({ body: { more: 'b' } });
    expect(section?.endpoints.disposition_update?.pace).toMatchObject({ holdMs: 9, minPerSecond: 7 });
  });

  test('of auth without a type, each with its own type', () => {
    const { one, two } = clientsOf('{ auth: { renewOn: [419], timeoutMs: 5000 } }', {
      one: `auth: { ${OAUTH2}, clientSecret: s }`,
      two: 'auth: { type: token_service, url: "https://t.example", tokenPointer: /t, renewOn: [440] }',
    });
    expect(one?.auth).toMatchObject({ type: 'oauth2', renewOn: [419], timeoutMs: 5_000 });
    expect(two?.auth).toMatchObject({ type: 'token_service', renewOn: [440], timeoutMs: 5_000 });
  });

  test('but what it takes back by null', () => {
    const given = '{ ratePerSecond: 9, proxy: "http://p.example", maxAgeHours: 2, pace: fixed,';
    const more =
      ' headers: { X-Tenant: a, X-All: b }, auth: { type: bearer, token: t }, retry: { factor: 2, retries: 1 } }';
    const { one, two } = clientsOf(given + more, {
      one: 'ratePerSecond: null, proxy: ~, maxAgeHours: null, pace: null, headers: { x-tenant: null }, auth: null, retry: { factor: null }',
      two: 'headers: null, retry: null',
    });
    for (const key of ['ratePerSecond', 'proxy', 'maxAgeHours']) expect(one).not.toHaveProperty(key);
    expect(one).toMatchObject({ auth: { type: 'none' }, retry: { factor: 5, retries: 1 } });
    expect(one?.endpoints.disposition_update).toMatchObject({
      pace: { mode: 'adaptive' },
      headers: ['X-All', 'b'],
    });
    expect(two).toMatchObject({ ratePerSecond: 9, auth: { type: 'bearer' }, retry: { factor: 5 } });
    expect(two?.endpoints.disposition_update).not.toHaveProperty('headers');
  });

  test.each(['tls', 'signing'])('nor a section %s that it takes back', (section) => {
    const secret = Buffer.alloc(32).toString('base64');
    const defaults = `{ tls: { minVersion: "1.3" }, signing: { secrets: ["${secret}"] } }`;
    const { one } = clientsOf(defaults, { one: `${section}: null` });
    expect(['tls', 'signing'].filter((key) => Object.hasOwn(one ?? {}, key))).not.toContain(section);
  });

  test('and fifty of them are fifty short entries', () => {
    const names = Array.from({ length: 50 }, (_, n) => [`c${n}`, `auth: { clientSecret: "\${S${n}}" }`]);
    const env = Object.fromEntries(names.map((_, n) => [`S${n}`, `secret-${n}`]));
    const clients = clientsOf(`{ auth: { ${OAUTH2} } }`, Object.fromEntries(names), env);
    expect(clients['c49']?.auth).toMatchObject({ clientId: 'waybill', clientSecret: 'secret-49' });
  });
});

describe('a problem in defaults is told once, at its place there', () => {
  test.each([
    ['{ concurrency: 0 }', 'concurrency must be at least 1, found 0 (affects 2 places)'],
    [
      '{ concurency: 4 }',
      'concurency is not a known setting: did you mean "concurrency"? (affects 2 places)',
    ],
    ['{ baseUrl: "https://x.example" }', 'baseUrl is not a known setting'],
    ['{ endpoints: { x: /d } }', 'endpoints is not a known setting'],
    [
      '{ retry: }',
      'retry must be a section of settings, found nothing: give it a value or leave the key out (affects 2 places)',
    ],
    [
      '{ auth: { type: oauth } }',
      'auth.type must be one of none, bearer, basic, api_key, oauth2, token_service, aws_sigv4 (affects 2 places)',
    ],
    ['{ auth: { type: bearer } }', 'auth.token is required (affects 2 places)'],
    ['{ auth: { type: bearer, token: "a b" } }', 'auth.token must not hold a blank (affects 2 places)'],
    [
      '{ auth: { type: bearer, token: abc }, headers: { Authorization: a } }',
      'headers.Authorization must not be given: auth writes that header (affects 2 places)',
    ],
    [
      '{ tls: { ca: ./none.pem } }',
      'tls.ca names a file that cannot be read (ENOENT): /srv/acme/none.pem (affects 2 places)',
    ],
    [
      '{ contact: { name: "${NONE}" } }',
      'contact.name needs the environment variable NONE, which is not set (affects 2 places)',
    ],
    [
      '{ headers: { A: "${LINES}" } }',
      'headers.A must not hold a line break (the environment variable LINES holds it) (affects 2 places)',
    ],
    [
      '{ auth: { type: token_service, url: "https://t.example", tokenPointer: /t, body: { a: 0123 } } }',
      'auth.body.a is a number that loses digits: put it in quotes if it is text, shorten it if not',
    ],
  ])('%s', (defaults, problem) => {
    const text = textOf(defaults, { one: '', two: '' });
    expect(problemsOf(text, { LINES: 'a\nb' })).toEqual([`1 $.defaults.${problem}`]);
  });

  test('also if auth there has no type, or what the type of a client does not know', () => {
    const defaults = '{ auth: { renewOn: [419], toke: a } }';
    const text = textOf(defaults, {
      one: 'auth: { type: bearer, token: a }',
      two: 'auth: { type: bearer, token: a }',
    });
    expect(problemsOf(text)).toEqual([
      '1 $.defaults.auth.toke is not a known setting: did you mean "token"? (affects 2 places)',
      '1 $.defaults.auth.renewOn is no setting of auth of type bearer, which a client has (affects 2 places)',
    ]);
    expect(problemsOf(textOf('{ auth: { renewOn: [419] } }', { one: '' }))).toEqual([
      '1 $.defaults.auth.type is required: one of none, bearer, basic, api_key, oauth2, token_service, aws_sigv4',
    ]);
  });

  test('but a null in a client that takes back nothing, or a key without a value, is its own', () => {
    const text = textOf('{ ratePerSecond: 9 }', { one: 'maxAgeHours: null', two: 'ratePerSecond: ' });
    const nothing = 'must be a number, found nothing: give it a value or leave the key out';
    expect(problemsOf(text)).toEqual([
      `3 $.clients.one.maxAgeHours ${nothing}`,
      `4 $.clients.two.ratePerSecond ${nothing}`,
    ]);
  });

  test('also if each client has its own instead', () => {
    const text = textOf('{ concurrency: 0 }', { one: 'concurrency: 1', two: 'concurrency: 2' });
    expect(problemsOf(text)).toEqual(['1 $.defaults.concurrency must be at least 1, found 0']);
  });

  test('and what a client adds to a section from there is its own problem', () => {
    const text = textOf('{ tls: { ca: ./none.pem } }', {
      one: 'tls: { cert: ./none.pem }, retry: { factor: 0 }',
      two: '',
    });
    expect(problemsOf(text)).toEqual([
      '1 $.defaults.tls.ca names a file that cannot be read (ENOENT): /srv/acme/none.pem (affects 3 places)',
      '3 $.clients.one.retry.factor must be at least 1, found 0',
      '3 $.clients.one.tls.key is required if cert is given',
    ]);
  });

  test('and is of no section itself', () => {
    expect(problemsOf(textOf('5', { one: '' }))).toEqual([
      '1 $.defaults must be a section of settings, found 5',
    ]);
  });
});

describe('one cause is told once, with the number of its places', () => {
  const many = (settings: string) =>
    Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`c${n}`, settings]));

  test.each([
    [
      'an unset variable, in whatever settings',
      'auth: { type: bearer, token: "${NONE}" }, contact: { name: "x${NONE}" }',
      ['auth.token needs the environment variable NONE, which is not set (affects 80 places)'],
    ],
    [
      'a file of ${file:…} that is missing',
      'auth: { type: bearer, token: "${file:none}" }',
      ['auth.token refers to a file that cannot be read (ENOENT): /srv/acme/none (affects 40 places)'],
    ],
    [
      'a missing TLS file',
      'tls: { ca: ./none.pem, cert: ./none.pem, key: ./no-key.pem }',
      [
        'tls.ca names a file that cannot be read (ENOENT): /srv/acme/none.pem (affects 80 places)',
        'tls.key names a file that cannot be read (ENOENT): /srv/acme/no-key.pem (affects 40 places)',
      ],
    ],
    [
      'a variable with a wrong value',
      'auth: { type: bearer, token: "${BLANK}" }',
      ['auth.token must not hold a blank (affects 40 places)'],
    ],
    [
      'a variable with a line break',
      'auth: { type: bearer, token: "${LINES}" }, headers: { A: "x${LINES}" }',
      ['headers.A must not hold a line break (the environment variable LINES holds it) (affects 80 places)'],
    ],
  ])('%s', (_, settings, problems) => {
    const text = textOf('{}', many(settings));
    const found = problemsOf(text, { BLANK: 'a b', LINES: 'a\nb' });
    expect(found.sort()).toEqual(problems.map((problem) => `3 $.clients.c0.${problem}`).sort());
  });

  test('a value that many aliases stand for', () => {
    const clients = { one: 'retry: &r { factor: 0 }', two: 'retry: *r', three: 'retry: *r' };
    expect(problemsOf(textOf('{}', clients))).toEqual([
      '3 $.clients.one.retry.factor must be at least 1, found 0 (affects 3 places)',
    ]);
  });

  test('but a slip that is written many times is told at each place', () => {
    expect(problemsOf(textOf('{}', many('concurrency: 0')))).toHaveLength(40);
    expect(problemsOf(textOf('{}', many('contact: { name: "${}" }')))).toHaveLength(40);
  });
});
