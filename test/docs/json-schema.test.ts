import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { configTemplate } from '../../src/config/config-template.ts';
import { describeAuth, describeSettings } from '../../src/config/describe-settings.ts';
import { configJsonSchema } from '../../src/config/json-schema.ts';
import { exampleConfig } from '../../src/config/setting-examples.ts';
import { MINIMAL } from '../support/config-problems.ts';

const validate = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true }).compile(
  configJsonSchema(),
);

/** What the validator of others finds in a text, each as a place and a sentence. */
function faultsOf(text: string): string[] {
  validate(parse(text));
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node | boolean;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
  readonly oneOf?: readonly Node[];
  readonly const?: unknown;
  readonly examples?: readonly unknown[];
}

/** The places of settings without an example. */
function* lackExamples(node: Node, path: string): Generator<string> {
  for (const [key, setting] of Object.entries(node.properties ?? {})) {
    const isSection = setting.properties !== undefined || path + key === 'clients';
    if (!isSection && setting.const === undefined && !setting.examples?.length) yield path + key;
    yield* lackExamples(setting, `${path}${key}.`);
  }
  const { additionalProperties: each, items, anyOf = [], oneOf = [] } = node;
  const inside = [each, items, ...anyOf, ...oneOf];
  for (const one of inside) if (typeof one === 'object') yield* lackExamples(one, `${path}[].`);
}

/** A file of one client with these settings in flow style, and what else is at the top. */
function withClient(settings: string, top = ''): string {
  const base = 'baseUrl: https://x.example, endpoints: { disposition_update: /d }';
  return `${top}\nclients: { acme: { ${base}, ${settings} } }`;
}

describe('the JSON Schema of waybill.yaml', () => {
  test.each([
    ['what init writes', configTemplate()],
    ['the least that works', MINIMAL],
    [
      'defaults, and a client with what they lack',
      withClient(
        'auth: { clientSecret: "${SECRET}" }, retry: { factor: 2 }',
        'defaults: { auth: { type: oauth2, tokenUrl: "https://t.example", clientId: a }, tls: { cert: a } }',
      ),
    ],
    [
      'auth without a type in defaults, and a client that takes back what they give',
      withClient(
        'auth: null, ratePerSecond: null, retry: { factor: null }, headers: { A: null }, pace: null, tls: { minVersion: null }',
        'defaults: { auth: { renewOn: [419] }, ratePerSecond: 5, headers: { A: b } }',
      ),
    ],
    ['references in texts that have a form', withClient('contact: { email: "${EMAIL}" }')],
    [
      'each type of auth',
      `clients: {${[
        'none',
        'bearer, token: a',
        'basic, username: a, password: b',
        'api_key, header: X-Key, key: a',
        'oauth2, tokenUrl: "https://t.example", clientId: a, clientSecret: b, parameters: { audience: c }',
        'token_service, url: "https://t.example", body: { a: [1] }, tokenPointer: /t',
      ].map(
        (auth, n) =>
          `c${n}: { baseUrl: "https://x.example", endpoints: { disposition_update: /d }, auth: { type: ${auth} } }`,
      )}}`,
    ],
  ])('takes %s', (_, text) => {
    expect(faultsOf(text)).toEqual([]);
  });

  const unknown = 'must NOT have additional properties';
  test.each([
    ['an unknown key at the top', `${MINIMAL}\nmetric: {}`, ` ${unknown}`],
    ['… of a client', withClient('concurency: 4'), `/clients/acme ${unknown}`],
    ['… of a section', withClient('retry: { retrys: 4 }'), `/clients/acme/retry ${unknown}`],
    ['… of auth', withClient('auth: { type: bearer, tokn: a }'), `/clients/acme/auth ${unknown}`],
    ['… of defaults', `${MINIMAL}\ndefaults: { baseUrl: "https://x.example" }`, `/defaults ${unknown}`],
    [
      'a number that is too large',
      withClient('concurrency: 1001'),
      '/clients/acme/concurrency must be <= 1000',
    ],
    [
      'a client without endpoints',
      'clients: { a: { baseUrl: "https://x" } }',
      "/clients/a must have required property 'endpoints'",
    ],
    [
      'null in defaults',
      `${MINIMAL}\ndefaults: { ratePerSecond: null }`,
      '/defaults/ratePerSecond must be number',
    ],
    ['a name that is none of a client', 'clients: { A: { } }', '/clients property name must be valid'],
  ])('finds %s', (_, text, fault) => {
    expect(faultsOf(text)).toContain(fault);
  });

  test('has an example of each setting that is no section, also of defaults and of an endpoint', () => {
    const missing = [...lackExamples(configJsonSchema() as Node, '')];
    expect(missing).toEqual([]);
  });

  test('has the examples of each type of auth at that type', () => {
    const text = JSON.stringify(configJsonSchema());
    expect(text).toContain(
      '"description":"The header that carries the key.","type":"string","examples":["X-Api-Key"]',
    );
    expect(text).toContain('"examples":["Authorization"]');
  });

  test('takes its own examples', () => {
    expect(faultsOf(stringify(exampleConfig()))).toEqual([]);
  });

  test('holds the description of every setting', () => {
    const text = JSON.stringify(configJsonSchema());
    const all = [...describeSettings(), ...[...describeAuth().values()].flat()];
    const missing = all.filter(({ description }) => !text.includes(JSON.stringify(description)));
    expect(missing).toEqual([]);
  });
});
