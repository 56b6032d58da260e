import { expect, test } from 'vitest';
import { failOnLeaks } from '../support/leaks.ts';
import type { LogLine } from '../support/log-lines.ts';
import { isAlive, type NodeProcess } from '../support/node-process.ts';
import { testRedis, uniqueClientName } from '../support/redis.ts';
import { hold } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';
import { servicePlace } from '../support/service-place.ts';
import { loseLocks, recoverStalled } from '../support/stalled.ts';
import { until } from '../support/until.ts';
import { workerPidsOf } from '../support/waybill-process.ts';

failOnLeaks();

const SHORT = { retries: 5, baseDelayMs: 20, factor: 1, maxDelayMs: 50, jitter: 0 };

const linesOf = ({ lines }: NodeProcess, message: string): LogLine[] =>
  lines.filter(({ msg }) => msg === message);

test('workers run in processes of their own; one that is killed is replaced, and all end with the service', async () => {
  const { configure, start, send } = servicePlace();
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
  await service.waitForLine(() => workerPidsOf(service).length === 3);
  await send(name, 60);
  await company.waitFor((seen) => seen.deliveredIds.size === 60);

  service.signal('SIGTERM');
  expect(await service.exit).toEqual({ code: 0, signal: null });
  expect(workerPidsOf(service).filter(isAlive)).toEqual([]);
  const workers = linesOf(service, 'stopped').map(({ worker }) => worker);
  expect(workers.toSorted()).toEqual([1, 2, undefined]);
});

test('what a lost worker had open goes on in the one that is started in its place, ever later', async () => {
  const { configure, start, send } = servicePlace();
  const name = uniqueClientName();
  const company = await testSandbox().company(name);
  const held = hold();
  company.script(held.script);
  configure({ [name]: company.clientSettings({ retry: SHORT, concurrency: 4 }) });
  const service = start(1);
  await service.waitForLine('started');
  await send(name, 50);
  const redis = testRedis();
  for (const loss of [1, 2]) {
    await company.waitFor(4 * loss);
    process.kill(workerPidsOf(service).at(-1) ?? 0, 'SIGKILL');
    await service.waitForLine(() => workerPidsOf(service).length === loss + 1);
    // As if 30 s had passed; the real time is waited for in test/chaos.test.ts.
    await loseLocks(redis, name);
    await recoverStalled(redis, name);
  }
  await company.waitFor(12);
  held.release();
  await company.waitFor((seen) => seen.deliveredIds.size === 50);
  expect(linesOf(service, 'worker lost').map(({ againInMs }) => againInMs)).toEqual([1_000, 2_000]);
  expect(company.requests).toHaveLength(50 + 8);
  expect(company.requests.every(({ headers }) => headers['x-waybill-attempt'] === '1')).toBe(true);
});

test('a supervisor that is killed leaves no worker and loses nothing: the next one delivers the rest', async () => {
  const { configure, start, send } = servicePlace();
  const name = uniqueClientName();
  const company = await testSandbox().company(name);
  const held = hold();
  company.script(held.script);
  configure({ [name]: company.clientSettings({ retry: SHORT, concurrency: 3 }) });
  const service = start(2);
  await service.waitForLine('started');
  await send(name, 100);
  await company.waitFor((seen) => seen.tally.inFlight === 6);
  service.signal('SIGKILL');
  held.release();
  await until(async () => !workerPidsOf(service).some(isAlive));
  const before = company.deliveredIds.size;
  expect(before).toBeGreaterThanOrEqual(6);

  const next = start(2);
  await next.waitForLine('started');
  await company.waitFor((seen) => seen.deliveredIds.size === 100, { timeoutMs: 60_000 });
  expect(company.requests).toHaveLength(100);
  next.signal('SIGTERM');
  await next.exit;
  // What the workers had open was put back: nothing had to wait until its lock ran out.
  expect(linesOf(next, 'batch').filter(({ stalls }) => stalls !== undefined)).toEqual([]);
});

test('lines of several workers are written whole', async () => {
  const { configure, start, send } = servicePlace();
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
