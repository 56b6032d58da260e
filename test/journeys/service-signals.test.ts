import { expect, test } from 'vitest';
import { failOnLeaks } from '../support/leaks.ts';
import { isAlive } from '../support/node-process.ts';
import { uniqueClientName } from '../support/redis.ts';
import { hold } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';
import { servicePlace } from '../support/service-place.ts';
import { until } from '../support/until.ts';
import { workerPidsOf } from '../support/waybill-process.ts';

failOnLeaks();

/** A service whose workers wait for answers that do not come until `release`, for a minute if need be. */
async function waitingService(workers: number, requests: number) {
  const { configure, start, send } = servicePlace();
  const name = uniqueClientName();
  const company = await testSandbox().company(name);
  const held = hold();
  company.script(held.script);
  const concurrency = requests / workers;
  configure({ [name]: company.clientSettings({ concurrency, batchSize: 1 }) }, { shutdownGraceMs: 60_000 });
  const service = start(workers);
  await service.waitForLine('started');
  await send(name, requests * 2);
  await company.waitFor((seen) => seen.tally.inFlight === requests);
  return { company, service, held };
}

test("a terminal's Ctrl-C reaches all processes: each stops once, and what is under way is finished", async () => {
  const { company, service, held } = await waitingService(2, 6);
  service.signalAll('SIGINT');
  await service.waitForLine(() => service.lines.filter(({ msg }) => msg === 'stopping').length === 3);
  held.release();
  expect(await service.exit).toEqual({ code: 0, signal: null });
  expect(company.deliveredIds.size).toBe(6);
  expect(company.requests).toHaveLength(6);
  const ends = service.lines.filter(({ msg }) => msg === 'stopping' || msg === 'stopped');
  expect(ends).toHaveLength(6);
  expect(service.lines.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
});

test.each([
  ['SIGTERM', 143, 'signal'],
  ['SIGINT', 130, 'signalAll'],
] as const)('a second %s ends all at once, with %i', async (signal, code, how) => {
  const { service } = await waitingService(2, 2);
  service[how](signal);
  await service.waitForLine(() => service.lines.filter(({ msg }) => msg === 'stopping').length === 3);
  service[how](signal);
  expect(await service.exit).toEqual({ code, signal: null });
  await until(async () => !workerPidsOf(service).some(isAlive));
});

test('a second signal also ends a worker that is on its way out since a SIGHUP', async () => {
  const { service } = await waitingService(1, 1);
  const [first] = workerPidsOf(service);
  service.signal('SIGHUP');
  await service.waitForLine(({ msg, pid }) => msg === 'stopping' && pid === first);
  service.signal('SIGTERM');
  await service.waitForLine(({ msg, pid }) => msg === 'stopping' && pid === service.pid);
  service.signal('SIGTERM');
  expect(await service.exit).toEqual({ code: 143, signal: null });
  await until(async () => !workerPidsOf(service).some(isAlive));
});
