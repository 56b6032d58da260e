import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { describeAuth, describeSettings } from '../../src/config/describe-settings.ts';
import { readTopic } from './texts.ts';

const BLOCKS = [...readTopic('endpoints').matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml = '']) => yaml);

test.each(BLOCKS)('the settings that endpoints.md shows exist: %j', (yaml) => {
  const ofClient = describeSettings().map(({ path }) => path);
  const { auth, ...others } = parse(yaml) as { auth?: { type: string } } & Record<string, unknown>;
  for (const [name, value] of Object.entries(others)) {
    const inside =
      ['headers', 'signing', 'tls'].includes(name) && name !== 'headers' ? Object.keys(value as object) : [];
    for (const path of [name, ...inside.map((key) => `${name}.${key}`)]) {
      expect(
        ofClient.some((known) => known.startsWith(`clients.<name>.${path}`)),
        path,
      ).toBe(true);
    }
  }
  const { type = '', ...settings } = auth ?? {};
  const known =
    describeAuth()
      .get(type)
      ?.map(({ path }) => path.split('.')[0]) ?? [];
  for (const name of Object.keys(settings)) expect(known, `${type} ${name}`).toContain(name);
});
