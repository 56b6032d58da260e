import { expect, test } from 'vitest';
import { ConfigError } from '../../src/config/config-error.ts';
import type { Config } from '../../src/config/config-schema.ts';
import { configTemplate } from '../../src/config/config-template.ts';
import { parseConfig } from '../../src/config/load-config.ts';
import { seededRandom } from '../../src/core/random.ts';
import { FILE } from '../support/config-problems.ts';
import { SEED, TIMEOUT_MS, TIMES } from './support/fuzz-runs.ts';
import { pick, plainValue, type Random } from './support/odd-values.ts';
import { expectReadable } from './support/readable.ts';

const MANY = Number.MAX_SAFE_INTEGER;
const ENV = { ACME_CLIENT_SECRET: 's3cret', NAME: 'value', EMPTY: '', ODD: '\u0000\ud800\n${NAME}' };

/** Every setting that there is, with a value of it. */
const WHOLE = {
  redis: { url: 'redis://localhost:6379' },
  dataDir: './data',
  deadLetters: { keepDays: 30 },
  keepDeliveredHours: 24,
  shutdownGraceMs: 10_000,
  clients: {
    acme: {
      baseUrl: 'https://returns.acme.example',
      endpoints: { disposition_update: '/dispositions', inventory_receipt: '/inventory_receipt' },
      auth: {
        type: 'oauth2',
        tokenUrl: 'https://auth.acme.example/oauth/token',
        clientId: 'waybill',
        clientSecret: '${ACME_CLIENT_SECRET}',
        scope: 'read write',
        style: 'json',
      },
      concurrency: 32,
      ratePerSecond: 200,
      timeoutMs: 15_000,
      retry: { retries: 5, baseDelayMs: 15_000, factor: 5, maxDelayMs: 14_400_000, jitter: 0.1 },
      batchSize: 50,
      allowPrivateNetwork: false,
      tls: {},
      contact: { name: 'Tech support', email: 'tech@acme.example' },
    },
    basic: client({ type: 'basic', username: 'user', password: 'pass' }),
    bearer: client({ type: 'bearer', token: 'token' }),
    key: client({ type: 'api_key', header: 'X-Api-Key', key: 'key' }),
  },
};

function client(auth: object): object {
  return { baseUrl: 'https://acme.example', endpoints: { disposition_update: '/d' }, auth };
}

/** Loads it; anything but a Config or a ConfigError with readable problems fails the test. */
function load(text: string): Config | undefined {
  let config: Config;
  try {
    config = parseConfig(text, FILE, ENV);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expectReadable(error.problems, MANY);
    if (error.message.length > 200_000) expect.fail(`a message of ${error.message.length} characters`);
    return undefined;
  }
  if (!Object.isFrozen(config.clients) || Object.keys(config.clients).length === 0) expect.fail('no Config');
  return config;
}

function expectNoPollution(): void {
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
}

type Tree = { [key: string]: unknown };

/** The places of all settings and sections, as the keys that lead there. */
function placesIn(tree: unknown, keys: readonly string[] = []): (readonly string[])[] {
  if (typeof tree !== 'object' || tree === null) return [keys];
  return [keys, ...Object.entries(tree).flatMap(([key, value]) => placesIn(value, [...keys, key]))];
}

function changed(keys: readonly string[], value: unknown): string {
  const copy = structuredClone(WHOLE) as Tree;
  const last = keys.at(-1);
  if (last === undefined) return JSON.stringify(value);
  let section = copy;
  for (const key of keys.slice(0, -1)) section = section[key] as Tree;
  section[last] = value;
  return JSON.stringify(copy);
}

