import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load-config.ts';
import { startCompany } from '../../src/sandbox/company.ts';
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

test('init --sandbox writes a client that is what the sandbox plays on its usual port', async () => {
  const directory = testDirectory();
  const { code, stdout } = await runWaybill(['init', '--sandbox'], { directory });
  expect([code, stdout]).toEqual([
    0,
    expect.stringContaining('waybill send sandbox disposition_update --sample'),
  ]);
  const file = join(directory, 'waybill.yaml');
  const text = readFileSync(file, 'utf8');
  expect(text.split('\n').length).toBeLessThan(40);
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(110);
  expect(Object.keys(loadConfig(file, {}).clients)).toEqual(['sandbox']);
  const { retry, baseUrl, ...client } = parse(text).clients.sandbox;
  const played = await startCompany('sandbox');
  onTestFinished(() => played.close());
  expect(retry).toBeDefined();
  expect({ ...client, baseUrl: played.baseUrl }).toEqual(played.clientSettings());
  const help = await runWaybill(['sandbox', '--help']);
  expect(help.stdout).toContain(new URL(baseUrl).port);
});
