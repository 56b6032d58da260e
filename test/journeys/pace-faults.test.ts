import { expect, test } from 'vitest';
import { OPEN_VERDICT, type Verdict } from '../../src/core/pace.ts';
import { NO_SUMS, type PaceSums } from '../../src/core/pace-sums.ts';
import { paceKey } from '../../src/queue/names.ts';
import { QUICK_RETRIES, type TestEngine, testEngine } from '../support/engine.ts';
import { dispositionsOf, numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';

failOnLeaks();

const TYPE = 'disposition_update';
const HOUR_MS = 3_600_000;

/** Puts the endpoint into a state, as a process that ended has left it. */
async function leave(
  { redis }: Pick<TestEngine, 'redis'>,
  client: string,
  verdict: Partial<Verdict>,
  sums: Partial<PaceSums>,
): Promise<void> {
  const since = Date.now() - 5_000;
  await redis.hset(paceKey(dispositionsOf(client)), {
    verdict: JSON.stringify({ ...OPEN_VERDICT, number: 70, epoch: 30, since, downFrom: since, ...verdict }),
    sums: JSON.stringify({ ...NO_SUMS, newsAt: Date.now(), ...sums }),
  });
}

test('a Redis that has forgotten an endpoint that was down is followed, though its verdicts count anew', async () => {
  const company = await testSandbox().company('acme');
  const engine = await testEngine({ acme: company.clientSettings() }, { started: false });
  const client = engine.client();
  const later = Date.now() + 60_000;
  await leave(engine, client.name, { state: 'down' }, { freshAt: later, freshBy: later });
  await engine.start();
  await client.submit(numberedEvents(TYPE, 20));
  await engine.redis.del(paceKey(dispositionsOf(client.name)));
  await client.settled({ delivered: 20 });
});

test('a clock that was set back by an hour keeps an endpoint down no longer', async () => {
  const company = await testSandbox().company('acme');
  const engine = await testEngine({ acme: company.clientSettings() }, { started: false });
  const client = engine.client();
  const at = Date.now() + HOUR_MS;
  const times = { from: at, goodAt: at, secondFrom: at, newsAt: at, nextAt: at, probeUntil: at };
  const verdict = { state: 'down', since: at, epochFrom: at, downFrom: at } as const;
  await leave(engine, client.name, verdict, { ...times, freshAt: at, freshBy: at });
  await client.submit(numberedEvents(TYPE, 20));
  await engine.start();
  await client.settled({ delivered: 20 });
});

test('retries that came among what waits before it was down keep no fresh probe waiting', async () => {
  const company = await testSandbox().company('acme', { script: 503 });
  const retry = { ...QUICK_RETRIES, baseDelayMs: 60_000, maxDelayMs: 60_000 };
  const settings = company.clientSettings({ retry, concurrency: 4, pace: 'fixed' });
  const engine = await testEngine({ acme: settings }, { started: false });
  const client = engine.client();
  for (let i = 0; i < 110; i += 1) await client.submit(numberedEvents(TYPE, 1, i));
  const first = await engine.start();
  await until(async () => (await client.status()).retrying === 110);
  await first.stop(0);
  const [delayed = ''] = await engine.redis.keys(`*${client.name}*:delayed`);
  // As BullMQ does with retries that are due while it is open.
  await engine.redis.lpush(
    delayed.replace(/delayed$/, 'wait'),
    ...(await engine.redis.zrange(delayed, '0', '-1')),
  );
  await engine.redis.del(delayed);
  company.script({});
  await leave(engine, client.name, { state: 'down' }, { freshAt: 1, freshBy: 1 });
  await engine.start({ acme: { pace: 'adaptive' } });
  await until(async () => (await client.status()).delivered === 110);
});

test('a hold ends to the moment, also if something sooner was to be looked at when it began', async () => {
  const script = { status: 503, headers: { 'Retry-After': '3' } };
  const company = await testSandbox().company('acme', { script });
  const retry = { ...QUICK_RETRIES, baseDelayMs: 60_000, maxDelayMs: 60_000 };
  const engine = await testEngine(
    { acme: company.clientSettings({ retry, concurrency: 8 }) },
    { started: false },
  );
  const client = engine.client();
  await client.submit(numberedEvents(TYPE, 300));
  await engine.start();
  await until(
    async () => (await engine.redis.hget(paceKey(dispositionsOf(client.name)), 'verdict')) !== null,
  );
  const sent = company.tally.received;
  const begun = Date.now();
  await company.waitFor(sent + 2);
  expect(Date.now() - begun).toBeLessThan(7_000);
});
