import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { z } from 'zod';
import { checkTree } from '../../src/config/check-config.ts';
import { clientConfigSchema } from '../../src/config/client-config.ts';
import { mergeDefaults } from '../../src/config/client-defaults.ts';
import { configSchema } from '../../src/config/config-schema.ts';
import { describeAuth, describeSettings, type SettingText } from '../../src/config/describe-settings.ts';
import { exampleAuth, exampleConfig } from '../../src/config/setting-examples.ts';
import { ROOT, readRepository, readTopic, rowsOf, sectionOf } from './texts.ts';

const WIDTH = 80;

/** The example of a setting by its path, such as `http.keys[].name`, as YAML in one line; undefined: there is none. */
function exampleOf(tree: unknown, path: string): string | undefined {
  const [value] = valuesAt(tree, path);
  if (value === undefined) return undefined;
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim();
}

function valuesAt(tree: unknown, path: string): unknown[] {
  const steps = path.replaceAll('[]', '.[]').split('.');
  return steps.reduce<unknown[]>(
    (nodes, step) =>
      nodes.flatMap((node): unknown[] => {
        if (typeof node !== 'object' || node === null) return [];
        if (step === '[]' || step === '<name>') return Object.values(node);
        return Object.hasOwn(node, step) ? [Object(node)[step]] : [];
      }),
    [tree],
  );
}

/** The settings as a list in Markdown, each with its default, range and example. */
function listOf(settings: readonly SettingText[], examples: unknown): string {
  const items = settings.map(({ path, allows, description }) => {
    const item = `- \`${path}\`${allows === undefined ? '' : ` (${allows})`}: ${description}`;
    const example = exampleOf(examples, path);
    const isShown = example !== undefined && (allows !== undefined || path === 'defaults');
    return wrapItem(isShown ? `${item.replace(/\.$/, '')}. Example: \`${example}\`.` : item);
  });
  return items.join('\n');
}

function wrapItem(item: string): string {
  const lines = [''];
  // An example stays in one line if it fits.
  for (const word of item.match(/`[^`]{1,74}`\S*|\S+/g) ?? []) {
    const last = lines.at(-1) ?? '';
    if (last.trim() === '') lines[lines.length - 1] = last + word;
    else if (last.length + 1 + word.length <= WIDTH) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`  ${word}`);
  }
  return lines.join('\n');
}

/** A text with each list of settings as the schema has it, and the examples of the template. */
function withSettings(
  text: string,
  lists: ReadonlyMap<string, readonly SettingText[]>,
  examples: ReadonlyMap<string, unknown>,
): string {
  return text.replace(
    /(<!-- settings: (\S+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, start: string, name: string, end: string) =>
      `${start}${listOf(lists.get(name) ?? [], examples.get(name))}\n${end}`,
  );
}

// `npx vitest run --config test/vitest.config.ts test/docs/settings -u` writes the lists anew.
test('config.md lists every setting of the schema, with its default, range and example', async () => {
  const lists = new Map([['waybill.yaml', describeSettings()]]);
  const text = withSettings(readTopic('config'), lists, new Map([['waybill.yaml', exampleConfig()]]));
  await expect(text).toMatchFileSnapshot(`${ROOT}src/docs/config.md`);
});

test('auth.md lists every setting of each type of auth', async () => {
  const types = describeAuth();
  const text = readTopic('auth');
  for (const [type, settings] of types) {
    expect(text).toContain(`## type: ${type}\n`);
    if (settings.length > 0)
      expect(sectionOf(text, `type: ${type}\n`)).toContain(`<!-- settings: ${type} -->`);
  }
  await expect(withSettings(text, types, exampleAuth())).toMatchFileSnapshot(`${ROOT}src/docs/auth.md`);
});

test('every setting has a description of one sentence or more', () => {
  const all = [...describeSettings(), ...[...describeAuth().values()].flat()];
  expect(all.length).toBeGreaterThan(60);
  for (const { path, description } of all) expect(description, path).toMatch(/^\S.*[.\w]$/);
});

test('every setting has an example in the template', () => {
  const examples = exampleConfig();
  const ofClients = describeSettings()
    .filter(({ allows }) => allows !== undefined)
    .filter(({ path }) => exampleOf(examples, path) === undefined);
  expect(ofClients.map(({ path }) => path)).toEqual([]);
  const ofAuth = [...describeAuth()].flatMap(([type, settings]) =>
    settings
      .filter(({ path }) => exampleOf(exampleAuth().get(type), path) === undefined)
      .map(({ path }) => `${type}.${path}`),
  );
  expect(ofAuth).toEqual([]);
});

test('the examples are valid', () => {
  const text = JSON.stringify(exampleConfig())
    .replace('${PROXY_PASSWORD}', 'a-password')
    .replace(/\$\{\w+\}/g, 'https://x.example/y');
  const { issues } = checkTree(configSchema, mergeDefaults(JSON.parse(text)));
  // One stands instead of the others; and what is no more than the start of one.
  expect(issues.map(({ keys }) => keys.join('.'))).toEqual([
    'redis.sentinels',
    'redis.cluster',
    'http.keys.0.sha256',
    'clients.acme.signing.secrets.0',
  ]);
  const client = { baseUrl: 'https://x.example', endpoints: { disposition_update: '/d' } };
  for (const auth of exampleAuth().values()) {
    expect(checkTree(clientConfigSchema, { ...client, auth }).issues).toEqual([]);
  }
});

test("the text of a client's endpoints names every setting that one may have", () => {
  const schema = z.toJSONSchema(configSchema.shape.clients.valueType, {
    io: 'input',
    unrepresentable: 'any',
  });
  const { additionalProperties: each } = (schema.properties?.['endpoints'] ??
    {}) as z.core.JSONSchema.ObjectSchema;
  const options = typeof each === 'object' ? (each.anyOf ?? []) : [];
  const settings = options.flatMap(({ properties }) => Object.keys(properties ?? {}));
  const text = describeSettings().find(({ path }) => path === 'clients.<name>.endpoints')?.description;
  for (const name of settings) expect(text).toContain(name);
});

test("the settings in README have the schema's defaults", () => {
  const rows = rowsOf(sectionOf(readRepository('README.md'), 'Configuration'));
  expect(rows).toHaveLength(8);
  const settings = new Map(describeSettings().map((setting) => [setting.path, setting]));
  for (const [path = '', told] of rows) {
    const setting = settings.get(path.replaceAll('`', ''));
    expect(setting, path).toBeDefined();
    const value = setting?.allows?.split(', ')[0] ?? 'none';
    expect(told, path).toBe(/^(?:optional|required|\[\])$/.test(value) ? 'none' : value);
  }
});
