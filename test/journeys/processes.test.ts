import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { ask, type Script } from '../../src/sandbox/scripts.ts';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testRedisPath, uniqueClientName } from '../support/redis.ts';
import { hold } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';
import { runWaybill, startWaybill, testDirectory } from '../support/waybill-process.ts';

failOnLeaks();

const SHORT = { retries: 5, baseDelayMs: 20, factor: 1, maxDelayMs: 50, jitter: 0 };

function toNdjson(events: readonly unknown[]): string {
  return events.map((event) => JSON.stringify(event)).join('\n');
}

/** A directory with a configuration for these clients on the run's Redis. */
function configure(clients: Readonly<Record<string, unknown>>): { directory: string; args: string[] } {
  const directory = testDirectory();
  const file = join(directory, 'waybill.yaml');
  writeFileSync(file, stringify({ redis: { url: testRedisPath() }, clients }));
  return { directory, args: ['--config', file] };
}

test('two workers with 300 requests in flight ask for one token when theirs is voided', async () => {
  const sandbox = testSandbox();
  const name = uniqueClientName();
  const pause = hold();
  let voided = false;
  // What is sent before the token was voided waits, and is then answered with 401.
  const script: Script = async (request, seen) => {
    if (voided) return {};
    await ask(pause.script, request, seen);
    return 401;
  };
  const company = await sandbox.company(name, { auth: { type: 'oauth2' }, script });
  const { directory, args } = configure({
    [name]: company.clientSettings({
      concurrency: 150,
      endpoints: { disposition_update: '/dispositions' },
      retry: SHORT,
    }),
  });
  const service = startWaybill(['start', '--workers', '2', ...args], { directory });
  await service.waitForLine('started');
  // More than one of them takes at a time: both have as many in flight as they may.
  const input = toNdjson(numberedEvents('disposition_update', 800));
  const sent = await runWaybill(['send', name, 'disposition_update', '-', ...args], { directory, input });
  expect(sent).toMatchObject({ code: 0 });
  await company.waitFor((seen) => seen.tally.inFlight === 300);
  expect(company.tokenRequests).toHaveLength(1);

  company.revokeTokens();
  voided = true;
  pause.release();
  await company.waitFor((seen) => seen.deliveredIds.size === 800);
  expect(company.tokenRequests).toHaveLength(2);
  expect(company.requests).toHaveLength(300 + 800);
  expect(company.requests.every((request) => request.headers['x-waybill-attempt'] === '1')).toBe(true);
  service.signal('SIGTERM');
  expect(await service.exit).toEqual({ code: 0, signal: null });
});

test('the service stops on SIGTERM with exit code 0 and puts back what it has not sent', async () => {
  const sandbox = testSandbox();
  const name = uniqueClientName();
  const company = await sandbox.company(name);
  const { directory, args } = configure({ [name]: company.clientSettings({ concurrency: 5, retry: SHORT }) });
  const pause = hold();
  company.script(pause.script);
  const service = startWaybill(['start', '--workers', '1', ...args], { directory });
  await service.waitForLine('delivering');
  const events = numberedEvents('disposition_update', 50);
  await runWaybill(['send', name, 'disposition_update', '-', ...args], {
    directory,
    input: toNdjson(events),
  });
  await company.waitFor((seen) => seen.tally.inFlight === 5);

  service.signal('SIGTERM');
  await service.waitForLine('stopping');
  pause.release();
  expect(await service.exit).toEqual({ code: 0, signal: null });
  expect(company.deliveredIds.size).toBe(5);
  const status = JSON.parse((await runWaybill(['status', '--json', ...args], { directory })).stdout);
  expect(status.clients[name]).toMatchObject({
    waiting: 45,
    inFlight: 0,
    retrying: 0,
    dead: 0,
    delivered: 5,
  });
  expect(status.clients[name].failedAttempts).toEqual({});

  const successor = startWaybill(['start', '--workers', '1', ...args], { directory });
  await company.waitFor((seen) => seen.deliveredIds.size === 50);
  successor.signal('SIGINT');
  expect(await successor.exit).toEqual({ code: 0, signal: null });
  expect(company.requests).toHaveLength(50);
  expect(company.requests.every((request) => request.headers['x-waybill-attempt'] === '1')).toBe(true);
});

test('a second signal ends the service at once', async () => {
  const sandbox = testSandbox();
  const name = uniqueClientName();
  const company = await sandbox.company(name, { script: 'hang' });
  const { directory, args } = configure({ [name]: company.clientSettings({ retry: SHORT }) });
  const service = startWaybill(['start', '--workers', '1', ...args], { directory });
  await service.waitForLine('delivering');
  const input = toNdjson(numberedEvents('disposition_update', 1));
  await runWaybill(['send', name, 'disposition_update', '-', ...args], { directory, input });
  await company.waitFor(1);
  service.signal('SIGTERM');
  await service.waitForLine('stopping');
  service.signal('SIGTERM');
  expect(await service.exit).toEqual({ code: 143, signal: null });
});

test('an operator finds, understands and replays the dead letters of an outage', async () => {
  const sandbox = testSandbox();
  const name = uniqueClientName();
  const failure = { status: 503, body: 'down for maintenance' };
  const company = await sandbox.company(name, { script: failure });
  const { directory, args } = configure({ [name]: company.clientSettings({ retry: SHORT }) });
  const json = async (...command: string[]) => {
    const run = await runWaybill([...command, '--json', ...args], { directory });
    return { code: run.code, value: JSON.parse(run.stdout), stderr: run.stderr };
  };
  const service = startWaybill(['start', '--workers', '1', ...args], { directory });
  const input = toNdjson(numberedEvents('disposition_update', 3));
  await runWaybill(['send', name, 'disposition_update', '-', ...args], { directory, input });
  await service.waitForLine(() => service.lines.filter((line) => line['msg'] === 'dead letter').length === 3);

  const list = await json('dead-letters', 'list', '--client', name, '--status', '5xx');
  expect(list.value).toHaveLength(3);
  expect(list.value[0]).toMatchObject({
    client: name,
    type: 'disposition_update',
    attempts: 6,
    status: 503,
    class: 'server_error',
  });
  const shown = await json('dead-letters', 'show', list.value[0].id);
  expect(shown.value.attempts).toHaveLength(6);
  expect(shown.value.response).toBe('down for maintenance');

  const refused = await json('dead-letters', 'replay');
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('--yes');
  expect((await json('dead-letters', 'replay', '--dry-run')).value).toMatchObject({
    matching: 3,
    replayed: 0,
  });

  company.script({});
  expect((await json('dead-letters', 'replay', '--yes')).value).toMatchObject({ matching: 3, replayed: 3 });
  await company.waitFor((seen) => seen.deliveredIds.size === 3);
  expect((await json('dead-letters', 'list')).value).toEqual([]);
  service.signal('SIGTERM');
  expect((await service.exit).code).toBe(0);
});
