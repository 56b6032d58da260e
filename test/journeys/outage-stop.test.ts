import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { testSandbox } from '../support/sandbox.ts';
import { runWaybill, startWaybill, testDirectory } from '../support/waybill-process.ts';

failOnLeaks();

/** Grace, what settling may take beyond it, and what a busy machine may take to end a process. */
const GRACE_MS = 200;
const LONGEST_MS = GRACE_MS + 5_000 + 10_000;

test.each([0, 20])('the service stops while Redis is gone, with %i events open', async (events) => {
  const redis = await startOwnRedis();
  const company = await testSandbox().company('acme', { script: 'hang' });
  const directory = testDirectory();
  const file = join(directory, 'waybill.yaml');
  const clients = { acme: company.clientSettings({ concurrency: 5 }) };
  writeFileSync(file, stringify({ redis: { url: redis.socketPath }, shutdownGraceMs: GRACE_MS, clients }));
  const service = startWaybill(['start', '--workers', '1', '--config', file], { directory });
  await service.waitForLine('delivering');
  if (events > 0) {
    const input = numberedEvents('disposition_update', events).map((event) => JSON.stringify(event));
    await runWaybill(['send', 'acme', 'disposition_update', '-', '--config', file], {
      directory,
      input: input.join('\n'),
    });
    await company.waitFor(5);
  }

  await redis.kill();
  await service.waitForLine('redis error');
  const started = performance.now();
  service.signal('SIGTERM');
  expect(await service.exit).toEqual({ code: 0, signal: null });
  expect(performance.now() - started).toBeLessThan(LONGEST_MS);
});
