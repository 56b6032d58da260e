import { expect, test } from 'vitest';
import { configFor } from '../support/client-config.ts';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testRedisPath } from '../support/redis.ts';
import { hold } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';
import { loseLocks, recoverStalled } from '../support/stalled.ts';
import { startWaybill } from '../support/waybill-process.ts';

failOnLeaks();

const TYPE = 'disposition_update';
const CONCURRENCY = 4;

/** A service, with one worker, that has a batch open, with as many requests in flight as it may. */
async function serviceInFlight(events: number) {
  const company = await testSandbox().company('acme');
  const settings = company.clientSettings({ concurrency: CONCURRENCY, retry: QUICK_RETRIES });
  const engine = await testEngine({ acme: settings }, { started: false });
  const client = engine.client();
  const paused = hold(500);
  company.script(paused.script);
  const service = startWaybill([
    'start',
    '--workers',
    '1',
    ...configFor(client.name, settings, testRedisPath()),
  ]);
  await service.waitForLine('delivering');
  const ids = await client.submit(numberedEvents(TYPE, events));
  await company.waitFor(CONCURRENCY);
  return { company, engine, client, paused, service, ids };
}

test('killed with a batch in flight: another one takes over, and repeats only what was in flight', async () => {
  const { company, engine, client, service, ids } = await serviceInFlight(50);
  service.signalAll('SIGKILL');
  await service.exit;
  company.script({});
  await engine.start();
  // As if 30 s had passed; the real time is waited for in test/chaos.test.ts.
  await loseLocks(engine.redis, client.name);
  await recoverStalled(engine.redis, client.name);
  await client.settled({ delivered: 50 });
  expect(new Set(company.deliveredIds)).toEqual(new Set(ids));
  expect(company.requests).toHaveLength(50 + CONCURRENCY);
  expect(company.requests.every((request) => request.headers['x-waybill-attempt'] === '1')).toBe(true);
  expect(await client.status()).toMatchObject({
    waiting: 0,
    inFlight: 0,
    delivered: 50,
    failedAttempts: {},
    // Nobody knows which of them were in flight.
    repeats: { taken_over: 50 },
  });
});

test('frozen past its lock and continued beside its successor: it settles nothing, and every attempt counts', async () => {
  const { company, engine, client, paused, service, ids } = await serviceInFlight(10);
  service.signalAll('SIGSTOP');
  const successors = hold(500);
  company.script(successors.script);
  await engine.start();
  await loseLocks(engine.redis, client.name);
  await recoverStalled(engine.redis, client.name);
  await company.waitFor(2 * CONCURRENCY);

  // The requests of the first one fail; it has to find out that they are no business of its any more.
  paused.release();
  service.signalAll('SIGCONT');
  await service.waitForLine('lock lost');
  await service.waitForLine('batch');
  expect(await client.status()).toMatchObject({ inFlight: 10, retrying: 0, dead: 0, failedAttempts: {} });
  const strays = company.requests.length - 2 * CONCURRENCY;
  expect(strays).toBeLessThanOrEqual(CONCURRENCY);
  service.signal('SIGTERM');
  expect(await service.exit).toMatchObject({ code: 0 });

  successors.release();
  await client.settled({ dead: 10 });
  expect(company.requests).toHaveLength(10 * 6 + CONCURRENCY + strays);
  const letters = await client.deadLetters();
  expect(letters.map((letter) => letter.id).sort()).toEqual([...ids].sort());
  expect(letters.map((letter) => letter.history?.length)).toEqual(ids.map(() => 6));
  for (const id of ids) {
    const numbers = company.requests.filter((request) => request.eventId === id);
    const later = numbers.map((request) => request.headers['x-waybill-attempt']).filter((n) => n !== '1');
    expect(later).toEqual([...'23456']);
  }
  expect(await client.status()).toMatchObject({
    waiting: 0,
    inFlight: 0,
    retrying: 0,
    dead: 10,
    failedAttempts: { server_error: 60 },
    // Once, though both know of it: the one that took over, and the one that lost its lock.
    repeats: { taken_over: 10 },
  });
});
