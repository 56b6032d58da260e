import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { certificatesIn } from '../../src/config/certificates.ts';
import type { EventTypeName } from '../../src/core/event-types.ts';
import { createProducer } from '../../src/service/producer.ts';
import { certificates } from '../http/certificates.ts';
import { numberedEvents } from '../support/events.ts';
import { ANY_PORT, type HealthClient, healthOf } from '../support/health-client.ts';
import { failOnLeaks } from '../support/leaks.ts';
import type { NodeProcess } from '../support/node-process.ts';
import { readExpressions } from '../support/observability-files.ts';
import type { Scrape } from '../support/prometheus-text.ts';
import { parsePromql } from '../support/promql.ts';
import { testRedisPath, uniqueClientName } from '../support/redis.ts';
import { testSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';
import { runWaybill, startWaybill, testDirectory } from '../support/waybill-process.ts';

failOnLeaks();

/** Processes are started, by a machine that may have other things to do. */
const SLOW = { timeout: 180_000 };
const WAIT = { timeoutMs: 30_000 };
const DISPOSITION = 'disposition_update';
const RECEIPT = 'inventory_receipt';
type Names = [string, string, string];
const ONE_RETRY = { retries: 1, baseDelayMs: 20, factor: 1, maxDelayMs: 20, jitter: 0 };

/** A service with these clients that serves its metrics. */
function startService(clients: Readonly<Record<string, unknown>>) {
  const directory = testDirectory();
  const configOf = (known: typeof clients) => ({
    redis: { url: testRedisPath() },
    metrics: ANY_PORT,
    clients: known,
  });
  const service = startWaybill(['start', '--workers', '2'], { directory, config: configOf(clients) });
  /** Changes the file; a SIGHUP lets the service read it anew. */
  const configure = (known: typeof clients): void =>
    writeFileSync(join(directory, 'waybill.yaml'), stringify(configOf(known)));
  const run = async (args: readonly string[]): Promise<void> => {
    const { code, stderr } = await runWaybill(args, { directory });
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  };
  /** As a library's user does, outside of the service. */
  const send = async (client: string, type: EventTypeName, count: number, from = 0): Promise<void> => {
    const producer = await createProducer(join(directory, 'waybill.yaml'));
    const results = await producer.submitMany(client, type, numberedEvents(type, count, from));
    await producer.close();
    expect(results.every(({ outcome }) => outcome === 'accepted')).toBe(true);
  };
  return { service, configure, run, send };
}

/** The first scrape in which a number has come about. */
async function scrapeOnce(health: HealthClient, holds: (scrape: Scrape) => boolean): Promise<Scrape> {
  let scrape = await health.scrape();
  await until(async () => {
    scrape = await health.scrape();
    return holds(scrape);
  }, WAIT.timeoutMs);
  return scrape;
}

const workerPids = (service: NodeProcess): number[] =>
  service.lines.filter(({ msg }) => msg === 'delivering').map(({ pid }) => Number(pid));

test('what is scraped is what the clients saw', SLOW, async () => {
  const sandbox = testSandbox();
  const [fine, broken, tokens] = ['fine', 'broken', 'tokens'].map((label) =>
    uniqueClientName(label),
  ) as Names;
  let receipts = 0;
  const had = await sandbox.company(fine, {
    script: ({ path }) => (path.endsWith(`/${RECEIPT}`) && ++receipts % 4 > 0 ? 201 : 200),
  });
  const down = await sandbox.company(broken, { script: 503 });
  const guarded = await sandbox.company(tokens, { auth: { type: 'oauth2', clientId: tokens } });
  const ca = join(testDirectory(), 'ca.pem');
  const { ca: authority } = await certificates();
  writeFileSync(ca, authority);
  const { service, run, send } = startService({
    [fine]: had.clientSettings({ tls: { ca } }),
    [broken]: down.clientSettings({ retry: ONE_RETRY }),
    [tokens]: guarded.clientSettings(),
  });
  const health = await healthOf(service);
  await service.waitForLine('started', WAIT);
  await Promise.all([send(fine, DISPOSITION, 120), send(fine, RECEIPT, 40), send(broken, DISPOSITION, 5)]);
  await send(tokens, DISPOSITION, 3);
  await scrapeOnce(health, (now) => now.sum('waybill_events_delivered_total') === 163);
  await scrapeOnce(health, (now) => now.sum('waybill_dead_letters') === 5);
  await run(['pause', fine]);
  await send(fine, DISPOSITION, 7, 500);
  await run(['dead-letters', 'replay', '--client', broken, '--yes']);
  const scrape = await scrapeOnce(health, (now) => now.sum('waybill_dead_letters_total') === 10);
  const tell = (name: string, labels: Record<string, string>) => scrape.sum(`waybill_${name}`, labels);

  expect([had, down, guarded].map(({ tally }) => tally.received)).toEqual([160, 20, 3]);
  expect(tell('events_accepted_total', { client: fine, type: DISPOSITION })).toBe(127);
  expect(tell('events_accepted_total', { client: fine, type: RECEIPT })).toBe(40);
  expect(tell('events_delivered_total', { client: fine, type: DISPOSITION })).toBe(120);
  expect(tell('events_already_received_total', { client: fine, type: RECEIPT })).toBe(10);
  expect(tell('delivery_attempts_total', { client: fine, outcome: 'delivered', status_class: '2xx' })).toBe(
    160,
  );
  const failed = { client: broken, type: DISPOSITION, status_class: '5xx', class: 'server_error' };
  expect(tell('delivery_attempts_total', { ...failed, outcome: 'retry' })).toBe(10);
  expect(tell('delivery_attempts_total', { ...failed, outcome: 'dead' })).toBe(10);
  expect(tell('dead_letters_total', { client: broken, type: DISPOSITION, class: 'server_error' })).toBe(10);
  expect(tell('dead_letters', { client: broken })).toBe(5);
  expect(tell('incidents_open', { client: broken, type: DISPOSITION })).toBe(1);
  expect(tell('replays_total', { client: broken })).toBe(5);
  expect(tell('waiting_events', { client: fine })).toBe(7);
  expect(tell('waiting_events', { client: broken }) + tell('waiting_events', { client: tokens })).toBe(0);
  expect(tell('client_paused', {})).toBe(1);
  expect(scrape.labelValues('waybill_pace_state', 'state')).toEqual(['open', 'slowed', 'down', 'recovering']);
  expect(tell('pace_state', { client: fine, type: RECEIPT })).toBe(1);
  expect(tell('paced_events', { client: fine })).toBe(0);
  expect(tell('oldest_waiting_event_age_seconds', {})).toBe(0);
  expect(tell('token_renewals_total', { client: tokens, outcome: 'renewed' })).toBe(
    guarded.tokenTally.received,
  );
  expect(scrape.labelValues('waybill_token_renewals_total', 'client')).toEqual([tokens]);
  const ends = { client: fine, use: 'authority', where: 'tls' };
  expect(tell('certificate_not_after_timestamp_seconds', ends)).toBe(
    (certificatesIn(authority)[0]?.validTo ?? 0) / 1_000,
  );
  expect(tell('requests_in_flight', {})).toBe(0);
  expect(tell('delivery_duration_seconds_count', {})).toBe(183);
  expect(tell('queue_latency_seconds_count', {})).toBe(168);
  expect(tell('batch_events_sum', {})).toBeGreaterThanOrEqual(183);
  expect([tell('workers', {}), tell('workers_silent', {}), tell('redis_up', {})]).toEqual([2, 0, 1]);
  const processes = scrape.labelValues('process_resident_memory_bytes', 'process');
  expect([...processes].sort()).toEqual(['supervisor', 'worker-1', 'worker-2']);
  expect(scrape.labelValues('nodejs_eventloop_lag_p99_seconds', 'process')).toHaveLength(3);
  expect(readExpressions().flatMap((expression) => unknownIn(expression, scrape))).toEqual([]);
});

/** What dashboard and alerts name that is nowhere in a scrape: metrics, and labels of them. */
function unknownIn(expression: string, scrape: Scrape): string[] {
  return parsePromql(expression)
    .selections.filter(({ metric }) => metric !== 'up') // Prometheus' own
    .flatMap(({ metric, labels }) => {
      const samples = scrape.samples.filter(({ name }) => name === metric);
      if (samples.length === 0) return [metric];
      const lacking = labels.filter((label) => samples.every((one) => !(label in one.labels)));
      return lacking.map((label) => `${metric} ${label}`);
    });
}

test('no sum goes down when a worker is killed, or all are replaced', SLOW, async () => {
  const name = uniqueClientName();
  const company = await testSandbox().company(name);
  const { service, configure, send } = startService({ [name]: company.clientSettings() });
  const health = await healthOf(service);
  await service.waitForLine('started', WAIT);
  const attempts = (now: Scrape): number => now.sum('waybill_delivery_attempts_total', { client: name });
  const latencies = (now: Scrape): number => now.sum('waybill_queue_latency_seconds_count');
  await send(name, DISPOSITION, 200);
  const counted = await scrapeOnce(health, (now) => now.sum('waybill_events_delivered_total') === 200);
  expect(attempts(counted)).toBe(200);

  for (const pid of workerPids(service)) process.kill(pid, 'SIGKILL');
  const without = await scrapeOnce(health, (now) => now.sum('waybill_workers') === 0);
  expect([attempts(without), latencies(without)]).toEqual([200, 200]);
  expect(without.sum('waybill_workers_lost_total')).toBe(2);
  expect((await health.readiness()).checks.workers).toMatchObject({ ok: false });
  await scrapeOnce(health, (now) => now.sum('waybill_workers') === 2);
  await send(name, DISPOSITION, 100, 200);
  await company.waitFor((seen) => seen.deliveredIds.size === 300, WAIT);

  // What was counted since the last scrape is told by those that go.
  const other = uniqueClientName('other');
  configure({ [name]: company.clientSettings(), [other]: company.clientSettings() });
  service.signal('SIGHUP');
  await service.waitForLine('workers replaced', WAIT);
  const after = await scrapeOnce(health, (now) => now.sum('waybill_workers') === 2);
  expect([attempts(after), latencies(after), company.requests.length]).toEqual([300, 300, 300]);
  expect(after.sum('waybill_workers_lost_total')).toBe(2);
  expect(after.labelValues('waybill_waiting_events', 'client')).toEqual([name, other]);
  service.signal('SIGTERM');
  expect(await service.exit).toEqual({ code: 0, signal: null });
});
