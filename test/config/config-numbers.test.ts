import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';
import { clientProblems, FILE, MINIMAL, problemsOf, withClient } from '../support/config-problems.ts';

const TEXT_DUE = 'must be text, found a number: put it in quotes';
const DIGITS = 'is a number that loses digits: put it in quotes if it is text, shorten it if not';
const SPELLING =
  'is a number that is sent in another spelling: put it in quotes if it is text, spell it like 1000 or 0.5 if not';

function tokenService(settings: string): string {
  return `auth: { type: token_service, url: "https://a.example/login", tokenPointer: /t, ${settings} }`;
}

describe('a number in the place of a text', () => {
  const written = ['0123', '12345678901234567890', '1e3', '1.0', '0x1F', '0o17', '+5', '-0', '7'];
  test.each(written)('%s is refused', (number) => {
    const oauth2 = `type: oauth2, tokenUrl: "https://a.example/t", clientId: ${number}, clientSecret: ${number}`;
    expect(clientProblems(`auth: { ${oauth2} }`)).toEqual([
      `auth.clientId ${TEXT_DUE}`,
      `auth.clientSecret ${TEXT_DUE}`,
    ]);
    expect(clientProblems(tokenService(`headers: { X-Tenant: ${number} }`))).toEqual([
      `auth.headers["X-Tenant"] ${TEXT_DUE}`,
    ]);
    expect(clientProblems(`auth: { type: basic, username: u, password: ${number} }`)).toEqual([
      `auth.password ${TEXT_DUE}`,
    ]);
  });

  test.each(['0123', '1e3', '12_000'])('%s in quotes is text', (text) => {
    const auth = `auth: { type: basic, username: '${text}', password: !!str ${text} }`;
    expect(parseConfig(withClient(auth), FILE, {}).clients.acme?.auth).toMatchObject({
      username: text,
      password: text,
    });
  });
});

describe('a number in the body of a token service', () => {
  test.each([
    ['0123', DIGITS],
    ['12345678901234567890', DIGITS],
    ['0.12345678901234567890', DIGITS],
    ['1e3', SPELLING],
    ['1.0', SPELLING],
    ['0x1F', SPELLING],
    ['0o17', SPELLING],
    ['+5', SPELLING],
    ['-0', SPELLING],
  ])('%s is refused', (number, problem) => {
    expect(clientProblems(tokenService(`body: { user: { pin: ${number} }, list: [${number}] }`))).toEqual([
      `auth.body.user.pin ${problem}`,
      `auth.body.list[0] ${problem}`,
    ]);
  });

  test('is sent as it is written if JSON spells it so', () => {
    const body = 'body: { a: 0, b: -17, c: 0.5, d: 9007199254740991, e: "0123", f: x_1 }';
    const { clients } = parseConfig(withClient(tokenService(body)), FILE, {});
    expect(clients.acme?.auth).toMatchObject({
      body: { a: 0, b: -17, c: 0.5, d: 9_007_199_254_740_991, e: '0123', f: 'x_1' },
    });
  });

  test('that came by an alias is told once', () => {
    expect(clientProblems(tokenService('body: { a: &pin 0123, b: *pin }'))).toEqual([
      `auth.body.a ${DIGITS} (affects 2 places)`,
    ]);
  });
});

describe('a number in the place of a number', () => {
  test.each([
    ['concurrency', '2.0', 2],
    ['timeoutMs', '1e3', 1_000],
    ['timeoutMs', '0x3E8', 1_000],
    ['batchSize', '+5', 5],
    ['ratePerSecond', '1.50', 1.5],
  ] as const)('%s may be %s', (setting, written, value) => {
    const { clients } = parseConfig(withClient(`${setting}: ${written}`), FILE, {});
    expect(clients.acme?.[setting]).toBe(value);
  });

  test('is refused if it loses digits', () => {
    expect(clientProblems('concurrency: 010')).toEqual([`concurrency ${DIGITS}`]);
    expect(clientProblems('ratePerSecond: 0.12345678901234567890')).toEqual([`ratePerSecond ${DIGITS}`]);
    expect(problemsOf(`deadLetters: { keepDays: 007 }\n${MINIMAL}`)).toEqual([
      `1 $.deadLetters.keepDays ${DIGITS}`,
    ]);
  });

  test('that is out of its range is no other problem', () => {
    expect(clientProblems('concurrency: 12345678901234567890').join()).not.toContain('loses digits');
  });
});

test('no sentence repeats a number that may be a secret', () => {
  for (const number of ['0777333', '77733377733377733377', '777333.0']) {
    const bodies = [tokenService(`body: { pin: ${number} }`), `auth: { type: bearer, token: ${number} }`];
    for (const settings of bodies) expect(clientProblems(settings).join()).not.toMatch(/777/);
  }
});

test('an object for createProducer keeps its numbers, since JSON spells them', () => {
  const body = { large: 2 ** 60, small: 1e-9, huge: 1e30 };
  const auth = { type: 'token_service', url: 'https://a.example/login', tokenPointer: '/t', body };
  const acme = { baseUrl: 'https://x.example', endpoints: { disposition_update: '/d' }, auth };
  const { clients } = parseConfig(JSON.stringify({ clients: { acme } }), FILE, {});
  expect(clients.acme?.auth).toMatchObject({ body });
});
