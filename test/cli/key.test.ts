import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';
import { startTestApi } from '../api/api-fixture.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { runWaybill, testDirectory } from '../support/waybill-process.ts';

failOnLeaks();

const CLIENTS =
  'clients: { acme: { baseUrl: "https://x.example", endpoints: { disposition_update: /d } } }\n';

test('"waybill key" prints a key and the line that lets it in', async () => {
  const args = ['key', 'orders', '--scope', 'submit', '--scope', 'operate', '--json'];
  const { code, stdout } = await runWaybill(args);
  expect(code).toBe(0);
  const { key, sha256, scopes } = JSON.parse(stdout);
  expect(key).toMatch(/^waybill_[\w-]{43}$/);
  expect(scopes).toEqual(['submit', 'operate']);
  const http = { port: 0, keys: [{ name: 'orders', sha256, scopes }] };
  const { call } = await startTestApi({ http });
  expect((await call('GET', '/v1/clients', { key })).status).toBe(200);
});

test('what "waybill key" prints fits a file without http, and one that has keys already', async () => {
  const directory = testDirectory();
  const file = join(directory, 'waybill.yaml');
  const add = async (args: readonly string[]) => {
    const { code, stdout } = await runWaybill(['key', ...args], { directory });
    expect(code).toBe(0);
    const [, place = '', lines = ''] = /\n(For [^\n]*):\n\n((?: .*|http:)\n(?: .*\n)*)/.exec(stdout) ?? [];
    return { place, lines };
  };
  writeFileSync(file, CLIENTS);
  const first = await add(['orders', '--scope', 'submit']);
  expect(first.place).toBe('For the configuration');
  writeFileSync(file, `${CLIENTS}${first.lines}`);
  const second = await add(['shop', '--scope', 'read', 'submit', '--client', 'acme']);
  expect(second.place).toBe('For waybill.yaml, below line 3');
  writeFileSync(file, `${readFileSync(file, 'utf8')}${second.lines}`);
  const keys = parseConfig(readFileSync(file, 'utf8'), file, {}).http?.keys;
  expect(keys).toMatchObject([
    { name: 'orders', scopes: ['submit'] },
    { name: 'shop', scopes: ['submit', 'read'], clients: ['acme'] },
  ]);

  const again = await runWaybill(['key', 'shop', '--scope', 'read'], { directory });
  expect(again).toMatchObject({ code: 2, stdout: '' });
  expect(again.stderr).toBe('waybill: waybill.yaml has a key "shop" already: choose another name\n');
});

test.each([
  [['a b', '--scope', 'read'], 'the name of a key must be a name of letters, digits, dots'],
  [['a', '--scope', 'read', '--client', 'Acme'], 'a name after --client is not a client name'],
])('"waybill key %s" is refused', async (args, message) => {
  const { code, stderr } = await runWaybill(['key', ...args]);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
});
