import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { describeQueues } from '../../src/observability/queue-metrics.ts';
import { toText } from '../../src/observability/workers-metrics.ts';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { parseScrape } from '../support/prometheus-text.ts';
import { testRedisPath } from '../support/redis.ts';
import { hold, sequence } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';
import { idleBatchWorker, loseLocks, recoverStalled } from '../support/stalled.ts';
import { runWaybill, testDirectory } from '../support/waybill-process.ts';

failOnLeaks();

const TYPE = 'disposition_update';

/** A client that is sent one event at a time, and the commands that ask about it. */
async function oneAtATime() {
  const company = await testSandbox().company('acme');
  const acme = company.clientSettings({ concurrency: 1, retry: { ...QUICK_RETRIES, retries: 0 } });
  const engine = await testEngine({ acme });
  const client = engine.client();
  const directory = testDirectory();
  const config = { redis: { url: testRedisPath() }, clients: { [client.name]: acme } };
  writeFileSync(join(directory, 'waybill.yaml'), stringify(config));
  const run = async (...args: string[]) => (await runWaybill(args, { directory })).stdout;
  return { company, engine, client, run };
}

test('a kept connection that is closed once the request was read: sent twice, and counted as that', async () => {
  const { company, client, run } = await oneAtATime();
  company.script(sequence([200, 'close']));
  await client.submit(numberedEvents(TYPE, 3));
  await client.settled({ delivered: 3 });
  expect(company.tally.received).toBe(4);
  expect(await client.status()).toMatchObject({ failedAttempts: {}, repeats: { resent: 1 } });
  expect(await run('status')).toContain(
    `\n${client.name}: at most 1 repeat: sent again, though the client may have had the event\n  1: a kept connection was closed before an answer\n`,
  );
});

test('repeats are told by status, metrics and report, and not if there are none', async () => {
  const { company, engine, client, run } = await oneAtATime();
  await client.submit(numberedEvents(TYPE, 1));
  await client.settled({ delivered: 1 });
  expect(await run('status')).not.toContain('repeat');
  expect(await run('report', client.name)).not.toContain('again');
  const { clients: before } = JSON.parse(await run('status', '--json'));
  expect(before[client.name]).toMatchObject({ repeats: {}, endpoints: { [TYPE]: { repeats: {} } } });

  // One of the batch is called off under way; then a process that took the batch is lost.
  const held = hold(500);
  company.script(held.script);
  await client.submit(numberedEvents(TYPE, 11, 1));
  await company.waitFor(2);
  await engine.engine.stop(0);
  held.release();
  await (await idleBatchWorker(client.name)).take();
  await loseLocks(engine.redis, client.name);
  await recoverStalled(engine.redis, client.name);
  await engine.start();
  await client.settled({ dead: 11 });

  const repeats = { taken_over: 11, called_off: 1 };
  expect(await run('status')).toContain(
    [
      `\n${client.name}: at most 12 repeats: sent again, though the client may have had the event`,
      '  11: its batch was taken over from a process that was lost or lost its lock',
      '  1: a stop or reload called off the request\n',
    ].join('\n'),
  );
  const { clients } = JSON.parse(await run('status', '--json'));
  expect(clients[client.name]).toMatchObject({ repeats, endpoints: { [TYPE]: { repeats } } });
  expect(await run('report', client.name)).toContain(
    'delivery is at least once. So far, an event may have reached you again 12 times at most. The header Idempotency-Key',
  );
  expect(JSON.parse(await run('report', client.name, '--format', 'json')).repeats).toEqual(repeats);
  const views = new Map([[client.name, await client.status()]]);
  const scrape = parseScrape(await toText([describeQueues(views, new Set())]));
  expect(scrape.sum('waybill_repeats_total', { client: client.name, cause: 'taken_over' })).toBe(11);
});
