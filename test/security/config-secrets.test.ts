import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ConfigError } from '../../src/config/config-error.ts';
import { parseConfig } from '../../src/config/load-config.ts';
import { clientProblems, FILE, MINIMAL, problemsOf } from '../support/config-problems.ts';

/** Every setting there is, as what stands in the file for it. */
const FULL: Readonly<Record<string, unknown>> = {
  redis: { url: 'redis://localhost' },
  dataDir: '.waybill',
  deadLetters: { keepDays: 30 },
  shutdownGraceMs: 10_000,
  incidents: {
    notify: [
      {
        format: 'pagerduty',
        url: 'https://hooks.acme.example/x',
        headers: { 'X-Api-Key': 'key' },
        routingKey: 'key',
        timeoutMs: 10_000,
        allowPrivateNetwork: false,
      },
    ],
    lookEveryMs: 5_000,
  },
  smtp: {
    host: 'mail.acme.example',
    port: 587,
    secure: false,
    user: 'waybill',
    password: 'secret',
    from: 'Acme <waybill@acme.example>',
    timeoutMs: 30_000,
  },
  defaults: {
    headers: { 'X-All': 'a' },
    timeoutMs: 5_000,
    tls: { ca: 'ca.pem' },
  },
  clients: {
    acme: {
      baseUrl: 'https://returns.acme.example',
      endpoints: { disposition_update: '/d', inventory_receipt: 'https://returns.acme.example/r' },
      auth: {
        type: 'oauth2',
        tokenUrl: 'https://auth.acme.example/oauth/token',
        clientId: 'waybill',
        clientSecret: 'secret',
        scope: 'read',
        style: 'json',
        parameters: { audience: 'https://returns.acme.example' },
        token: 'of bearer',
        username: 'of basic',
        password: 'of basic',
        header: 'of api_key',
        key: 'of api_key',
        url: 'https://auth.acme.example/login',
        method: 'PUT',
        headers: { 'X-Tenant': 'of token_service' },
        body: { user: 'waybill', rights: ['of token_service'] },
        tokenPointer: '/data/token',
        expiresInPointer: '/data/ttl',
        expiresInSeconds: 600,
        prefix: 'Bearer ',
      },
      headers: { 'X-Tenant': 'returns', 'Content-Type': 'application/json' },
      concurrency: 32,
      ratePerSecond: 200,
      timeoutMs: 15_000,
      retry: { retries: 5, baseDelayMs: 15_000, factor: 5, maxDelayMs: 60_000, jitter: 0.1 },
      batchSize: 50,
      allowPrivateNetwork: false,
      tls: { ca: 'ca.pem', cert: 'cert.pem', key: 'key.pem' },
      proxy: 'http://proxy.internal:3128',
      contact: { name: 'Tech support', email: 'tech@acme.example', notify: true },
    },
  },
};
const AUTH_TYPES = ['none', 'bearer', 'basic', 'api_key', 'oauth2', 'token_service'];

/** What a variable may hold by mistake. */
const VALUES = [
  'marked-secret',
  'marked\nsecret',
  ' marked:secret\t\u0000',
  'https://user:marked@acme.example#marked',
  'https://marked@acme.example/marked secret\\',
  '//marked',
  'redis://:marked/secret@localhost',
  'redis://marked/secret@localhost',
  'redis://:marked%zz@localhost',
  '-----BEGIN PRIVATE KEY-----\nmarked\n-----END PRIVATE KEY-----\n',
  'bWFya2VkmarkedbWFya2Vk'.repeat(40),
  'märked marked',
];

/** A file for each value, by the value. */
const FILES = new Map<string, string>();
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'waybill-secrets-'));
  for (const [index, value] of VALUES.entries()) {
    const file = join(directory, `secret-${index}`);
    writeFileSync(file, value);
    FILES.set(value, file);
  }
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The paths of all settings that are no sections. */
function leavesOf(node: unknown, path: readonly string[] = []): string[][] {
  if (typeof node !== 'object' || node === null) return [[...path]];
  return Object.entries(node).flatMap(([key, value]) => leavesOf(value, [...path, key]));
}

function withSetting(node: unknown, [key, ...rest]: readonly string[], value: string): unknown {
  if (key === undefined) return value;
  if (Array.isArray(node)) return node.with(Number(key), withSetting(node[Number(key)], rest, value));
  const section = node as Record<string, unknown>;
  return { ...section, [key]: withSetting(section[key], rest, value) };
}

/** All that can be read from the error that this text is refused with; empty where it is none. */
function refusalOf(text: string, value: string): string {
  try {
    parseConfig(text, FILE, { SECRET: value });
    return '';
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return `${inspect(error, { depth: 10 })} ${JSON.stringify((error as ConfigError).problems)}`;
  }
}

test.each(leavesOf(FULL).map((path) => ({ path, name: path.join('.') })))(
  'no value from the environment or a file is repeated in what is wrong with $name',
  ({ path }) => {
    for (const type of path.includes('auth') ? AUTH_TYPES : ['oauth2']) {
      const typed = withSetting(FULL, ['clients', 'acme', 'auth', 'type'], type);
      for (const written of [
        '${SECRET}',
        'https://x.example/${SECRET}',
        'https://x:${SECRET}@x.example',
        'x${SECRET}',
      ]) {
        const text = JSON.stringify(withSetting(typed, path, written));
        for (const value of VALUES) {
          expect(refusalOf(text, value)).not.toMatch(/m.rked/);
          const fromFile = text.replace('${SECRET}', `\${file:${FILES.get(value)}}`);
          expect(refusalOf(fromFile, value)).not.toMatch(/m.rked/);
        }
      }
    }
  },
);

test('a TLS file named with a variable is told as it was written', () => {
  expect(clientProblems('tls: { ca: "${NAME}/ca.pem" }', { NAME: 'marked' })).toEqual([
    'tls.ca names a file that cannot be read (ENOENT): ${NAME}/ca.pem',
  ]);
});

test.each(['-----BEGIN PRIVATE KEY-----marked', 'MIIEvQmarked'.repeat(30)])(
  'a key in the place of its file’s name is not repeated: %.20s',
  (key) => {
    expect(clientProblems(`tls: { ca: "${key}" }`)).toEqual([
      'tls.ca must be the name of a file, not what stands in it',
    ]);
  },
);

test.each([
  ['redis://marked/secret@localhost', false],
  ['redis://user:12#34@localhost', false],
  ['redis://user:12?34@localhost', false],
  ['redis://:12%zz@localhost', false],
  ['redis://user:12%2F34%40%23@localhost:6379/0', true],
])('a Redis URL whose password would be taken for something else: %s', (url, isValid) => {
  const text = `redis: { url: "${url}" }\n${MINIMAL}`;
  if (isValid) expect(parseConfig(text, FILE, {}).redis?.url).toBe(url);
  else {
    expect(problemsOf(text)).toEqual([
      '1 $.redis.url must have each / ? # % and @ in its user and password percent-encoded',
    ]);
  }
});
