import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { configSchema } from '../../src/config/config-schema.ts';
import { configTemplate } from '../../src/config/config-template.ts';
import { loadConfig, parseConfig } from '../../src/config/load-config.ts';
import { errorOf, FILE, MINIMAL, problemsOf } from '../support/config-problems.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'waybill-config-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('a configuration that is complete', () => {
  test('the least that is needed gets all defaults', () => {
    const config = parseConfig(MINIMAL, FILE, {});
    expect(config).toMatchObject({
      file: FILE,
      directory: '/srv/acme',
      dataDir: '/srv/acme/.waybill',
      deadLetters: {},
      keepDeliveredHours: 24,
      shutdownGraceMs: 10_000,
    });
    expect(config.redis).toBeUndefined();
    expect(config.clients.acme).toEqual({
      name: 'acme',
      baseUrl: 'https://returns.acme.example/api/',
      endpoints: {
        disposition_update: {
          client: 'acme',
          type: 'disposition_update',
          url: 'https://returns.acme.example/api/dispositions',
          concurrency: 32,
          timeoutMs: 15_000,
          pace: { mode: 'adaptive', holdMs: 11_715_000, minPerSecond: 0 },
          retry: { retries: 5, baseDelayMs: 15_000, factor: 5, maxDelayMs: 14_400_000, jitter: 0.1 },
        },
      },
      auth: { type: 'none' },
      concurrency: 32,
      timeoutMs: 15_000,
      connectionMaxAgeMs: 30_000,
      pace: { mode: 'adaptive', minPerSecond: 0 },
      retry: { retries: 5, baseDelayMs: 15_000, factor: 5, maxDelayMs: 14_400_000, jitter: 0.1 },
      batchSize: 50,
      allowPrivateNetwork: false,
    });
  });

  test('what init writes loads once its secret is set, and says the defaults', () => {
    expect(problemsOf(configTemplate())).toEqual([
      expect.stringMatching(
        /clientSecret needs the environment variable ACME_CLIENT_SECRET, which is not set$/,
      ),
    ]);
    const { clients } = parseConfig(configTemplate(), FILE, { ACME_CLIENT_SECRET: 'secret' });
    expect(clients.acme?.auth).toMatchObject({ type: 'oauth2', clientSecret: 'secret', style: 'form' });
    const defaults = parseConfig(MINIMAL, FILE, {}).clients.acme;
    for (const key of ['concurrency', 'timeoutMs', 'retry', 'batchSize', 'allowPrivateNetwork'] as const) {
      expect(clients.acme?.[key]).toEqual(defaults?.[key]);
    }
  });

  test('what init writes mentions every setting, and each that it shows as optional is valid', () => {
    const shown = configTemplate()
      .replace(/^( *)# ((?:redis|dataDir|scope|ratePerSecond|maxAgeHours):)/gm, '$1$2')
      .replace(/^# {3}(url:)/m, '  $1');
    const config = parseConfig(shown, FILE, { ACME_CLIENT_SECRET: 'secret' });
    expect(config.redis?.url).toBe('redis://localhost:6379');
    expect(config.clients.acme).toMatchObject({
      ratePerSecond: 200,
      maxAgeHours: 72,
      auth: { scope: 'read write' },
    });
    for (const word of ['ca:', 'cert:', 'key:', 'type: bearer', 'type: basic', 'type: api_key']) {
      expect(configTemplate()).toContain(word);
    }
  });

  test('every setting of the schema stands in the template that init writes', () => {
    const settings = settingsOf(z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }));
    expect(settings.size).toBeGreaterThan(50);
    const template = configTemplate();
    const missing = [...settings].filter((name) => !new RegExp(`\\b${name}:`).test(template));
    expect(missing).toEqual([]);
  });

  test('is frozen to the last leaf', () => {
    const { clients, deadLetters } = parseConfig(MINIMAL, FILE, {});
    const parts = [
      clients,
      deadLetters,
      clients.acme,
      clients.acme?.retry,
      clients.acme?.endpoints.disposition_update,
    ];
    for (const part of [...parts, clients.acme?.endpoints, clients.acme?.auth]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
    expect(() => Object.assign(clients, { other: {} })).toThrow(TypeError);
  });

  test('a name that no client has finds nothing', () => {
    const { clients } = parseConfig(MINIMAL, FILE, {});
    expect(clients.constructor).toBeUndefined();
    expect(clients.acme?.endpoints.toString).toBeUndefined();
  });

  test('the data directory is relative to the file', () => {
    expect(parseConfig(`dataDir: ../state\n${MINIMAL}`, FILE, {}).dataDir).toBe('/srv/state');
    expect(parseConfig(`dataDir: /var/waybill\n${MINIMAL}`, FILE, {}).dataDir).toBe('/var/waybill');
  });

  test('an endpoint may have settings of its own; what it leaves out is the client’s', () => {
    const text = `
clients:
  acme:
    baseUrl: https://acme.example
    endpoints:
      disposition_update: /d
      inventory_receipt:
        { path: https://other.example/r, concurrency: 8, timeoutMs: 5000, ratePerSecond: 2, retry: { retries: 1 }, pace: fixed, maxAgeHours: 0.5 }
    ratePerSecond: 20
    maxAgeHours: 72
    retry: { factor: 2 }
`;
    const endpoints = parseConfig(text, FILE, {}).clients.acme?.endpoints;
    const retry = { retries: 5, baseDelayMs: 15_000, factor: 2, maxDelayMs: 14_400_000, jitter: 0.1 };
    expect(endpoints).toEqual({
      disposition_update: {
        ...{ client: 'acme', type: 'disposition_update', url: 'https://acme.example/d' },
        ...{
          concurrency: 32,
          timeoutMs: 15_000,
          retry,
          pace: { mode: 'adaptive', holdMs: 465_000, minPerSecond: 0 },
        },
        maxAgeHours: 72,
      },
      inventory_receipt: {
        ...{ client: 'acme', type: 'inventory_receipt', url: 'https://other.example/r' },
        ...{ concurrency: 8, timeoutMs: 5_000, ratePerSecond: 2, retry: { ...retry, retries: 1 } },
        pace: { mode: 'fixed', holdMs: 120_000, minPerSecond: 0 },
        maxAgeHours: 0.5,
      },
    });
    expect(Object.isFrozen(endpoints?.inventory_receipt)).toBe(true);
  });

  test('events have no greatest age unless the client gives one; an endpoint may have its own', () => {
    const agesOf = (client: string, receipts: string) => {
      const endpoints = `endpoints: { disposition_update: /d, inventory_receipt: { path: /r, ${receipts} } }`;
      const text = `clients:\n  acme: { baseUrl: "https://acme.example", ${client} ${endpoints} }\n`;
      const { acme } = parseConfig(text, FILE, {}).clients;
      return Object.values(acme?.endpoints ?? {}).map(({ maxAgeHours }) => maxAgeHours);
    };
    expect(agesOf('', '')).toEqual([undefined, undefined]);
    expect(agesOf('maxAgeHours: 72,', '')).toEqual([72, 72]);
    expect(agesOf('maxAgeHours: 72,', 'maxAgeHours: 0.5')).toEqual([72, 0.5]);
    expect(agesOf('', 'maxAgeHours: 8760')).toEqual([undefined, 8_760]);
  });

  test.each(['0', '-1', '8761', '72h', 'null', '.inf'])('maxAgeHours: %s is a problem', (value) => {
    expect(problemsOf(`${MINIMAL}    maxAgeHours: ${value}\n`)).toEqual([
      expect.stringMatching(/^7 \$\.clients\.acme\.maxAgeHours must be /),
    ]);
  });

  test('a section may be an alias of another', () => {
    const text = `
clients:
  acme:
    baseUrl: https://acme.example
    endpoints: &endpoints { disposition_update: /d, inventory_receipt: https://other.example/r?x=1 }
    retry: &retry { retries: 2 }
  beta: { baseUrl: "https://beta.example:8443", endpoints: *endpoints, retry: *retry }
`;
    const { clients } = parseConfig(text, FILE, {});
    expect(clients.beta?.retry).toMatchObject({ retries: 2, factor: 5 });
    const urls = Object.values(clients.beta?.endpoints ?? {}).map(({ url }) => url);
    expect(urls).toEqual(['https://beta.example:8443/d', 'https://other.example/r?x=1']);
  });
});

describe('files', () => {
  const withTls = (tls: string) => `${MINIMAL}    tls: { ${tls} }\n`;

  test('a configuration is read from its file, TLS material relative to it', async () => {
    const { cert, private: key } = await generate([{ name: 'commonName', value: 'waybill' }]);
    writeFileSync(join(directory, 'cert.pem'), cert);
    writeFileSync(join(directory, 'key.pem'), key);
    const file = join(directory, 'waybill.yaml');
    writeFileSync(file, withTls('ca: ./cert.pem, cert: cert.pem, key: "${DIR}/key.pem"'));
    const config = loadConfig(file, { DIR: directory });
    expect(config.clients.acme?.tlsMaterial).toEqual({ ca: cert, cert, key, minVersion: '1.2' });
    expect(Object.isFrozen(config.clients.acme?.tlsMaterial)).toBe(true);
    expect(config).toMatchObject({ file, directory, dataDir: join(directory, '.waybill') });
  });

  test('a key that does not fit its certificate is a problem', async () => {
    const one = await generate([{ name: 'commonName', value: 'one' }]);
    const other = await generate([{ name: 'commonName', value: 'other' }]);
    writeFileSync(join(directory, 'one.pem'), one.cert);
    writeFileSync(join(directory, 'other-key.pem'), other.private);
    const file = join(directory, 'mismatch.yaml');
    expect(problemsOf(withTls('cert: one.pem, key: other-key.pem'), {}, file)).toEqual([
      expect.stringMatching(/^7 \$\.clients\.acme\.tls holds certificates or a key that cannot be used/),
    ]);
  });

  test('a TLS file that is missing, none, or alone is a problem', () => {
    writeFileSync(join(directory, 'no.pem'), 'nothing');
    const file = join(directory, 'broken.yaml');
    expect(problemsOf(withTls('ca: no.pem, cert: gone.pem'), {}, file)).toEqual([
      `7 $.clients.acme.tls.ca names a file that is not in PEM form: ${join(directory, 'no.pem')}`,
      `7 $.clients.acme.tls.cert names a file that cannot be read (ENOENT): ${join(directory, 'gone.pem')}`,
      '7 $.clients.acme.tls.key is required if cert is given',
    ]);
  });

  test('a configuration file that is missing names the way to get one', () => {
    const file = join(directory, 'none.yaml');
    expect(errorOf(() => loadConfig(file, {})).message).toBe(
      `configuration file ${file} has a problem:\n  the file does not exist; "waybill init" writes one to begin with`,
    );
    expect(errorOf(() => loadConfig(directory, {})).message).toContain('cannot be read (EISDIR)');
  });
});

/** The names of all settings in a JSON Schema, those of sections within sections too. */
function settingsOf(node: unknown, found = new Set<string>()): ReadonlySet<string> {
  if (typeof node !== 'object' || node === null) return found;
  const { properties = {} } = node as { properties?: object };
  for (const name of Object.keys(properties)) found.add(name);
  for (const part of Object.values(node)) settingsOf(part, found);
  return found;
}
