import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/config/config-error.ts';
import { loadConfig, parseConfig } from '../../src/config/load-config.ts';
import { createProducer } from '../../src/index.ts';
import { errorOf, FILE, MINIMAL, problemsOf } from '../support/config-problems.ts';
import { testDirectory } from '../support/waybill-process.ts';

function manyClients(count: number, settings: string): string {
  const lines = Array.from({ length: count }, (_, n) => `  client-${n}: ${settings}`);
  return `clients:\n${lines.join('\n')}\n`;
}

test('a thousand clients load', () => {
  const settings = '{ baseUrl: "https://acme.example", endpoints: { disposition_update: /d } }';
  const { clients } = parseConfig(manyClients(1_000, settings), FILE, {});
  expect(Object.keys(clients)).toHaveLength(1_000);
  expect(clients['client-999']?.endpoints.disposition_update?.url).toBe('https://acme.example/d');
});

test('an error holds thousands of problems, and its text names the first hundred', () => {
  const { problems, message } = errorOf(() => parseConfig(manyClients(2_000, '7'), FILE, {}));
  expect(problems).toHaveLength(2_000);
  expect(problems.at(-1)).toMatchObject({ path: '$.clients["client-1999"]', line: 2_001 });
  expect(message.split('\n')).toHaveLength(102);
  expect(message).toMatch(/… and 1900 more$/);
});

test('one name twice among many is found', () => {
  const lines = Array.from({ length: 2_000 }, (_, n) => `  c${n}: 1`);
  lines.push('  c7: 1');
  expect(problemsOf(`clients:\n${lines.join('\n')}`)).toEqual([
    '2002 $ has the same key twice in one section',
  ]);
});

test('settings that clients share by an alias, with the line of the place that is wrong', () => {
  const text = `
clients:
  a: { baseUrl: "https://a.example", endpoints: &e { disposition_update: /d, other: /o } }
  b: { baseUrl: "https://b.example", endpoints: *e, concurrency: &c 0 }
  c:
    baseUrl: https://c.example
    endpoints: *e
    concurrency: *c
`;
  expect(problemsOf(text).map((problem) => problem.replace(/ (?:is|must).*\(/, ' ('))).toEqual([
    '3 $.clients.a.endpoints.other (affects 3 places)',
    '4 $.clients.b.concurrency (affects 2 places)',
  ]);
});

describe('a file', () => {
  test('over 1 MiB is refused', () => {
    const file = join(testDirectory(), 'waybill.yaml');
    writeFileSync(file, MINIMAL.padEnd(1024 * 1024 + 1, '\n'));
    expect(errorOf(() => loadConfig(file)).problems).toEqual([
      { path: '$', message: 'is larger than 1 MiB' },
    ]);
    writeFileSync(file, MINIMAL.padEnd(1024 * 1024, '\n'));
    expect(Object.keys(loadConfig(file, {}).clients)).toEqual(['acme']);
  });

  test('without an end is refused', { timeout: 60_000 }, () => {
    expect(errorOf(() => loadConfig('/dev/zero')).problems).toEqual([
      { path: '$', message: 'is larger than 1 MiB' },
    ]);
    const tls = 'tls: { ca: /dev/zero }';
    expect(problemsOf(`${MINIMAL}    ${tls}`)).toEqual([
      '7 $.clients.acme.tls.ca names a file that is larger than 4 MiB: /dev/zero',
    ]);
  });

  test('that is not UTF-8 is refused, since a secret in it would be another one', () => {
    const file = join(testDirectory(), 'waybill.yaml');
    writeFileSync(file, Buffer.from(`# caf\u00e9\n${MINIMAL}`, 'latin1'));
    expect(errorOf(() => loadConfig(file)).problems).toEqual([{ path: '$', message: 'is not valid UTF-8' }]);
  });

  test('that is a directory', () => {
    const directory = testDirectory();
    mkdirSync(join(directory, 'waybill.yaml'));
    expect(errorOf(() => loadConfig(join(directory, 'waybill.yaml'))).problems).toEqual([
      { path: '$', message: 'cannot be read (EISDIR)' },
    ]);
  });
});

test('the path of a TLS file is shown without what could steer a terminal, and cut off', () => {
  const [problem = ''] = problemsOf(`${MINIMAL}    tls: { ca: "\\e[2J${'xxx/'.repeat(2_500)}" }`);
  expect(problem).toContain('/srv/acme/\\u001b[2Jxxx/');
  expect(problem.length).toBeLessThan(500);
});

describe('an object for createProducer', () => {
  const cyclic: Record<string, unknown> = {};
  cyclic.clients = cyclic;
  test.each([
    [cyclic],
    [{ clients: 10n }],
    [null],
    [undefined],
    [7],
    [[]],
    [Symbol('config')],
    [() => {}],
    [{ file: 'waybill.yaml', clients: {} }],
  ])('that is none is a ConfigError (%#)', async (config) => {
    const error = await createProducer(config as never).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).problems.length).toBeGreaterThan(0);
  });
});
