import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { generateKey } from '../../src/api/keys.ts';
import { certificates } from '../http/certificates.ts';
import { embeddedWaybill } from '../support/embedded-waybill.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { uniqueClientName } from '../support/redis.ts';
import { redisOnPath } from '../support/redis-on-path.ts';
import { hold } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';
import { servicePlace } from '../support/service-place.ts';
import { until } from '../support/until.ts';
import { testDirectory, workerPidsOf } from '../support/waybill-process.ts';

failOnLeaks();

const SHORT = { retries: 5, baseDelayMs: 20, factor: 1, maxDelayMs: 50, jitter: 0 };

test('SIGHUP in the middle of a burst: clients come, change and go, and nothing is lost or sent twice', async () => {
  const { configure, start, send } = servicePlace();
  const sandbox = testSandbox();
  const names = ['stays', 'changes', 'goes', 'comes'].map((label) => uniqueClientName(label));
  const [stays = '', changes = '', goes = '', comes = ''] = names;
  const companies = await Promise.all(names.map((name) => sandbox.company(name)));
  const settings = Object.fromEntries(
    companies.map((company, i) => [names[i], company.clientSettings({ retry: SHORT })]),
  );
  const held = hold();
  companies[2]?.script(held.script);
  configure({ [stays]: settings[stays], [changes]: settings[changes], [goes]: settings[goes] });
  const service = start(2);
  await service.waitForLine('started');
  await Promise.all([stays, changes, goes].map((name) => send(name, 200)));
  await companies[2]?.waitFor(32);

  configure({
    [stays]: settings[stays],
    [changes]: companies[1]?.clientSettings({ retry: SHORT, concurrency: 3 }),
    [comes]: settings[comes],
  });
  service.signal('SIGHUP');
  const read = await service.waitForLine('configuration read anew');
  expect(read).toMatchObject({ added: [comes], changed: [changes], removed: [goes] });
  held.release();
  await service.waitForLine('workers replaced');
  await Promise.all([stays, changes].map((name) => send(name, 100, 200)));
  await send(comes, 50);
  await companies[0]?.waitFor((seen) => seen.deliveredIds.size === 300);
  await companies[1]?.waitFor((seen) => seen.deliveredIds.size === 300);
  await companies[3]?.waitFor((seen) => seen.deliveredIds.size === 50);
  expect(companies.map(({ requests }, i) => (i === 2 ? 0 : requests.length))).toEqual([300, 300, 0, 50]);

  // What the last worker that knew the client left behind is delivered once the client is there again.
  configure({ [goes]: settings[goes] });
  service.signal('SIGHUP');
  await companies[2]?.waitFor((seen) => seen.deliveredIds.size === 200);
  expect(companies[2]?.requests).toHaveLength(200);
  service.signal('SIGTERM');
  expect(await service.exit).toEqual({ code: 0, signal: null });
});

test.each([
  ['a broken file', 'clients: [', /line 1|flow|clients/i],
  [
    'another Redis',
    'redis: { url: redis://127.0.0.1:1 }\nclients: { a: { baseUrl: http://a, endpoints: { inventory_receipt: / } } }',
    /restart/,
  ],
])('SIGHUP with %s changes nothing and says why', async (_, text, reason) => {
  const { file, configure, start, send } = servicePlace();
  const name = uniqueClientName();
  const company = await testSandbox().company(name);
  configure({ [name]: company.clientSettings({ retry: SHORT }) });
  const service = start(1);
  await service.waitForLine('started');
  writeFileSync(file, text);
  service.signal('SIGHUP');
  const line = await service.waitForLine(({ msg }) => String(msg).startsWith('configuration not taken'));
  expect(JSON.stringify(line)).toMatch(reason);
  expect(line).toMatchObject({ level: 'error' });
  configure({ [name]: company.clientSettings({ retry: SHORT }) });
  await send(name, 5);
  await company.waitFor((seen) => seen.deliveredIds.size === 5);
  expect(workerPidsOf(service)).toHaveLength(1);
  service.signal('SIGTERM');
  expect(await service.exit).toEqual({ code: 0, signal: null });
});

