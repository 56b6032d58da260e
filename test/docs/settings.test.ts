import { expect, test } from 'vitest';
import { z } from 'zod';
import { configSchema } from '../../src/config/config-schema.ts';
import { describeAuth, describeSettings, type SettingText } from '../../src/config/describe-settings.ts';
import { ROOT, readRepository, readTopic, rowsOf, sectionOf } from './texts.ts';

const WIDTH = 80;

/** The settings as a list in Markdown, each with its default and range. */
function listOf(settings: readonly SettingText[]): string {
  const items = settings.map(({ path, allows, description }) => {
    const item = `- \`${path}\`${allows === undefined ? '' : ` (${allows})`}: ${description}`;
    return wrapItem(item);
  });
  return items.join('\n');
}

function wrapItem(item: string): string {
  const lines = [''];
  for (const word of item.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last.trim() === '') lines[lines.length - 1] = last + word;
    else if (last.length + 1 + word.length <= WIDTH) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`  ${word}`);
  }
  return lines.join('\n');
}

/** A text with each list of settings as the schema has it. */
function withSettings(text: string, lists: ReadonlyMap<string, readonly SettingText[]>): string {
  return text.replace(
    /(<!-- settings: (\S+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, start: string, name: string, end: string) => `${start}${listOf(lists.get(name) ?? [])}\n${end}`,
  );
}

// `npx vitest run --config test/vitest.config.ts test/docs/settings -u` writes the lists anew.
test('config.md lists every setting of the schema, with its default and range', async () => {
  const text = withSettings(readTopic('config'), new Map([['waybill.yaml', describeSettings()]]));
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
  await expect(withSettings(text, types)).toMatchFileSnapshot(`${ROOT}src/docs/auth.md`);
});

test('every setting has a description of one sentence or more', () => {
  const all = [...describeSettings(), ...[...describeAuth().values()].flat()];
  expect(all.length).toBeGreaterThan(60);
  for (const { path, description } of all) expect(description, path).toMatch(/^\S.*[.\w]$/);
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
