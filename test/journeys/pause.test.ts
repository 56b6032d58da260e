import { expect, test } from 'vitest';
import { endpointPrefix } from '../../src/queue/names.ts';
import { setPaused } from '../../src/queue/pause-client.ts';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { dispositionsOf, numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { failTimes } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';

failOnLeaks();

const TYPE = 'disposition_update';
const NOW = Date.UTC(2026, 0, 1);
/** Time for a pause before the retries, even on a slow machine. */
const DELAY_MS = 2_000;

test('a pause finishes what is under way, puts the rest back uncounted, and a resume delivers it', async () => {
  const company = await testSandbox().company('acme');
  company.script({ delayMs: 50 });
  const engine = await testEngine({ acme: company.clientSettings({ concurrency: 1, retry: QUICK_RETRIES }) });
  const client = engine.client();
  await client.submit(numberedEvents(TYPE, 120));
  await company.waitFor(2);
  expect(await setPaused(engine.redis, client.name, true, NOW)).toBe(true);
  expect(await client.status()).toMatchObject({ pausedAt: NOW });
  await until(async () => (await client.status()).inFlight === 0);
  const sent = company.tally.received;
  const paused = await client.status();
  expect(paused).toMatchObject({ delivered: sent, waiting: 120 - sent, retrying: 0, failedAttempts: {} });
  // A batch of fifty was open.
  expect(sent).toBeLessThan(50);
  company.script({});

  await client.submit(numberedEvents(TYPE, 5, 120));
  expect(company.tally.received).toBe(sent);
  expect(await setPaused(engine.redis, client.name, false, NOW)).toBe(true);
  await until(async () => (await client.status()).delivered === 125);
  expect(company.tally.received).toBe(125);
  expect(company.requests.every((request) => request.headers['x-waybill-attempt'] === '1')).toBe(true);
  expect((await client.status()).pausedAt).toBeUndefined();
});

test('retries that come due during a pause wait for its end, and count as what they are', async () => {
  const company = await testSandbox().company('acme', { script: failTimes(1, 500) });
  const retry = { ...QUICK_RETRIES, baseDelayMs: DELAY_MS, maxDelayMs: DELAY_MS };
  const engine = await testEngine({ acme: company.clientSettings({ retry, pace: 'fixed' }) });
  const client = engine.client();
  await client.submit(numberedEvents(TYPE, 3));
  await client.settled({ retried: 3 });
  await setPaused(engine.redis, client.name, true, NOW);
  // What is due is moved into the waiting list, and nothing of it is given out.
  const delayed = `${endpointPrefix(dispositionsOf(client.name))}delayed`;
  await until(async () => (await engine.redis.zcard(delayed)) === 0);
  expect(await client.status()).toMatchObject({ waiting: 0, inFlight: 0, retrying: 3, delivered: 0 });
  expect(company.tally.received).toBe(3);
  await setPaused(engine.redis, client.name, false, NOW);
  await client.settled({ delivered: 3 });
  const attempts = company.requests.map((request) => request.headers['x-waybill-attempt']).sort();
  expect(attempts).toEqual([...'111222']);
});

test('other clients are not paused; pausing or resuming twice is once', async () => {
  const sandbox = testSandbox();
  const [acme, other] = [await sandbox.company('acme'), await sandbox.company('other')];
  const engine = await testEngine({ acme: acme.clientSettings(), other: other.clientSettings() });
  const client = engine.client('acme');
  await setPaused(engine.redis, client.name, true, NOW);
  expect(await setPaused(engine.redis, client.name, true, NOW + 1)).toBe(false);
  expect((await client.status()).pausedAt).toBe(NOW);
  await client.submit(numberedEvents(TYPE, 2));
  await engine.client('other').submit(numberedEvents(TYPE, 2));
  await engine.client('other').settled({ delivered: 2 });
  expect(acme.tally.received).toBe(0);
  await setPaused(engine.redis, client.name, false, NOW);
  expect(await setPaused(engine.redis, client.name, false, NOW)).toBe(false);
  await client.settled({ delivered: 2 });
});

test('a paced client stops at once, though its turns were given out already', async () => {
  const company = await testSandbox().company('acme');
  const engine = await testEngine({ acme: company.clientSettings({ ratePerSecond: 2 }) });
  const client = engine.client();
  await client.submit(numberedEvents(TYPE, 30));
  await company.waitFor(1);
  await setPaused(engine.redis, client.name, true, NOW);
  await until(async () => (await client.status()).inFlight === 0);
  const { delivered, waiting } = await client.status();
  expect(delivered + waiting).toBe(30);
  expect(delivered).toBeLessThan(10);
});
