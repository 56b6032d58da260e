import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';
import { EVENT_TYPES } from '../../src/core/event-types.ts';
import { clientProblems, FILE, problemsOf } from '../support/config-problems.ts';

describe('the environment', () => {
  const client = (settings: string) =>
    `clients: { acme: { baseUrl: "https://\${HOST}/\${PATH_2}", endpoints: { disposition_update: /d }, ${settings} } }`;
  const env = { HOST: 'acme.example', PATH_2: 'v2', TOKEN: 'a:[b' };

  test('takes the place of each name in a text value, and cannot add anything else', () => {
    const { clients } = parseConfig(client('auth: { type: bearer, token: "${TOKEN}" }'), FILE, env);
    expect(clients.acme?.endpoints.disposition_update?.url).toBe('https://acme.example/v2/d');
    expect(clients.acme?.auth).toEqual({ type: 'bearer', token: 'a:[b' });
  });

  test('is not looked at twice', () => {
    const { clients } = parseConfig(client('auth: { type: bearer, token: "${TOKEN}" }'), FILE, {
      ...env,
      TOKEN: '${HOST}',
    });
    expect(clients.acme?.auth).toEqual({ type: 'bearer', token: '${HOST}' });
  });

  test('is left alone by an escape, and by keys', () => {
    const text = client('auth: { type: bearer, token: "$${TOKEN}$$-$5" }, "${HOST}": 1');
    expect(problemsOf(text, env)).toEqual(['1 $.clients.acme["${HOST}"] is not a known setting']);
    const { clients } = parseConfig(text.replace(', "${HOST}": 1', ''), FILE, env);
    expect(clients.acme?.auth).toEqual({ type: 'bearer', token: '${TOKEN}$$-$5' });
  });

  test('that lacks a variable is a problem, and the only one at that place', () => {
    expect(problemsOf(client('tls: { ca: "${CA}" }'), {})).toEqual([
      '1 $.clients.acme.baseUrl needs the environment variable HOST, which is not set',
      '1 $.clients.acme.baseUrl needs the environment variable PATH_2, which is not set',
      '1 $.clients.acme.tls.ca needs the environment variable CA, which is not set',
    ]);
    expect(problemsOf(client('auth: { type: bearer, token: "${constructor}" }'), env)).toEqual([
      '1 $.clients.acme.auth.token needs the environment variable constructor, which is not set',
    ]);
  });

  test.each(['${}', '${a b}', '${A', '${1A}'])('%s names no variable', (reference) => {
    expect(clientProblems(`auth: { type: bearer, token: '${reference}' }`, { A: 'x' })).toEqual([
      'auth.token holds a ${…} that names no environment variable; a literal ${ is written as $${',
    ]);
  });
});

describe('a token service', () => {
  const auth = (settings: string) =>
    `auth: { type: token_service, url: "https://a.example/login", tokenPointer: /t, ${settings} }`;

  test('has defaults for all that it need not say', () => {
    const base = 'baseUrl: https://x.example, endpoints: { disposition_update: /d }';
    const { clients } = parseConfig(`clients: { acme: { ${base}, ${auth('')} } }`, FILE, {});
    expect(clients.acme?.auth).toMatchObject({
      method: 'POST',
      headers: {},
      expiresInSeconds: 3_600,
      header: 'Authorization',
      prefix: 'Bearer ',
    });
  });

  test.each([
    ['method: DELETE', 'auth.method must be one of POST, GET, PUT'],
    ['method: GET, body: { a: b }', 'auth.body cannot go with a GET'],
    ['body: text', 'auth.body must be a section or a list of what JSON has'],
    ['body: { a: [.nan] }', 'auth.body must be a section or a list of what JSON has'],
    ['headers: { Host: x }', "auth.headers.Host must not be Host: that header is Waybill's to write"],
    ['headers: { X-Y: "" }', 'auth.headers["X-Y"] must not be empty'],
    ['expiresInPointer: ttl', /^auth\.expiresInPointer must be a JSON pointer/],
    ['expiresInPointer: /a~2', /^auth\.expiresInPointer must be a JSON pointer/],
    ['header: Content-Type', /^auth\.header must not be Content-Type/],
    ['prefix: "a\\nb"', /^auth\.prefix must hold only characters that an HTTP header can carry/],
  ])('with %s is a problem', (settings, problem) => {
    expect(clientProblems(auth(settings))).toEqual([
      typeof problem === 'string' ? problem : expect.stringMatching(problem),
    ]);
  });
});

