import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { stringify } from 'yaml';
import {
  type Config,
  createProducer,
  type Producer,
  type ProducerOptions,
  parseConfig,
} from '../../src/index.ts';
import { endpointPrefix } from '../../src/queue/names.ts';
import { dataDirectory, recorded } from '../redis/data-dirs.ts';
import { numberedEvent, numberedEvents, sampleEvent } from '../support/events.ts';
import { type OwnRedis, startOwnRedis } from '../support/own-redis.ts';
import { testRedisPath, uniqueClientName } from '../support/redis.ts';
import { until } from '../support/until.ts';

const TYPE = 'inventory_receipt';
/** How long a Redis is waited for that is not going to answer. */
const ANSWER_TIMEOUT_MS = 300;

function configFor(client: string, settings: Record<string, unknown>): Config {
  const endpoints = { inventory_receipt: '/inventory_receipt' };
  const clients = { [client]: { baseUrl: 'https://returns.acme.example', endpoints } };
  return parseConfig(stringify({ ...settings, clients }), '/srv/acme/waybill.yaml', {});
}

async function openProducer(config: Config, options?: ProducerOptions): Promise<Producer> {
  const producer = await createProducer(config, options);
  onTestFinished(() => producer.close());
  return producer;
}

/** A producer with a Redis of its own. */
async function producerWithRedis(
  options?: ProducerOptions,
): Promise<{ server: OwnRedis; producer: Producer }> {
  const server = await startOwnRedis();
  const config = configFor('acme', { redis: { url: server.socketPath } });
  return { server, producer: await openProducer(config, options) };
}

/** Submits until an event is accepted. */
function untilAccepted(producer: Producer): Promise<void> {
  return until(async () => (await producer.submit('acme', TYPE, sampleEvent(TYPE))).outcome === 'accepted');
}

async function storedEvents(redis: Redis, client: string): Promise<{ id: string; body: string }[]> {
  const prefix = endpointPrefix({ client, type: TYPE });
  const ids = await redis.lrange(`${prefix}wait`, 0, -1);
  const jobs = await Promise.all(ids.map((id) => redis.hget(`${prefix}${id}`, 'data')));
  return jobs.reverse().flatMap((data) => (JSON.parse(data ?? '{}') as { events: [] }).events);
}

test('an accepted event is in Redis, under its id and with its exact body', async () => {
  const { server, producer } = await producerWithRedis();
  const result = await producer.submit('acme', TYPE, sampleEvent(TYPE));
  expect(result).toEqual({ outcome: 'accepted', id: expect.any(String) });
  const [event] = await storedEvents(server.connect(), 'acme');
  expect(event).toMatchObject({ id: (result as { id: string }).id, type: TYPE });
  expect(JSON.parse(event?.body ?? '')).toMatchObject({ upc: '12345678905' });
});

test('many events keep their order, and each has a result of its own', async () => {
  const { server, producer } = await producerWithRedis();
  const payloads = numberedEvents(TYPE, 2_500);
  (payloads[17] as { sku: unknown }).sku = undefined;
  const results = await producer.submitMany('acme', TYPE, payloads);
  expect(results).toHaveLength(2_500);
  expect(results[17]).toEqual({
    outcome: 'refused',
    code: 'INVALID_EVENT',
    problems: [{ path: '$.sku', message: expect.any(String) }],
  });
  const accepted = results.flatMap((result) => (result.outcome === 'accepted' ? [result.id] : []));
  expect(accepted).toHaveLength(2_499);
  expect((await storedEvents(server.connect(), 'acme')).map(({ id }) => id)).toEqual(accepted);
});

test('what the configuration does not know is refused', async () => {
  const { producer } = await producerWithRedis();
  const update = sampleEvent('disposition_update');
  const codes = [
    await producer.submit('nobody', TYPE, sampleEvent(TYPE)),
    await producer.submit('constructor', TYPE, sampleEvent(TYPE)),
    await producer.submit('acme', 'disposition_update', update),
    await producer.submit('acme', 'disposition' as 'disposition_update', update),
  ].map((result) => result.outcome === 'refused' && result.code);
  expect(codes).toEqual(['UNKNOWN_CLIENT', 'UNKNOWN_CLIENT', 'NO_ENDPOINT', 'UNKNOWN_EVENT_TYPE']);
});

test('an event of more than 256 KiB is refused', async () => {
  const { producer } = await producerWithRedis();
  const large = numberedEvent(TYPE, 1, { return_reason: 'x'.repeat(256 * 1024) });
  expect(await producer.submit('acme', TYPE, large)).toMatchObject({ code: 'EVENT_TOO_LARGE' });
});

test('while Redis is down each event is refused at once; afterwards all is well again', async () => {
  const { server, producer } = await producerWithRedis();
  await server.kill();
  const results = await producer.submitMany('acme', TYPE, numberedEvents(TYPE, 3));
  for (const result of results) expect(['refused', 'unknown']).toContain(result.outcome);
  const later = await producer.submit('acme', TYPE, sampleEvent(TYPE));
  expect(later).toMatchObject({ outcome: 'refused', code: 'REDIS_UNAVAILABLE' });
  await server.start();
  await untilAccepted(producer);
});

