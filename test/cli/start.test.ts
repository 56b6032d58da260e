import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { embeddedWaybill } from '../support/embedded-waybill.ts';
import { testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { testRedisPath, uniqueClientName } from '../support/redis.ts';
import { testSandbox } from '../support/sandbox.ts';
import { startWaybill, testDirectory } from '../support/waybill-process.ts';

const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

test.skipIf(!existsSync('/dev/full'))(
  'a service whose log cannot be written ends with 1, and says why',
  () => {
    const directory = testDirectory();
    const client = {
      baseUrl: 'https://returns.acme.example',
      endpoints: { disposition_update: '/dispositions' },
    };
    const config = { redis: { url: testRedisPath() }, clients: { [uniqueClientName()]: client } };
    writeFileSync(join(directory, 'waybill.yaml'), stringify(config));
    const command = `exec "${process.execPath}" "${MAIN}" start > /dev/full`;
    const { status, stderr } = spawnSync('sh', ['-c', command], {
      cwd: directory,
      encoding: 'utf8',
      timeout: 60_000,
      killSignal: 'SIGKILL',
    });
    expect(status).toBe(1);
    expect(stderr).toContain('the log cannot be written: ENOSPC');
  },
);

test('a service goes on where the kernel tells it of a broken connection', async () => {
  const company = await testSandbox().company('acme');
  const settings = company.clientSettings();
  const client = (await testEngine({ acme: settings }, { started: false })).client();
  const service = startWaybill(['start'], {
    config: { redis: { url: testRedisPath() }, clients: { [client.name]: settings } },
  });
  await service.waitForLine('delivering');
  // What it gets for a write to a Redis or an endpoint that has just gone.
  service.signalAll('SIGPIPE');
  await client.submit(numberedEvents('disposition_update', 1));
  await company.waitFor(1);
  service.signal('SIGTERM');
  expect(await service.waitForLine('stopping')).toMatchObject({ signal: 'SIGTERM' });
  expect(await service.exit).toEqual({ code: 0, signal: null });
});

test('a second service on one configuration says that another one delivers already; the first does not', async () => {
  const company = await testSandbox().company('acme');
  const { start } = embeddedWaybill({ acme: company.clientSettings() });
  const first = start();
  await first.waitForLine('started');
  const second = start();
  await second.waitForLine('started');
  const told = [first, second].map(({ lines }) =>
    lines.filter(({ msg }) => msg === 'another service delivers already from this Redis'),
  );
  expect(told).toEqual([[], [expect.objectContaining({ level: 'info', workers: 1 })]]);
  for (const service of [second, first]) {
    service.signal('SIGTERM');
    expect(await service.exit).toEqual({ code: 0, signal: null });
  }
});

test('a service warns once of a credential in quotes, without its value', async () => {
  const company = await testSandbox().company('acme');
  const auth = { type: 'bearer' as const, token: '${TOKEN}' };
  const name = uniqueClientName();
  const config = { redis: { url: testRedisPath() }, clients: { [name]: company.clientSettings({ auth }) } };
  const service = startWaybill(['start', '--workers', '2'], { config, env: { TOKEN: "'marked'" } });
  await service.waitForLine('started');
  service.signal('SIGTERM');
  await service.exit;
  expect(service.lines.filter(({ level }) => level === 'warn')).toEqual([
    expect.objectContaining({
      msg: 'credential has quotes or blanks around it',
      client: name,
      setting: 'auth.token',
      around: 'quotes',
    }),
  ]);
  expect(service.stdout + service.stderr).not.toContain('marked');
});

test('a service warns once of each address that it will not connect to', async () => {
  const name = uniqueClientName();
  const client = {
    baseUrl: 'https://10.0.0.1',
    endpoints: { disposition_update: '/d', inventory_receipt: 'https://returns.acme.example/r' },
    auth: { type: 'oauth2', tokenUrl: 'https://[::1]/token', clientId: 'waybill', clientSecret: 'secret' },
  };
  const config = { redis: { url: testRedisPath() }, clients: { [name]: client } };
  const service = startWaybill(['start', '--workers', '1'], { config });
  await service.waitForLine('started');
  service.signal('SIGTERM');
  await service.exit;
  const msg = 'address is not allowed: nothing will be sent to it';
  expect(service.lines.filter(({ level }) => level === 'warn')).toEqual([
    expect.objectContaining({
      ...{ msg, client: name, setting: 'endpoints.disposition_update' },
      reason: expect.stringMatching(/^10\.0\.0\.1 is a private address .*allowPrivateNetwork/),
    }),
    expect.objectContaining({ msg, client: name, setting: 'auth.tokenUrl' }),
  ]);
});
