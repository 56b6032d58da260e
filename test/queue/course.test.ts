import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { courseKey, type Endpoint, incidentsKey } from '../../src/queue/names.ts';
import { readOutageRecords } from '../../src/queue/outage-records.ts';
import { NOTE_COURSE } from '../../src/queue/scripts/note-course.ts';
import { dispositionsOf } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testRedis, uniqueClientName } from '../support/redis.ts';

failOnLeaks();

const T0 = Date.UTC(2026, 2, 1, 12);
const MINUTE_MS = 60_000;

interface Attempts {
  readonly failures?: Readonly<Record<string, number>>;
  readonly judged?: number;
  readonly delivered?: Readonly<Record<string, number>>;
}

/** An endpoint whose attempts are noted as settlements do it. */
function endpointOf(redis: Redis = testRedis()) {
  const endpoint: Endpoint = dispositionsOf(uniqueClientName());
  const key = courseKey(endpoint);
  const script = `${NOTE_COURSE}\nnoteCourse(KEYS[1], KEYS[2], cjson.decode(ARGV[1]))`;
  const note = async (minutes: number, { failures, judged, delivered = {} }: Attempts) => {
    const counters = Object.entries(delivered).map(([status, n]) => [
      `delivered:${endpoint.type}:${status}`,
      n,
    ]);
    const now = T0 + minutes * MINUTE_MS;
    const order = { type: endpoint.type, now, failures, judged, counters: Object.fromEntries(counters) };
    await redis.eval(script, 2, key, incidentsKey(endpoint.client), JSON.stringify(order));
  };
  const course = async () =>
    (await readOutageRecords(redis, endpoint)).course.map((point) => [
      (point.at - T0) / MINUTE_MS,
      `${point.class} ${point.status}`,
      point.count,
    ]);
  const total = async () => (await course()).reduce((sum, [, , count]) => sum + Number(count), 0);
  return { redis, endpoint, key, note, course, total };
}

test('a course begins with the first failure, and has what is delivered afterwards', async () => {
  const { redis, key, note, course } = endpointOf();
  await note(0, { delivered: { 200: 50 } });
  expect(await redis.exists(key)).toBe(0);
  await note(1, { failures: { 'timeout:0': 2, 'server_error:503': 3 }, judged: 0, delivered: { 201: 4 } });
  await note(1, { failures: { 'server_error:503': 1 }, judged: 0 });
  await note(3, { delivered: { 200: 7 } });
  expect(await course()).toEqual([
    [1, 'timeout 0', 2],
    [1, 'delivered 201', 4],
    [1, 'server_error 503', 4],
    [3, 'delivered 200', 7],
  ]);
});

test('a course is kept for six hours after the last failure, and for seven days while there is an incident', async () => {
  const { redis, endpoint, key, note } = endpointOf();
  await note(0, { failures: { 'timeout:0': 1 }, judged: 0 });
  expect(await redis.pttl(key)).toBeLessThanOrEqual(6 * 60 * MINUTE_MS);
  await redis.hset(incidentsKey(endpoint.client), `${endpoint.type}:openedAt`, T0);
  await note(1, { failures: { 'timeout:0': 1 }, judged: 0 });
  expect(await redis.pttl(key)).toBeGreaterThan(6 * 24 * 60 * MINUTE_MS);
});

test('refused events in a row are counted until one is delivered', async () => {
  const { redis, key, note } = endpointOf();
  const run = () => redis.hmget(key, 'run', 'runFrom');
  await note(0, { failures: { 'client_error:422': 60 }, judged: 60 });
  await note(2, { failures: { 'client_error:422': 40, 'timeout:0': 1 }, judged: 40 });
  expect(await run()).toEqual(['100', String(T0)]);
  await note(3, { delivered: { 200: 1 } });
  expect(await run()).toEqual([null, null]);
});

test('a long outage is told in longer spans, and nothing of it is lost', async () => {
  const { redis, endpoint, key, note, course, total } = endpointOf();
  await redis.hset(incidentsKey(endpoint.client), `${endpoint.type}:openedAt`, T0);
  for (let minute = 0; minute < 1_000; minute += 1)
    await note(minute, { failures: { 'timeout:0': 2 }, judged: 0 });
  expect(await redis.hlen(key)).toBeLessThanOrEqual(401);
  expect(await total()).toBe(2_000);
  expect((await course())[1]?.[0]).toBe(4);
  expect(await redis.pttl(key)).toBeGreaterThan(0);
});

test('without an incident a full course loses what is older than six hours; made-up statuses are put together', async () => {
  const { redis, key, note, course } = endpointOf();
  for (let minute = 0; minute < 1_000; minute += 1)
    await note(minute, { failures: { 'timeout:0': 1 }, judged: 0 });
  expect(Number((await course())[0]?.[0])).toBeGreaterThanOrEqual(400);
  expect(await redis.hlen(key)).toBeLessThanOrEqual(401);

  const odd = endpointOf(redis);
  for (let status = 0; status < 900; status += 50) {
    const made = Array.from({ length: 50 }, (_, n) => [`client_error:${100 + status + n}`, 1]);
    await odd.note(0, { failures: Object.fromEntries(made), judged: 0 });
  }
  for (let n = 0; n < 12; n += 1) await odd.note(0, { failures: { [`client_error:${n}`]: 1 }, judged: 0 });
  expect(await odd.total()).toBe(912);
  expect(await redis.hlen(odd.key)).toBeLessThanOrEqual(450);
});
