import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';
import { clientProblems, FILE, MINIMAL, problemsOf, withClient } from '../support/config-problems.ts';

/** Each credential of a client, as a setting that holds the variable `VALUE`. */
const CREDENTIALS: readonly (readonly [place: string, settings: string])[] = [
  ['auth.token', 'auth: { type: bearer, token: "${VALUE}" }'],
  ['auth.username', 'auth: { type: basic, username: "${VALUE}", password: p }'],
  ['auth.password', 'auth: { type: basic, username: u, password: "${VALUE}" }'],
  ['auth.key', 'auth: { type: api_key, header: X-Key, key: "${VALUE}" }'],
  ['auth.clientId', oauth2('clientId: "${VALUE}", clientSecret: s')],
  ['auth.clientSecret', oauth2('clientId: c, clientSecret: "${VALUE}"')],
  ['auth.scope', oauth2('clientId: c, clientSecret: s, scope: "${VALUE}"')],
  ['auth.headers["X-Key"]', tokenService('headers: { X-Key: "${VALUE}" }')],
];

function oauth2(settings: string): string {
  return `auth: { type: oauth2, tokenUrl: "https://a.example/token", ${settings} }`;
}

function tokenService(settings: string): string {
  return `auth: { type: token_service, url: "https://a.example/login", tokenPointer: /t, ${settings} }`;
}

test.each(CREDENTIALS)(
  'a line break in %s is refused, and the variable that holds it is named',
  (place, settings) => {
    const origin = '(the environment variable VALUE holds it)';
    for (const end of ['\n', '\r\n', '\r', '\n\n']) {
      expect(clientProblems(settings, { VALUE: `s3cret${end}` })).toEqual([
        `${place} must not end in a line break ${origin}`,
      ]);
    }
    for (const value of ['s3\ncret', '\ns3cret', 's3\rcret']) {
      expect(clientProblems(settings, { VALUE: value })).toEqual([
        `${place} must not hold a line break ${origin}`,
      ]);
    }
  },
);

test.each(CREDENTIALS)('a line break that is written in %s is refused', (place, settings) => {
  expect(clientProblems(settings.replace('${VALUE}', 's3cret\\n'))).toEqual([
    `${place} must not end in a line break`,
  ]);
  const withVariable = settings.replace('${VALUE}', '${VALUE}\\n');
  expect(clientProblems(withVariable, { VALUE: 's3cret' })).toEqual([
    `${place} must not end in a line break`,
  ]);
});

test('of several variables those are named that hold a line break', () => {
  const auth = oauth2('clientId: c, clientSecret: "${A}${B}${C}${A}"');
  expect(clientProblems(auth, { A: 'a\n', B: 'b', C: '\rc' })).toEqual([
    'auth.clientSecret must not hold a line break (the environment variable A and the environment variable C hold it)',
  ]);
});

test.each([
  ['$.redis.url', 'redis: { url: "${VALUE}" }', 'redis://:s3cret@localhost\n'],
  ['$.http.keys[0].sha256', `http: { keys: [{ name: n, sha256: "\${VALUE}", scopes: [submit] }] }`, 'ab\n'],
  ['$.http.keys[0].name', 'http: { keys: [{ name: "${VALUE}", scopes: [submit] }] }', 'name\n'],
  ['$.incidents.notify[0].routingKey', notify('format: pagerduty, routingKey: "${VALUE}"'), 'key\n'],
  [
    '$.incidents.notify[0].headers.X',
    notify('format: json, url: "https://x", headers: { X: "${VALUE}" }'),
    'k\n',
  ],
])('a line break in %s is refused', (place, settings, value) => {
  expect(problemsOf(`${settings}\n${MINIMAL}`, { VALUE: value })).toContain(
    `1 ${place} must not end in a line break (the environment variable VALUE holds it)`,
  );
});

function notify(channel: string): string {
  return `incidents: { notify: [{ ${channel} }] }`;
}

test('a text in the body of a token service may have a line break inside, and at its end if that is written', () => {
  const body = tokenService('body: { key: "${VALUE}", text: "${VALUE}\\n", list: ["a\\n"] }');
  const { clients } = parseConfig(withClient(body), FILE, { VALUE: 'one\ntwo' });
  expect(clients.acme?.auth).toMatchObject({
    body: { key: 'one\ntwo', text: 'one\ntwo\n', list: ['a\n'] },
  });
});

test('a text in the body of a token service that ends in a line break from a variable is refused', () => {
  const body = tokenService('body: { user: "${VALUE}x", list: ["${VALUE}", { password: "x${VALUE}" }] }');
  expect(clientProblems(body, { VALUE: 's3cret\n' })).toEqual([
    'auth.body.list[0] must not end in a line break (the environment variable VALUE holds it) (affects 2 places)',
  ]);
});
