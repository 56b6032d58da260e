import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { hold } from '../../src/sandbox/scripts.ts';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import type { LogLine } from '../support/log-lines.ts';
import { isAlive, type NodeProcess } from '../support/node-process.ts';
import { testRedisPath, uniqueClientName } from '../support/redis.ts';
import { testSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';
import { runWaybill, startWaybill, testDirectory, workerPidsOf } from '../support/waybill-process.ts';

failOnLeaks();

const TYPE = 'disposition_update';
const SHORT = { retries: 5, baseDelayMs: 20, factor: 1, maxDelayMs: 50, jitter: 0 };

/** A directory whose configuration a test can change, and the commands that run in it. */
function place() {
  const directory = testDirectory();
  const file = join(directory, 'waybill.yaml');
  const configure = (clients: Readonly<Record<string, unknown>>, others: object = {}): void =>
    writeFileSync(file, stringify({ redis: { url: testRedisPath() }, clients, ...others }));
  const start = (workers: number, ...more: string[]): NodeProcess =>
    startWaybill(['start', '--workers', String(workers), ...more], { directory });
  const send = async (client: string, count: number, from = 0): Promise<void> => {
    const input = numberedEvents(TYPE, count, from).map((event) => `${JSON.stringify(event)}\n`);
    const { code } = await runWaybill(['send', client, TYPE, '-'], { directory, input: input.join('') });
    expect(code).toBe(0);
  };
  return { file, configure, start, send };
}

const delivering = (service: NodeProcess): LogLine[] =>
  service.lines.filter(({ msg }) => msg === 'delivering');

test('workers run in processes of their own; one that is killed is replaced, and all end with the service', async () => {
  const { configure, start, send } = place();
  const name = uniqueClientName();
  const company = await testSandbox().company(name);
  configure({ [name]: company.clientSettings({ retry: SHORT }) });
  const service = start(2);
  await service.waitForLine('started');
  const [first = 0, second = 0] = workerPidsOf(service);
  expect(new Set([service.pid, first, second]).size).toBe(3);

  process.kill(first, 'SIGKILL');
  const lost = await service.waitForLine('worker lost');
  expect(lost).toMatchObject({ level: 'error', workerPid: first, signal: 'SIGKILL', againInMs: 1_000 });
  await service.waitForLine(() => delivering(service).length === 3);
  await send(name, 60);
  await company.waitFor((seen) => seen.deliveredIds.size === 60);

  service.signal('SIGTERM');
  expect(await service.exit).toEqual({ code: 0, signal: null });
  expect(workerPidsOf(service).filter(isAlive)).toEqual([]);
  expect(service.lines.filter(({ msg }) => msg === 'stopped')).toHaveLength(3);
});

test('workers whose supervisor is gone finish what is under way and end', async () => {
  const { configure, start, send } = place();
  const name = uniqueClientName();
  const company = await testSandbox().company(name);
  const held = hold();
  company.script(held.script);
  configure({ [name]: company.clientSettings({ retry: SHORT }) });
  const service = start(2);
  await service.waitForLine('started');
  const pids = workerPidsOf(service);
  await send(name, 3);
  await company.waitFor(3);
  service.signal('SIGKILL');
  held.release();
  await until(async () => pids.every((pid) => !isAlive(pid)));
  expect(company.deliveredIds.size).toBe(3);
});

test('SIGHUP in the middle of a burst: clients come, change and go, and nothing is lost or sent twice', async () => {
  const { configure, start, send } = place();
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
  const { file, configure, start, send } = place();
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
  expect(delivering(service)).toHaveLength(1);
  service.signal('SIGTERM');
  expect(await service.exit).toEqual({ code: 0, signal: null });
});

test('lines of several workers are written whole', async () => {
  const { configure, start, send } = place();
  const name = uniqueClientName();
  const company = await testSandbox().company(name);
  configure({ [name]: company.clientSettings({ retry: SHORT }) });
  const service = start(2, '--log-level', 'debug');
  await service.waitForLine('started');
  await send(name, 1_000);
  await company.waitFor((seen) => seen.deliveredIds.size === 1_000);
  service.signal('SIGTERM');
  await service.exit;
  expect(service.lines.filter((line) => 'unparsed' in line)).toEqual([]);
  expect(service.lines.filter(({ msg }) => msg === 'attempt')).toHaveLength(1_000);
});

test('a second signal ends the workers too', async () => {
  const { configure, start, send } = place();
  const name = uniqueClientName();
  const company = await testSandbox().company(name, { script: 'hang' });
  configure({ [name]: company.clientSettings({ retry: SHORT }) });
  const service = start(2);
  await service.waitForLine('started');
  await send(name, 1);
  await company.waitFor(1);
  service.signal('SIGTERM');
  await service.waitForLine('stopping');
  service.signal('SIGTERM');
  expect(await service.exit).toEqual({ code: 143, signal: null });
  await until(async () => workerPidsOf(service).every((pid) => !isAlive(pid)));
});
