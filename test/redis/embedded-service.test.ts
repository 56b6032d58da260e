import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Company } from '../../src/sandbox/company.ts';
import { embeddedWaybill } from '../support/embedded-waybill.ts';
import { numberedEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import type { NodeProcess } from '../support/node-process.ts';
import { identifyProcess } from '../support/process-identity.ts';
import { redisOnPath } from '../support/redis-on-path.ts';
import { hold } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';
import { ended, recorded } from './data-dirs.ts';

failOnLeaks();

const RETRY = { retries: 5, baseDelayMs: 2_000, factor: 1, maxDelayMs: 2_000, jitter: 0 };
const PATIENT = { timeoutMs: 45_000 };

function embedded(company: Company, env: Readonly<Record<string, string>> = {}) {
  const waybill = embeddedWaybill({ acme: company.clientSettings({ retry: RETRY }) }, env);
  return { ...waybill, send: (from: number, count: number) => waybill.send('acme', from, count) };
}

async function stopped(service: NodeProcess): Promise<void> {
  service.signal('SIGTERM');
  expect(await service.exit).toEqual({ code: 0, signal: null });
}

test('a full disk is told by the service and by send, is not hammered, and ends by itself', async () => {
  // A limit on the size of files stands for the disk: the write to the append-only file really fails.
  const { path, directory } = redisOnPath(`trap '' XFSZ; [ -e "$here/full" ] && ulimit -f 60`);
  const full = join(directory, 'full');
  writeFileSync(full, '');
  const company = await testSandbox().company('acme');
  const held = hold();
  company.script(held.script);
  const { start, send, run } = embedded(company, { PATH: path });
  const service = start();
  await service.waitForLine('delivering');
  const first = await send(0, 20);
  expect(first.accepted).toBe(20);

  const tooMuch = await send(20, 200);
  expect(tooMuch.code).toBe(3);
  expect(tooMuch.stderr).toMatch(
    /the embedded Redis has ended \(no room to write its file: make room on the disk/,
  );
  const told = await service.waitForLine('embedded redis lost');
  expect(told).toMatchObject({
    level: 'error',
    code: 'REDIS_DISK_FULL',
    reason: expect.stringContaining('make room on the disk of the data directory'),
  });

  // Each further write ends the server again: it is started again ever more slowly.
  const losses = () => service.lines.filter((line) => line.msg === 'embedded redis lost').length;
  for (let attempt = 0; losses() < 3 && attempt < 20; attempt += 1) await send(20, 200);
  expect(losses()).toBeLessThanOrEqual(6);

  rmSync(full);
  held.release();
  // A server that was started before still has its limit: it takes one more write to end it.
  await until(async () => (await send(1_000, 50)).accepted === 50);
  const delivered = () => new Set(company.requests.map(({ body }) => JSON.parse(body).optiturn_lp));
  const promised = [...Array(20).keys(), ...Array.from({ length: 50 }, (_, n) => 1_000 + n)];
  const units = promised.map((n) => numberedEvent('disposition_update', n).optiturn_lp);
  await company.waitFor(() => units.every((unit) => delivered().has(unit)), PATIENT);
  expect((await run(['check'])).stdout).toContain('its settings keep events');
  await stopped(service);
});

test('two services on one directory share one server, which outlives the kill of one', async () => {
  const company = await testSandbox().company('acme');
  const held = hold(503);
  company.script(held.script);
  const { dataDir, start, send } = embedded(company);
  const services = [start(), start()];
  for (const service of services) await service.waitForLine('delivering');
  const server = recorded(dataDir)?.pid ?? 0;
  expect((await send(0, 30)).accepted).toBe(30);
  await company.waitFor(1);

  services[0]?.signalAll('SIGKILL');
  await services[0]?.exit;
  expect((await send(30, 10)).accepted).toBe(10);
  expect(recorded(dataDir)?.pid).toBe(server);
  services[1]?.signalAll('SIGKILL');
  await services[1]?.exit;
  expect(await identifyProcess(server)).toBeDefined();

  const third = start();
  await third.waitForLine('delivering');
  expect(recorded(dataDir)?.pid).toBe(server);
  held.release();
  company.script({});
  expect((await send(40, 1)).accepted).toBe(1);
  await company.waitFor(({ deliveredIds }) => deliveredIds.size >= 1, PATIENT);
  await stopped(third);
  await ended(server);
});

test('a service whose server stands still stops all the same, and says that it left it running', async () => {
  const { dataDir, start } = embedded(await testSandbox().company('acme'));
  const service = start();
  await service.waitForLine('started');
  process.kill(recorded(dataDir)?.pid ?? 0, 'SIGSTOP');
  await stopped(service);
  const lines = service.lines.filter(
    ({ msg }) => msg === 'embedded redis does not answer and is left running',
  );
  expect(lines.map(({ pid }) => pid)).toContain(service.pid);
});

test('a damaged file keeps the service from starting, with a sentence, and stays as it is', async () => {
  const company = await testSandbox().company('acme');
  const { dataDir, start, send } = embedded(company);
  await send(0, 5);
  const aof = join(dataDir, 'redis', 'appendonlydir', 'appendonly.aof.1.incr.aof');
  const bytes = readFileSync(aof);
  bytes.write('#####', bytes.indexOf('*', 200));
  writeFileSync(aof, bytes);

  const service = start();
  expect((await service.exit).code).not.toBe(0);
  expect(service.stderr).toMatch(
    /^waybill: the embedded Redis .*its append-only file is damaged; copy the directory, then repair it with redis-check-aof --fix/,
  );
  expect(readFileSync(aof).equals(bytes)).toBe(true);
});

test('a file whose end was cut is read, and the service says what it dropped', async () => {
  const company = await testSandbox().company('acme');
  const { dataDir, start, send } = embedded(company);
  await send(0, 5);
  await send(5, 5);
  const aof = join(dataDir, 'redis', 'appendonlydir', 'appendonly.aof.1.incr.aof');
  const bytes = readFileSync(aof);
  writeFileSync(aof, bytes.subarray(0, -10));

  const service = start();
  const line = await service.waitForLine('embedded redis dropped the unfinished end of its file');
  expect(line).toMatchObject({ level: 'warn', reason: expect.stringMatching(/at offset \d+/) });
  await company.waitFor(({ deliveredIds }) => deliveredIds.size >= 5, PATIENT);
  await stopped(service);
});

test('after its data directory was removed a service delivers what its server holds, and the next one gets a new server', async () => {
  const company = await testSandbox().company('acme', { script: 503 });
  const { dataDir, start, send } = embedded(company);
  const service = start();
  await service.waitForLine('delivering');
  const server = recorded(dataDir)?.pid ?? 0;
  expect((await send(0, 30)).accepted).toBe(30);
  await company.waitFor(30);

  rmSync(dataDir, { recursive: true });
  company.script({});
  await company.waitFor(({ deliveredIds }) => deliveredIds.size >= 30, PATIENT);
  const next = start();
  await next.waitForLine('delivering', PATIENT);
  const successor = recorded(dataDir)?.pid ?? 0;
  expect(successor).not.toBe(server);

  await stopped(service);
  await ended(server);
  expect(recorded(dataDir)?.pid).toBe(successor);
  expect((await send(30, 10)).accepted).toBe(10);
  await company.waitFor(({ deliveredIds }) => deliveredIds.size >= 40, PATIENT);
  // The old server took the socket's file with it, so that `send` had the successor replaced.
  const last = recorded(dataDir)?.pid ?? 0;
  await stopped(next);
  await ended(last);
});

test('a service whose data directory was removed stops, and its server with it', async () => {
  const { dataDir, start } = embedded(await testSandbox().company('acme'));
  const service = start();
  await service.waitForLine('delivering');
  const server = recorded(dataDir)?.pid ?? 0;
  rmSync(dataDir, { recursive: true });
  await stopped(service);
  await ended(server);
});