test('a worker that waits for a slow client while it is replaced delays no other client', async () => {
  const { configure, start, send } = servicePlace();
  const sandbox = testSandbox();
  const [slow = '', swift = ''] = ['slow', 'swift'].map((label) => uniqueClientName(label));
  const [slowCompany, swiftCompany] = [await sandbox.company(slow), await sandbox.company(swift)];
  const held = hold();
  slowCompany.script(held.script);
  const settings = {
    [slow]: slowCompany.clientSettings({ concurrency: 4, batchSize: 1 }),
    [swift]: swiftCompany.clientSettings(),
  };
  configure(settings, { shutdownGraceMs: 60_000 });
  const service = start(1);
  await service.waitForLine('started');
  await send(slow, 10);
  await slowCompany.waitFor(4);
  const [before] = workerPidsOf(service);
  service.signal('SIGHUP');
  await service.waitForLine(({ msg, pid }) => msg === 'stopping' && pid === before);
  await send(swift, 100);
  await swiftCompany.waitFor((seen) => seen.deliveredIds.size === 100);
  // The first four still wait, the others went on to the next worker at once.
  await slowCompany.waitFor((seen) => seen.tally.inFlight === 8);
  expect(service.lines.some(({ msg }) => msg === 'workers replaced')).toBe(false);
  held.release();
  await service.waitForLine('workers replaced');
  await slowCompany.waitFor((seen) => seen.deliveredIds.size === 10);
  expect([slowCompany.requests.length, swiftCompany.requests.length]).toEqual([10, 100]);
});

test('a SIGHUP while the service still waits for its Redis is carried out when it has begun', async () => {
  const { path, directory } = redisOnPath(
    `: > "$here/asked"; while [ ! -e "$here/go" ]; do sleep 0.05; done`,
  );
  const company = await testSandbox().company('acme');
  const waybill = embeddedWaybill({ acme: company.clientSettings() }, { PATH: path });
  const service = waybill.start();
  await until(async () => existsSync(join(directory, 'asked')));
  service.signal('SIGHUP');
  writeFileSync(join(directory, 'go'), '');
  await service.waitForLine('workers replaced');
  service.signal('SIGTERM');
  expect(await service.exit).toEqual({ code: 0, signal: null });
});

test('what a SIGHUP cannot bring, the HTTP API and the metrics, is said to need a restart', async () => {
  const { configure, start } = servicePlace();
  const company = await testSandbox().company('acme');
  const clients = { [uniqueClientName()]: company.clientSettings() };
  configure(clients);
  const service = start(1);
  await service.waitForLine('started');
  const keys = [{ name: 'orders', sha256: generateKey().sha256, scopes: ['submit'] }];
  configure(clients, { http: { port: 0, keys }, metrics: { port: 0 } });
  service.signal('SIGHUP');
  await service.waitForLine('workers replaced');
  const said = service.lines.filter(({ level }) => level === 'warn').map(({ msg }) => msg);
  expect(said).toEqual(['metrics need a restart', 'an http api needs a restart']);
});

test('SIGHUP while a TLS file is half written takes the other changes, and keeps what the file held', async () => {
  const [made, next] = await Promise.all([certificates(['127.0.0.1']), certificates(['127.0.0.1'])]);
  const { configure, start, send } = servicePlace();
  const sandbox = testSandbox();
  const [secure, comes] = [uniqueClientName('secure'), uniqueClientName('comes')];
  const [first, second] = [await sandbox.company(secure, { tls: made.server }), await sandbox.company(comes)];
  const ca = join(testDirectory(), 'ca.pem');
  writeFileSync(ca, made.ca);
  const clients = { [secure]: first.clientSettings({ tls: { ca } }) };
  configure(clients);
  const service = start(1);
  await service.waitForLine('started');
  writeFileSync(ca, next.ca.slice(0, 300));
  configure({ ...clients, [comes]: second.clientSettings() });
  service.signal('SIGHUP');
  expect(await service.waitForLine('configuration read anew')).toMatchObject({ added: [comes], changed: [] });
  await service.waitForLine('workers replaced');
  const kept = service.lines.find(({ msg }) => String(msg).startsWith('new TLS files not taken'));
  expect(kept).toMatchObject({ level: 'warn', client: secure, setting: 'tls.ca' });
  // The commands read it, too.
  writeFileSync(ca, made.ca);
  await Promise.all([secure, comes].map((name) => send(name, 5)));
  for (const company of [first, second]) await company.waitFor((seen) => seen.deliveredIds.size === 5);
  service.signal('SIGTERM');
  expect(await service.exit).toEqual({ code: 0, signal: null });
});