const WRONG: readonly unknown[] = [
  null,
  true,
  false,
  '',
  ' ',
  'text',
  '\u0000',
  '\ud800',
  'a\nb',
  '${NAME}',
  '${EMPTY}',
  '${ODD}',
  '${MISSING}',
  '${',
  '${}',
  '$${NAME}',
  '${NAME}'.repeat(100),
  0,
  -0,
  -1,
  0.5,
  1e308,
  2 ** 53,
  2 ** 53 + 2,
  [],
  [1],
  ['text'],
  {},
  { a: 1 },
  { type: 'none' },
  { type: ['none'] },
  { type: null },
  { url: 1 },
  [[[]]],
  'x'.repeat(10_000),
  '__proto__',
  'constructor',
  JSON.parse('{"__proto__":{"polluted":1}}'),
  { constructor: { prototype: 1 } },
  { ['k'.repeat(2_000)]: 1 },
  { '\u001b[2J': 1 },
  'https://[::1',
  'https://x:99999',
  'http://\u0000',
  'redis://',
  '//x',
  '/\\',
  'https://%zz',
];

test('every setting with every wrong value', { timeout: TIMEOUT_MS }, () => {
  const tls = ['ca', 'cert', 'key'].map((file) => ['clients', 'acme', 'tls', file]);
  const counts = { loaded: 0, refused: 0 };
  for (const place of [...placesIn(WHOLE), ...tls]) {
    for (const value of WRONG) counts[load(changed(place, value)) === undefined ? 'refused' : 'loaded'] += 1;
  }
  expect(load(JSON.stringify(WHOLE))).toBeDefined();
  // Any text is a password.
  expect(counts.loaded).toBeGreaterThan(50);
  expect(counts.refused).toBeGreaterThan(4 * counts.loaded);
  expectNoPollution();
});

const SCRAPS: readonly string[] = [
  ':',
  '- ',
  '? ',
  '{',
  '}',
  '[',
  ']',
  ',',
  '"',
  "'",
  '|',
  '>',
  '&a ',
  '*a',
  '!',
  '!!map ',
  '!!binary ',
  '!<x> ',
  '%YAML 1.1\n',
  '---\n',
  '...\n',
  '#',
  '\t',
  '\n\t',
  '\r',
  '\n',
  '  ',
  '<<: *a\n',
  '@',
  '`',
  'null',
  '-.inf',
  '.nan',
  '0x1F',
  '0o17',
  '1_000',
  '1e400',
  '99999999999999999999',
  '\u0000',
  '\u0085',
  '\u2028',
  '\ufeff',
  '\ud800',
  '\u001b',
  '${NAME}',
  '${',
  '$${',
  '__proto__: 1\n',
  'constructor: { a: 1 }\n',
  'toString: 1\n',
  'a: &a [*a]\n',
  '[['.repeat(30),
  '{a: '.repeat(30),
  '- '.repeat(30),
  'é',
  '\\',
  '\\x',
  'clients:\n',
];

function damaged(text: string, random: Random): string {
  let result = text;
  for (let cut = Math.floor(random() * 4); cut >= 0; cut--) {
    const at = Math.floor(random() * (result.length + 1));
    const skip = random() < 0.5 ? 0 : Math.floor(random() ** 2 * 100);
    result = result.slice(0, at) + (random() < 0.8 ? pick(SCRAPS, random) : '') + result.slice(at + skip);
  }
  return result;
}

test('files that are damaged anywhere', { timeout: TIMEOUT_MS }, () => {
  const random = seededRandom(SEED);
  const template = configTemplate();
  const loaded = { yes: 0, no: 0 };
  for (let n = 0; n < 2_000 * TIMES; n++) {
    const config = load(damaged(template, random));
    loaded[config === undefined ? 'no' : 'yes'] += 1;
  }
  expect(Math.min(loaded.yes, loaded.no)).toBeGreaterThan(200);
  expectNoPollution();
});

test('bytes of all kinds, and trees of all shapes', { timeout: TIMEOUT_MS }, () => {
  const random = seededRandom(SEED + 1);
  for (let n = 0; n < 400 * TIMES; n++) {
    const bytes = Buffer.from(Array.from({ length: 200 }, () => Math.floor(random() * 256)));
    load(bytes.toString(pick(['latin1', 'utf8', 'utf16le'], random)));
    load(Array.from({ length: 30 }, () => pick(SCRAPS, random)).join(''));
    const clients = { acme: plainValue(random), beta: { auth: plainValue(random), tls: plainValue(random) } };
    load(
      JSON.stringify({ clients: random() < 0.5 ? clients : plainValue(random), redis: plainValue(random) }),
    );
  }
  expectNoPollution();
});
