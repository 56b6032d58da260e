import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { v7 as uuidv7 } from 'uuid';
import { expect, onTestFinished, test } from 'vitest';
import { OPEN_VERDICT } from '../../src/core/pace.ts';
import { admit } from '../../src/queue/admit.ts';
import { writeVerdict } from '../../src/queue/pace-store.ts';
import { createProducer } from '../../src/service/producer.ts';
import { readView } from '../support/client-view.ts';
import { numberedEvents } from '../support/events.ts';
import { ANY_PORT, healthOf } from '../support/health-client.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { testRedis, testRedisPath, uniqueClientName } from '../support/redis.ts';
import { testSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';
import { runWaybill, startWaybill, testDirectory } from '../support/waybill-process.ts';

failOnLeaks();

/** Processes are started, by a machine that may have other things to do. */
const SLOW = { timeout: 180_000 };
const WAIT = { timeoutMs: 30_000 };
const TYPE = 'disposition_update';
const clients = { acme: { baseUrl: 'http://127.0.0.1:1', endpoints: { [TYPE]: '/' } } };
/** Of what is late, and of what nobody takes. */
const BOUND_MS = 1_000;

async function startFor(name: string, client: object) {
  const directory = testDirectory();
  const metrics = { ...ANY_PORT, oldestWaitingMs: BOUND_MS, untakenMs: BOUND_MS };
  const config = { redis: { url: testRedisPath() }, metrics, clients: { [name]: client } };
  const service = startWaybill(['start', '--workers', '1'], { directory, config });
  return { directory, service, health: await healthOf(service) };
}

test('/readyz follows Redis, frozen, gone and back, while /livez and /metrics go on', SLOW, async () => {
  const redis = await startOwnRedis();
  const config = { redis: { url: redis.socketPath }, metrics: ANY_PORT, clients };
  const service = startWaybill(['start', '--workers', '1'], { config });
  const health = await healthOf(service);
  await service.waitForLine('started', WAIT);
  await until(async () => (await health.readiness()).status === 200, WAIT.timeoutMs);
  const { checks } = await health.readiness();
  expect(Object.entries(checks).map(([name, { ok }]) => [name, ok])).toEqual([
    ['redis', true],
    ['workers', true],
    ['oldestWaiting', true],
    ['watchdog', true],
  ]);

  redis.freeze();
  await until(async () => (await health.readiness()).status === 503, WAIT.timeoutMs);
  redis.thaw();
  await until(async () => (await health.readiness()).status === 200, WAIT.timeoutMs);
  await redis.kill();
  await until(async () => (await health.readiness()).status === 503, WAIT.timeoutMs);
  const away = (await health.readiness()).checks;
  expect(away).toMatchObject({ redis: { ok: false }, workers: { ok: true } });
  // What the connection itself says of a command is about its settings.
  expect(away.redis?.detail).toMatch(/^Redis does not answer: (?!.*(?:enableOfflineQueue|maxRetries))/);
  expect((await health.get('/metrics?name=x')).type).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect((await health.get('/metrics', 'POST')).status).toBe(405);
  expect((await health.get('/')).status).toBe(404);
  expect(await health.get('/livez')).toMatchObject({ status: 200, type: 'application/json' });
  const scrape = await health.scrape();
  expect([scrape.sum('waybill_redis_up'), scrape.sum('waybill_workers')]).toEqual([0, 1]);
  expect(scrape.types.has('waybill_delivery_attempts_total')).toBe(true);

  await redis.start();
  await until(async () => (await health.readiness()).status === 200, WAIT.timeoutMs);
  expect((await health.scrape()).sum('waybill_redis_up')).toBe(1);
  service.signal('SIGTERM');
  expect(await service.exit).toEqual({ code: 0, signal: null });
});

test(
  'a queue that no worker takes from is noticed, said once, and forgotten when workers take from it again',
  SLOW,
  async () => {
    const name = uniqueClientName();
    const company = await testSandbox().company(name);
    const { directory, service, health } = await startFor(name, company.clientSettings());
    const { pid } = await service.waitForLine('delivering', WAIT);
    await service.waitForLine('started', WAIT);
    // All that the service has is a worker that stands still: its process lives.
    process.kill(Number(pid), 'SIGSTOP');
    const producer = await createProducer(join(directory, 'waybill.yaml'));
    await producer.submitMany(name, TYPE, numberedEvents(TYPE, 3));
    await producer.close();

    const warning = await service.waitForLine('no worker takes events', WAIT);
    expect(warning).toMatchObject({ level: 'warn', client: name });
    await until(async () => (await health.readiness()).checks.oldestWaiting.ok === false, WAIT.timeoutMs);
    const { status, checks } = await health.readiness();
    expect(status).toBe(503);
    expect(checks).toMatchObject({ redis: { ok: true }, workers: { ok: true }, watchdog: { ok: false } });
    expect(`${checks.watchdog.detail} ${checks.oldestWaiting.detail}`.split(name)).toHaveLength(3);
    const stuck = await health.scrape();
    expect(stuck.sum('waybill_untaken', { client: name })).toBe(1);
    expect(stuck.sum('waybill_waiting_events', { client: name })).toBe(3);
    expect(stuck.sum('waybill_oldest_waiting_event_age_seconds', { client: name })).toBeGreaterThan(1);
    expect(stuck.sum('waybill_workers_silent')).toBe(1);

    process.kill(Number(pid), 'SIGCONT');
    await service.waitForLine('workers take events again', WAIT);
    await company.waitFor((seen) => seen.deliveredIds.size === 3, WAIT);
    await until(async () => (await health.readiness()).status === 200, WAIT.timeoutMs);
    expect((await health.scrape()).sum('waybill_untaken')).toBe(0);
    expect(service.lines.filter(({ msg }) => msg === warning.msg)).toHaveLength(1);
    service.signal('SIGTERM');
    expect(await service.exit).toEqual({ code: 0, signal: null });
  },
);

test(
  'events that wait for a token make a service neither unready nor late, however long they wait',
  SLOW,
  async () => {
    const name = uniqueClientName();
    const auth = { type: 'oauth2', clientId: uniqueClientName() } as const;
    const company = await testSandbox().company(name, { auth, tokenScript: 503 });
    const { directory, service, health } = await startFor(name, company.clientSettings());
    await service.waitForLine('started', WAIT);
    const producer = await createProducer(join(directory, 'waybill.yaml'));
    await producer.submitMany(name, TYPE, numberedEvents(TYPE, 3));
    await producer.close();
    await service.waitForLine('events wait for a token', WAIT);

    const redis = testRedis();
    const endpoint = async () => (await readView(redis, name)).endpoints[TYPE];
    await until(async () => ((await endpoint())?.oldestMs ?? 0) > 3_000, WAIT.timeoutMs);
    expect((await endpoint())?.withheld?.for).toBe('token');
    expect(await health.readiness()).toMatchObject({ status: 200, checks: { watchdog: { ok: true } } });
    const scrape = await health.scrape();
    expect(scrape.sum('waybill_oldest_waiting_event_age_seconds', { client: name })).toBe(0);
    const shown = await runWaybill(['status', name], { directory });
    expect(shown.stdout).toContain(`${name} ${TYPE}: events wait for a token since `);
    expect(shown.stdout).toContain('answered 503: Service Unavailable');
    expect(service.lines.filter(({ msg }) => msg === 'no worker takes events')).toEqual([]);
    service.signal('SIGTERM');
    expect(await service.exit).toEqual({ code: 0, signal: null });
  },
);

test(
  'an endpoint that is down for longer than any bound makes a service neither unready nor late, and has metrics',
  SLOW,
  async () => {
    const name = uniqueClientName();
    const { service, health } = await startFor(name, clients.acme);
    const { pid } = await service.waitForLine('delivering', WAIT);
    await service.waitForLine('started', WAIT);
    // The only worker stands still, so that nothing is taken: the events have waited for an hour, and go on waiting.
    process.kill(Number(pid), 'SIGSTOP');
    const redis = testRedis();
    const endpoint = { client: name, type: TYPE };
    const since = Date.now() - 3_600_000;
    await writeVerdict(redis, endpoint, {
      ...OPEN_VERDICT,
      number: 1,
      state: 'down',
      since,
      downFrom: since,
    });
    const event = { id: uuidv7(), type: TYPE, unit: 'u', body: '{}' };
    await admit(redis, endpoint, [{ id: uuidv7(), events: [event] }], since);

    const first = await health.scrape();
    await until(async () => (await health.readiness()).checks.oldestWaiting.detail === 'nothing waits');
    const bounds = performance.now() + 3 * BOUND_MS;
    await until(async () => {
      expect(await health.readiness()).toMatchObject({ status: 200, checks: { watchdog: { ok: true } } });
      return performance.now() > bounds;
    }, WAIT.timeoutMs);
    const scrape = await health.scrape();
    expect(scrape.sum('waybill_oldest_waiting_event_age_seconds', { client: name })).toBe(0);
    expect(scrape.sum('waybill_pace_state', { client: name, type: TYPE, state: 'down' })).toBe(1);
    expect(scrape.sum('waybill_pace_state', { client: name, type: TYPE })).toBe(1);
    expect(scrape.sum('waybill_paced_events', { client: name, type: TYPE })).toBe(1);
    expect(first.sum('waybill_untaken') + scrape.sum('waybill_untaken')).toBe(0);

    // What could be sent is to be taken: the same events are late once the endpoint is open.
    await writeVerdict(redis, endpoint, { ...OPEN_VERDICT, number: 2, state: 'open', since: Date.now() });
    await until(async () => (await health.readiness()).status === 503, WAIT.timeoutMs);
    process.kill(Number(pid), 'SIGCONT');
    service.signal('SIGTERM');
    expect(await service.exit).toEqual({ code: 0, signal: null });
  },
);

test('a real endpoint that stays down beyond both bounds leaves /readyz at 200', SLOW, async () => {
  const name = uniqueClientName();
  const company = await testSandbox().company(name, { script: 'reset' });
  const { directory, service, health } = await startFor(name, company.clientSettings());
  await service.waitForLine('started', WAIT);
  const producer = await createProducer(join(directory, 'waybill.yaml'));
  onTestFinished(() => producer.close());
  await producer.submitMany(name, TYPE, numberedEvents(TYPE, 100));
  await service.waitForLine('endpoint down', WAIT);
  await producer.submitMany(name, TYPE, numberedEvents(TYPE, 100, 100));

  const bounds = performance.now() + 3 * BOUND_MS;
  await until(async () => performance.now() > bounds, WAIT.timeoutMs);
  const redis = testRedis();
  await until(async () => ((await readView(redis, name)).endpoints[TYPE]?.oldestMs ?? 0) > 3_000);
  expect(await health.readiness()).toMatchObject({
    status: 200,
    checks: { watchdog: { ok: true }, oldestWaiting: { ok: true } },
  });
  expect((await readView(redis, name)).endpoints[TYPE]?.pace.state).toBe('down');
  service.signal('SIGTERM');
  expect(await service.exit).toEqual({ code: 0, signal: null });
});

test('an address that is taken ends the start with a sentence', SLOW, async () => {
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await until(async () => server.listening);
  const { port } = server.address() as AddressInfo;
  const redis = { url: testRedisPath() };
  const taken = { redis, metrics: { port }, clients };
  const { code, stderr } = await runWaybill(['start', '--workers', '1'], { config: taken });
  expect([code, stderr]).toEqual([
    2,
    expect.stringMatching(`metrics cannot be served.*port ${port}.*EADDRINUSE`),
  ]);
});
