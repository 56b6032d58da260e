import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { createProducer, parseConfig } from '../../src/index.ts';
import { deadLettersPrefix } from '../../src/queue/names.ts';
import { type Config, type ConfigInput, type RunningService, startService } from '../../src/service.ts';
import { dataDirectory } from '../redis/data-dirs.ts';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { captureLogLines } from '../support/log-lines.ts';
import { testRedis, testRedisPath, uniqueClientName } from '../support/redis.ts';
import { testSandbox } from '../support/sandbox.ts';
import { testCertificates } from '../support/tls.ts';
import { testDirectory } from '../support/waybill-process.ts';

failOnLeaks();

const TYPE = 'disposition_update';
const QUICK = { retry: { baseDelayMs: 20, factor: 1, jitter: 0 }, pace: 'fixed' } as const;
/** A signal or an event that a service in a process of its own would handle. */
const HANDLED = ['SIGTERM', 'SIGINT', 'SIGHUP', 'exit', 'uncaughtException', 'unhandledRejection'] as const;

/** A client that fails the first attempt of each event, and a configuration for it. */
async function configured(settings: object = { redis: { url: testRedisPath() } }) {
  const name = uniqueClientName();
  const company = await testSandbox().company(name, {
    script: (_request, { ofEvent }) => (ofEvent === 1 ? 500 : 200),
  });
  return { name, company, config: { ...settings, clients: { [name]: company.clientSettings(QUICK) } } };
}

async function start(config: Config | ConfigInput | string) {
  const lines = captureLogLines();
  const service: RunningService = await startService(config, { log: pino(lines.stream) });
  onTestFinished(() => service.stop());
  return { service, lines };
}

async function submit(config: Config | ConfigInput | string, name: string, count: number) {
  const producer = await createProducer(config);
  onTestFinished(() => producer.close());
  const results = await producer.submitMany(name, TYPE, numberedEvents(TYPE, count));
  expect(results.every(({ outcome }) => outcome === 'accepted')).toBe(true);
}

test('a service delivers in this process, leaves its signals alone, and stops once', async () => {
  const { name, company, config } = await configured();
  const before = HANDLED.map((event) => process.listenerCount(event));
  const { service, lines } = await start(config);
  expect(HANDLED.map((event) => process.listenerCount(event))).toEqual(before);
  await submit(config, name, 100);
  await company.waitFor(() => company.deliveredIds.size === 100);
  expect(lines.matching('started')).toMatchObject([{ workers: 1, pid: process.pid }]);
  const stopping = service.stop();
  expect(service.stop()).toBe(stopping);
  await stopping;
  expect(lines.lines.at(-1)).toMatchObject({ msg: 'stopped' });
  expect(lines.matching('stopped')).toHaveLength(1);
});

test('with no Redis configured the embedded one is started, and stops with the service', async () => {
  const dataDir = dataDirectory();
  const { name, company, config } = await configured({ dataDir });
  const service = await startService(config);
  const producer = await createProducer(config);
  expect(await producer.submitMany(name, TYPE, numberedEvents(TYPE, 3))).toHaveLength(3);
  await company.waitFor(() => company.deliveredIds.size === 3);
  await producer.close();
  expect(existsSync(join(dataDir, 'redis', 'redis.sock'))).toBe(true);
  await service.stop();
  expect(existsSync(join(dataDir, 'redis', 'redis.sock'))).toBe(false);
});

test('the HTTP API, health and metrics are served as configured, and end with the service', async () => {
  const { name, company, config } = await configured({
    redis: { url: testRedisPath() },
    metrics: { port: 0 },
    http: { port: 0, keys: [{ name: 'orders', sha256: '0'.repeat(64), scopes: ['submit'] }] },
  });
  const { service, lines } = await start(config);
  await submit(config, name, 3);
  await company.waitFor(() => company.deliveredIds.size === 3);
  const [served] = lines.matching('metrics served');
  const [listens] = lines.matching('http api listens');
  const ask = (url: string) => fetch(url, { headers: { connection: 'close' } });
  const health = `http://127.0.0.1:${served?.port}`;
  expect((await ask(`${health}/readyz`)).status).toBe(200);
  await expect
    .poll(async () => (await ask(`${health}/metrics`)).text())
    .toMatch(new RegExp(`^waybill_[a-z_]*delivered[a-z_]*\\{[^}]*client="${name}"[^}]*\\} 3$`, 'm'));
  expect((await ask(`${String(listens?.address)}/v1/clients`)).status).toBe(401);
  await service.stop();
  await expect(ask(`${health}/readyz`)).rejects.toThrow();
  await expect(ask(`${String(listens?.address)}/v1/clients`)).rejects.toThrow();
});

test('TLS files that were renewed after the configuration was read are taken', async () => {
  const { ca, valid, selfSigned } = await testCertificates();
  const name = uniqueClientName();
  const company = await testSandbox().company(name, { tls: valid });
  const file = join(testDirectory(), 'waybill.yaml');
  const authority = join(dirname(file), 'ca.pem');
  const clients = { [name]: company.clientSettings({ ...QUICK, tls: { ca: 'ca.pem' } }) };
  writeFileSync(authority, selfSigned.cert);
  const config = parseConfig(JSON.stringify({ redis: { url: testRedisPath() }, clients }), file);
  writeFileSync(authority, ca);
  const { lines } = await start(config);
  expect(lines.matching('new TLS files taken')).toMatchObject([{ clients: [name], files: [authority] }]);
  await submit(config, name, 1);
  await company.waitFor(() => company.deliveredIds.size === 1);
});

test('what cannot start rejects with a code, and leaves nothing open', async () => {
  const { config } = await configured();
  await expect(startService({ ...config, clients: {} })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  await expect(startService('/nowhere/waybill.yaml')).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  const nowhere = { ...config, redis: { url: '/nowhere/redis.sock' } };
  await expect(startService(nowhere)).rejects.toMatchObject({
    code: 'REDIS_UNAVAILABLE',
    message: expect.stringContaining('/nowhere/redis.sock'),
  });
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void taken.close());
  const { port } = taken.address() as { port: number };
  const http = { port, keys: [{ name: 'orders', sha256: '0'.repeat(64), scopes: ['submit' as const] }] };
  await expect(startService({ ...config, http })).rejects.toMatchObject({ code: 'HTTP_LISTEN_FAILED' });
  const metrics = { port };
  await expect(startService({ ...config, metrics })).rejects.toMatchObject({ code: 'METRICS_LISTEN_FAILED' });
});

test('a log is given an error without the command that hangs on it', async () => {
  const { name, config } = await configured();
  const redis = testRedis();
  await redis.set(`${deadLettersPrefix(name)}prioritized`, 'of another type');
  const { lines } = await start({ ...config, deadLetters: { keepDays: 1 } });
  const { err } = await lines.waitForLine('dead letters could not be pruned');
  expect(err).toEqual({
    type: 'Error',
    name: 'ReplyError',
    message: expect.stringContaining('WRONGTYPE'),
    stack: expect.any(String),
  });
});