test('a producer opens while Redis is down, and refuses until it is there', async () => {
  const server = await startOwnRedis();
  await server.kill();
  const producer = await openProducer(configFor('acme', { redis: { url: server.socketPath } }));
  const result = await producer.submit('acme', TYPE, sampleEvent(TYPE));
  expect(result).toMatchObject({ outcome: 'refused', code: 'REDIS_UNAVAILABLE' });
  await server.start();
  await untilAccepted(producer);
});

test('a full Redis refuses events until it has room', async () => {
  const { server, producer } = await producerWithRedis();
  const admin = server.connect();
  await admin.config('SET', 'maxmemory', '1');
  const result = await producer.submit('acme', TYPE, sampleEvent(TYPE));
  expect(result).toMatchObject({ outcome: 'refused', code: 'REDIS_REFUSED' });
  await admin.config('SET', 'maxmemory', '0');
  await untilAccepted(producer);
});

test('a frozen Redis makes one event unknown and refuses the next, until it goes on', async () => {
  const { server, producer } = await producerWithRedis({ answerTimeoutMs: ANSWER_TIMEOUT_MS });
  server.freeze();
  const first = await producer.submit('acme', TYPE, sampleEvent(TYPE));
  expect(first).toMatchObject({ outcome: 'unknown', id: expect.any(String) });
  const second = await producer.submit('acme', TYPE, sampleEvent(TYPE));
  expect(second).toMatchObject({ outcome: 'refused', code: 'REDIS_UNAVAILABLE' });
  server.thaw();
  await untilAccepted(producer);
});

test('closing writes what was submitted, and refuses what comes later', async () => {
  const { server, producer } = await producerWithRedis();
  const submitted = producer.submitMany('acme', TYPE, numberedEvents(TYPE, 100));
  await producer.close();
  expect((await submitted).every(({ outcome }) => outcome === 'accepted')).toBe(true);
  expect(await storedEvents(server.connect(), 'acme')).toHaveLength(100);
  const late = await producer.submit('acme', TYPE, sampleEvent(TYPE));
  expect(late).toMatchObject({ outcome: 'refused', code: 'INTAKE_CLOSED' });
});

test('closing while Redis is frozen ends, with the outcome unknown', async () => {
  const { server, producer } = await producerWithRedis({ answerTimeoutMs: ANSWER_TIMEOUT_MS });
  server.freeze();
  const submitted = producer.submit('acme', TYPE, sampleEvent(TYPE));
  await producer.close();
  expect(await submitted).toMatchObject({ outcome: 'unknown' });
  server.thaw();
});

test('the shared Redis of a run takes events by its socket path', async () => {
  const client = uniqueClientName();
  const producer = await openProducer(configFor(client, { redis: { url: testRedisPath() } }));
  expect(await producer.submit(client, TYPE, sampleEvent(TYPE))).toMatchObject({ outcome: 'accepted' });
});

test('a configuration may be given as an object, and what is wrong with it is named', async () => {
  const name = uniqueClientName();
  const client = { baseUrl: 'https://returns.acme.example', endpoints: { inventory_receipt: '/r' } };
  const producer = await createProducer({ redis: { url: testRedisPath() }, clients: { [name]: client } });
  onTestFinished(() => producer.close());
  expect((await producer.submit(name, TYPE, sampleEvent(TYPE))).outcome).toBe('accepted');

  const wrong = createProducer({ clients: { [name]: { ...client, baseUrl: 'ftp://acme.example' } } });
  await expect(wrong).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    problems: [{ path: expect.stringContaining('baseUrl') }],
  });
});

test('with no Redis configured the embedded one is started, and stops with its last user', async () => {
  const dataDir = dataDirectory();
  const config = configFor('acme', { dataDir });
  const producer = await createProducer(config);
  const other = await createProducer(config);
  expect(await producer.submit('acme', TYPE, sampleEvent(TYPE))).toMatchObject({ outcome: 'accepted' });
  await producer.close();
  expect(await other.submit('acme', TYPE, sampleEvent(TYPE))).toMatchObject({ outcome: 'accepted' });
  expect(existsSync(join(dataDir, 'redis', 'redis.sock'))).toBe(true);
  await other.close();
  expect(recorded(dataDir)).toBeUndefined();

  const again = await openProducer(config);
  const redis = new Redis(join(dataDir, 'redis', 'redis.sock'));
  onTestFinished(() => redis.disconnect());
  expect(await storedEvents(redis, 'acme')).toHaveLength(2);
  await again.close();
});

test('a configuration file that does not exist is a configuration error', async () => {
  await expect(createProducer('/nowhere/waybill.yaml')).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});

test('what is wrong with a configuration object is told without a file and lines that there are not', async () => {
  const creating = createProducer({ clients: { acme: { baseUrl: 'acme', endpoints: {} } } });
  const error = await creating.catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'CONFIG_INVALID', file: '' });
  expect((error as Error).message).toMatch(
    /^the configuration object has \d problems:\n {2}\$\.clients\.acme\./,
  );
  expect((error as Error).message).not.toMatch(/line \d|waybill\.yaml/);
});
