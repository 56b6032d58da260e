import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { testEngine } from '../support/engine.ts';
import { engineProcesses } from '../support/engine-processes.ts';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testSandbox } from '../support/sandbox.ts';

failOnLeaks();

test('a process with 64 open files and 200 slots delivers all, counts no attempt, and says once what is short', async () => {
  const company = await testSandbox().company('acme', { script: { delayMs: 100 } });
  const settings = company.clientSettings({ concurrency: 200 });
  const engine = await testEngine({ acme: settings }, { started: false });
  const client = engine.client();
  const worker = engineProcesses({ [client.name]: settings }).start();
  await worker.waitForLine('delivering');
  // Not before: Node's loader of modules needs more than that.
  await promisify(execFile)('prlimit', ['--pid', String(worker.pid), '--nofile=64:64']);
  await client.submit(numberedEvents('disposition_update', 400));
  const short = await worker.waitForLine('this machine is short of something: fewer requests at once');
  expect(short).toMatchObject({
    level: 'warn',
    client: client.name,
    reason: expect.stringContaining('its limit is "ulimit -n", 64 (EMFILE)'),
  });
  await company.waitFor(({ deliveredIds }) => deliveredIds.size === 400);
  worker.signal('SIGTERM');
  await worker.exit;
  expect(await client.status()).toMatchObject({ delivered: 400, dead: 0, retrying: 0, failedAttempts: {} });
  expect(company.requests.every(({ headers }) => headers['x-waybill-attempt'] === '1')).toBe(true);
  const told = worker.stdout
    .split('\n')
    .filter((line) => line.includes('this machine is short of something'));
  expect(told).toHaveLength(1);
});