describe('URLs', () => {
  test.each([
    ['https://x/api', '/d', 'https://x/api/d'],
    ['https://x/api/', '/d', 'https://x/api/d'],
    ['https://x', 'd', 'https://x/d'],
    ['https://x/', '/d?a=1&b=2', 'https://x/d?a=1&b=2'],
    ['http://127.0.0.1:8080', '/', 'http://127.0.0.1:8080/'],
    ['https://x/api', 'http://10.0.0.1/other', 'http://10.0.0.1/other'],
    ['HTTPS://X.Example/API', '/ä', 'https://x.example/API/%C3%A4'],
  ])('%s and %s make %s', (baseUrl, endpoint, url) => {
    const text = `clients: { a: { baseUrl: "${baseUrl}", endpoints: { disposition_update: "${endpoint}" } } }`;
    expect(parseConfig(text, FILE, {}).clients.a?.endpoints.disposition_update?.url).toBe(url);
  });

  test.each([
    ['x.example', 'must be an http: or https: URL'],
    ['https:x.example', 'must be an http: or https: URL'],
    ['https://', 'must be an http: or https: URL'],
    ['https://x:99999', 'must be an http: or https: URL'],
    [' https://x', 'must be an http: or https: URL'],
    ['https://x/ y', 'must not hold blanks or backslashes'],
    ['https://x/y\\nz', 'must not hold a line break'],
    ['https://x/y\\n', 'must not end in a line break'],
    ['https://x?a=1', 'must not have a query: paths are appended to it'],
    ['https://x/#top', 'must not have a fragment (#…): it is never sent'],
  ])('the base URL "%s" is refused', (baseUrl, message) => {
    const text = `clients: { a: { baseUrl: "${baseUrl}", endpoints: { disposition_update: /d } } }`;
    expect(problemsOf(text)).toEqual([`1 $.clients.a.baseUrl ${message}`]);
  });

  test.each([
    ['', 'must not be empty'],
    ['//other.example/d', 'must be a path such as /dispositions, or an http: or https: URL'],
    ['mailto:x@acme.example', 'must be an http: or https: URL'],
    ['https://u:p@x/d', 'must not hold credentials: they belong under auth'],
    ['/a b', 'must not hold blanks, line breaks or backslashes'],
  ])('the endpoint "%s" is refused', (endpoint, message) => {
    const text = `clients: { a: { baseUrl: "https://x", endpoints: { disposition_update: "${endpoint}" } } }`;
    expect(problemsOf(text)).toEqual([`1 $.clients.a.endpoints.disposition_update ${message}`]);
  });

  test('an endpoint without a path has the usual one of its event type', () => {
    const types = EVENT_TYPES.map(({ name }) => `${name}: { concurrency: 8 }`).join(', ');
    const text = `clients: { a: { baseUrl: "https://x/api", endpoints: { ${types} } } }`;
    const endpoints = Object.values(parseConfig(text, FILE, {}).clients.a?.endpoints ?? {});
    const urls = endpoints.map(({ type, url, concurrency }) => [type, url, concurrency]);
    expect(urls).toEqual(EVENT_TYPES.map(({ name, path }) => [name, `https://x/api${path}`, 8]));
    expect(urls).toContainEqual(['final_disposition', 'https://x/api/final_dispositions', 8]);
  });

  test.each([
    ['{ path: "ftp://x" }', '.path must be an http: or https: URL'],
    ['{ path: /d, concurrency: 0 }', '.concurrency must be at least 1, found 0'],
    ['{ path: /d, concurency: 8 }', '.concurency is not a known setting: did you mean "concurrency"?'],
    ['{ path: /d, retry: { retries: 21 } }', '.retry.retries must be at most 20, found 21'],
    ['8080', ' must be text or a section of settings, found a number'],
    ['[/d]', ' must be text or a section of settings, found a list'],
  ])('the endpoint %s is refused with its place', (endpoint, problem) => {
    const text = `clients: { a: { baseUrl: "https://x", endpoints: { disposition_update: ${endpoint} } } }`;
    expect(problemsOf(text)).toEqual([`1 $.clients.a.endpoints.disposition_update${problem}`]);
  });
});
