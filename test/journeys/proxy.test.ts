import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createProducer } from '../../src/index.ts';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { freePort, whyNoServer } from '../support/foreign-server.ts';
import { ANY_PORT, healthOf } from '../support/health-client.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { startProxy, startTinyproxy } from '../support/proxies.ts';
import { testRedisPath, uniqueClientName } from '../support/redis.ts';
import { testSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';
import { runWaybill, startWaybill, testDirectory } from '../support/waybill-process.ts';

failOnLeaks();

const TYPE = 'disposition_update';
const WAIT = { timeoutMs: 60_000 };
const PASSWORD = 'of-the-proxy-alone';

test('the proxy is down: events wait without an attempt, and are delivered once it is back', async () => {
  const company = await testSandbox().company('acme');
  const port = await freePort();
  const proxy = `http://waybill:${PASSWORD}@127.0.0.1:${port}`;
  const engine = await testEngine({ acme: company.clientSettings({ retry: QUICK_RETRIES, proxy }) });
  const client = engine.client();
  const [id] = await client.submit(numberedEvents('disposition_update', 100));
  const line = await engine.log.waitForLine(({ msg }) => msg === 'events wait for the proxy');
  const reason = `no connection to proxy 127.0.0.1:${port} (ECONNREFUSED)`;
  expect(line).toMatchObject({ level: 'warn', blame: 'proxy', reason, retryInMs: 5_000 });
  await until(async () => (await client.status()).waiting === 100);
  const { endpoints, failedAttempts } = await client.status();
  expect(endpoints['disposition_update']?.withheld).toMatchObject({
    for: 'proxy',
    blame: 'proxy',
    detail: reason,
  });
  expect(failedAttempts).toEqual({});

  const back = await startProxy(undefined, { port });
  await client.settled({ delivered: 100 });
  expect(company.tally.received).toBe(100);
  expect(client.attempts(id)).toMatchObject([{ attempt: 1, outcome: 'delivered', status: 200 }]);
  expect(back.connects[0]?.target).toBe(new URL(company.baseUrl).host);
  await until(async () => (await client.status()).endpoints['disposition_update']?.withheld === undefined);
  expect(engine.log.matching('events are sent again')).toMatchObject([{ heldFor: 'proxy' }]);
  expect(JSON.stringify(engine.log.lines)).not.toContain(PASSWORD);
});

test('the proxy answers 407: events wait, which names user and password, and nothing of them', async () => {
  const company = await testSandbox().company('acme');
  const refusal = 'HTTP/1.1 407 Proxy Authentication Required\r\n\r\n';
  const server = await startProxy(() => refusal);
  const proxy = server.url.replace('//', `//waybill:${PASSWORD}@`);
  const engine = await testEngine({ acme: company.clientSettings({ retry: QUICK_RETRIES, proxy }) });
  const client = engine.client();
  await client.submit(numberedEvents('disposition_update', 10));
  const line = await engine.log.waitForLine(({ msg }) => msg === 'events wait for the proxy');
  const reason = `proxy 127.0.0.1:${server.port} answered 407 to CONNECT ${new URL(company.baseUrl).host}: check its user and password`;
  expect(line).toMatchObject({ level: 'warn', blame: 'credentials', reason });
  expect((await client.status()).failedAttempts).toEqual({});

  server.script = ({ authorization }) =>
    authorization === `Basic ${btoa(`waybill:${PASSWORD}`)}` ? 'connect' : refusal;
  await client.settled({ delivered: 10 });
  expect(company.tally.received).toBe(10);
  expect(JSON.stringify(engine.log.lines)).not.toContain(PASSWORD);
});

test('the longest hold for the proxy is over: each try is a failed attempt of class proxy', async () => {
  const company = await testSandbox().company('acme');
  const { url: proxy, connects } = await startProxy(() => 'HTTP/1.1 407 No\r\n\r\n');
  const settings = { retry: QUICK_RETRIES, pace: { holdMs: 0 }, proxy };
  const client = (await testEngine({ acme: company.clientSettings(settings) })).client();
  await client.submit(numberedEvents('disposition_update', 3));
  await client.settled({ dead: 3 });
  const [letter] = await client.deadLetters();
  expect(letter?.history?.map(([, status, failureClass]) => [status, failureClass])).toEqual(
    Array.from({ length: 6 }, () => [407, 'proxy']),
  );
  expect(connects).toHaveLength(18);
  expect(company.tally.received).toBe(0);
});

test('the proxy keeps us from the token service: the client is without a token, which names the proxy', async () => {
  const auth = { type: 'oauth2', clientId: uniqueClientName() } as const;
  const company = await testSandbox().company('acme', { auth });
  const server = await startProxy(() => 'HTTP/1.1 407 No\r\n\r\n');
  const engine = await testEngine({ acme: company.clientSettings({ proxy: server.url }) });
  const client = engine.client();
  await client.submit(numberedEvents('disposition_update', 3));
  const line = await engine.log.waitForLine(({ msg }) => msg === 'events wait for a token');
  expect(line).toMatchObject({
    blame: 'credentials',
    reason: expect.stringContaining(`was not asked: proxy 127.0.0.1:${server.port} answered 407 to CONNECT`),
  });
  server.script = () => 'connect';
  await client.settled({ delivered: 3 });
  expect([company.tally.received, company.tokenTally.received]).toEqual([3, 1]);
});

describe.skipIf(whyNoServer('tinyproxy') !== undefined)('tinyproxy', () => {
  test('lets all events through tunnels that are kept', async () => {
    const company = await testSandbox().company('acme', {
      auth: { type: 'oauth2', clientId: uniqueClientName() },
    });
    const proxy = await startTinyproxy({ user: 'waybill', password: PASSWORD });
    const url = `http://waybill:${PASSWORD}@127.0.0.1:${proxy.port}`;
    const settings = company.clientSettings({ proxy: url, concurrency: 8 });
    const client = (await testEngine({ acme: settings })).client();
    await client.submit(numberedEvents('disposition_update', 300));
    await client.settled({ delivered: 300 });
    expect(company.tally.received).toBe(300);
    const tunnels = proxy.output.match(/Request \(file descriptor \d+\): CONNECT /g)?.length ?? 0;
    expect(tunnels).toBeGreaterThan(0);
    expect(tunnels).toBeLessThanOrEqual(9);
  });

  test('refuses the endpoint by its filter: dead letters of class proxy with its status', async () => {
    const company = await testSandbox().company('acme');
    const proxy = await startTinyproxy({ deny: '127.0.0.1' });
    const settings = { retry: QUICK_RETRIES, proxy: `http://127.0.0.1:${proxy.port}` };
    const client = (await testEngine({ acme: company.clientSettings(settings) })).client();
    await client.submit(numberedEvents('disposition_update', 1));
    await client.settled({ dead: 1 });
    const [letter] = await client.deadLetters();
    expect(letter?.history?.map(([, status, failureClass]) => [status, failureClass])).toEqual(
      Array.from({ length: 6 }, () => [403, 'proxy']),
    );
    expect(letter?.response).toContain('answered 403 (Filtered) to CONNECT');
    expect((await client.status()).diedByClass).toEqual({ proxy: 1 });
    expect(company.tally.received).toBe(0);
  });
});

test('a service takes the proxy from its environment, and tells nowhere what its password is', async () => {
  const name = uniqueClientName();
  const auth = { type: 'oauth2', clientId: uniqueClientName() } as const;
  const company = await testSandbox().company(name, { auth });
  const proxy = await startProxy();
  const directory = testDirectory();
  const config = {
    redis: { url: testRedisPath() },
    metrics: ANY_PORT,
    clients: { [name]: company.clientSettings({ proxy: 'environment' }) },
  };
  const env = { HTTP_PROXY: proxy.url.replace('//', `//waybill:${PASSWORD}@`) };
  const service = startWaybill(['start', '--workers', '2'], { directory, config, env });
  const health = await healthOf(service);
  await service.waitForLine('started', WAIT);
  const producer = await createProducer(join(directory, 'waybill.yaml'));
  await producer.submitMany(name, TYPE, numberedEvents(TYPE, 20));
  await company.waitFor((seen) => seen.deliveredIds.size === 20, WAIT);
  expect(proxy.connects.map(({ target }) => target)).toContain(new URL(company.baseUrl).host);

  // From now on the password is wrong.
  proxy.script = () => 'HTTP/1.1 407 No\r\n\r\n';
  for (const socket of proxy.sockets) socket.destroy();
  await producer.submitMany(name, TYPE, numberedEvents(TYPE, 20, 20));
  await producer.close();
  await service.waitForLine('events wait for the proxy', WAIT);
  await until(
    async () => (await health.scrape()).sum('waybill_withheld', { for: 'proxy' }) === 1,
    WAIT.timeoutMs,
  );
  expect((await health.readiness()).checks.oldestWaiting.detail).toContain(
    `events wait for the proxy: "${name}"`,
  );
  const status = await runWaybill(['status', name], { directory, env });
  expect(status.stdout).toContain('events wait for the proxy since');
  expect(status.stdout).toContain('check its user and password');

  proxy.script = () => 'connect';
  await company.waitFor((seen) => seen.deliveredIds.size === 40, WAIT);
  service.signal('SIGTERM');
  expect(await service.exit).toEqual({ code: 0, signal: null });
  const told = [service.stdout, service.stderr, status.stdout, status.stderr].join();
  expect(told).not.toContain(PASSWORD);
  expect(told).not.toContain(btoa(`waybill:${PASSWORD}`));
}, 120_000);
