import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { stringify } from 'yaml';
import type { Metric } from '../../src/core/metric.ts';
import { createProducer } from '../../src/service/producer.ts';
import { WorkerProcess } from '../../src/supervisor/worker-process.ts';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testRedisPath, uniqueClientName } from '../support/redis.ts';
import { testSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';
import { testDirectory } from '../support/waybill-process.ts';

failOnLeaks();

const ENTRY = fileURLToPath(new URL('../../dist/workers/delivery.js', import.meta.url));
const TYPE = 'disposition_update';
const WAIT = { timeoutMs: 30_000 };

function attemptsIn(report: readonly Metric[] | undefined): number {
  const values = report?.find(({ name }) => name === 'waybill_delivery_attempts_total')?.values ?? [];
  return values.reduce((sum, { value }) => sum + value, 0);
}

test('a worker tells what it has counted when it is asked, and unasked at its end', {
  timeout: 120_000,
}, async () => {
  const name = uniqueClientName();
  const company = await testSandbox().company(name);
  const config = { redis: { url: testRedisPath() }, clients: { [name]: company.clientSettings() } };
  const file = join(testDirectory(), 'waybill.yaml');
  const worker = new WorkerProcess(
    ENTRY,
    { worker: 1, file, text: stringify(config), tlsContents: [], logLevel: 'info' },
    () => {},
  );
  onTestFinished(async () => {
    worker.kill();
    await worker.exit;
  });
  await worker.ready;
  const producer = await createProducer(config);
  onTestFinished(() => producer.close());
  await producer.submitMany(name, TYPE, numberedEvents(TYPE, 20));
  await company.waitFor((seen) => seen.deliveredIds.size === 20, WAIT);
  await until(async () => (await worker.askReport(WAIT.timeoutMs)) && attemptsIn(worker.latestReport) === 20);
  expect(worker.latestReport?.some(({ name: metric }) => metric === 'process_cpu_seconds_total')).toBe(true);

  // One that stands still is not waited for, and what is asked of it meanwhile does not pile up.
  process.kill(worker.pid ?? 0, 'SIGSTOP');
  expect(await Promise.all([worker.askReport(50), worker.askReport(100)])).toEqual([false, false]);
  process.kill(worker.pid ?? 0, 'SIGCONT');
  expect(await worker.askReport(WAIT.timeoutMs)).toBe(true);

  await producer.submitMany(name, TYPE, numberedEvents(TYPE, 5, 20));
  await company.waitFor((seen) => seen.deliveredIds.size === 25, WAIT);
  expect(attemptsIn(worker.latestReport)).toBe(20);
  worker.stop();
  expect(await worker.exit).toEqual({ code: 0, signal: null });
  expect(attemptsIn(worker.latestReport)).toBe(25);
  expect(await worker.askReport(WAIT.timeoutMs)).toBe(false);
});
