import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load-config.ts';
import { runWaybill, testDirectory } from '../support/waybill-process.ts';

test('init writes a commented configuration that can be loaded as it stands', async () => {
  const directory = testDirectory();
  const { code, stdout } = await runWaybill(['init'], { directory });
  const file = join(directory, 'waybill.yaml');
  expect(code).toBe(0);
  expect(stdout).toContain(`Wrote ${file}.\n`);
  const config = loadConfig(file, { ACME_CLIENT_SECRET: 's3cret' });
  expect(Object.keys(config.clients)).toEqual(['acme']);
  const comments = readFileSync(file, 'utf8').match(/^ *# /gm) ?? [];
  expect(comments.length).toBeGreaterThan(20);
});

test('init never overwrites a file', async () => {
  const directory = testDirectory();
  const file = join(directory, 'waybill.yaml');
  writeFileSync(file, 'mine');
  const { code, stdout } = await runWaybill(['init', '--json'], { directory });
  expect(code).toBe(2);
  expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'USAGE' } });
  expect(readFileSync(file, 'utf8')).toBe('mine');
});

test('init writes to the file of --config, and says if it cannot', async () => {
  const directory = testDirectory();
  const written = await runWaybill(['init', '--json', '--config', 'other.yaml'], { directory });
  expect(JSON.parse(written.stdout)).toEqual({ file: join(directory, 'other.yaml') });
  const failed = await runWaybill(['init', '--config', 'nowhere/waybill.yaml'], { directory });
  expect(failed).toMatchObject({ code: 2, stderr: expect.stringContaining('cannot be written (ENOENT)') });
});
