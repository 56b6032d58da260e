import { expect, test } from 'vitest';
import { OPEN_VERDICT, type Verdict } from '../../src/core/pace.ts';
import { NO_SUMS, type PaceSums } from '../../src/core/pace-sums.ts';
import { paceKey } from '../../src/queue/names.ts';
import { answerWithinCapacity, Capacity } from '../../src/sandbox/capacity.ts';
import { QUICK_RETRIES, type TestEngine, testEngine } from '../support/engine.ts';
import { engineProcesses } from '../support/engine-processes.ts';
import { dispositionsOf, numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testSandbox } from '../support/sandbox.ts';
import { servicePlace } from '../support/service-place.ts';
import { until } from '../support/until.ts';

failOnLeaks();

const TYPE = 'disposition_update';
/** Retries that die within half a minute. */
const RETRY = { retries: 5, baseDelayMs: 1_000, factor: 2, maxDelayMs: 60_000, jitter: 0 };

/** What stands in Redis about the pace of a client's dispositions. */
async function readVerdict({ redis }: Pick<TestEngine, 'redis'>, client: string): Promise<Verdict> {
  const text = await redis.hget(paceKey(dispositionsOf(client)), 'verdict');
  return text === null ? OPEN_VERDICT : JSON.parse(text);
}

/** Puts the endpoint into a state, as a process that ended has left it. */
async function leave(
  { redis }: Pick<TestEngine, 'redis'>,
  client: string,
  verdict: Partial<Verdict>,
  sums: Partial<PaceSums> = {},
): Promise<void> {
  await redis.hset(paceKey(dispositionsOf(client)), {
    verdict: JSON.stringify({ ...OPEN_VERDICT, number: 7, epoch: 3, since: Date.now() - 5_000, ...verdict }),
    sums: JSON.stringify({ ...NO_SUMS, newsAt: Date.now(), ...sums }),
  });
}

test('a backlog for an endpoint that is overloaded goes at its pace, and nothing dies', async () => {
  const options = { ratePerSecond: 300, latencyMs: 40, latencySpread: 0, queue: 50 } as const;
  const capacity = new Capacity({ ...options, onOverload: 503 }, Math.random);
  const script = answerWithinCapacity(capacity, () => ({}));
  const company = await testSandbox().company('acme', { script });
  const settings = company.clientSettings({ retry: RETRY, concurrency: 128 });
  const engine = await testEngine({ acme: settings }, { started: false });
  const client = engine.client();
  await client.submit(numberedEvents(TYPE, 2_000));
  await engine.start();
  await client.settled({ delivered: 2_000 });
  expect((await client.status()).dead).toBe(0);
  // Without a pace it takes more than 10,000.
  expect(company.tally.received).toBeLessThan(4_000);
  expect(engine.log.matching('endpoint slowed')).toMatchObject([{ level: 'warn', was: 'open' }]);
});

test('an outage under load with two processes, one of them killed: few attempts, and all is delivered on return', async () => {
  const company = await testSandbox().company('acme');
  const engine = await testEngine({ acme: company.clientSettings({ retry: RETRY }) }, { started: false });
  const client = engine.client();
  const { start } = engineProcesses({ [client.name]: company.clientSettings({ retry: RETRY }) });
  const processes = [start(), start()];
  await client.submit(numberedEvents(TYPE, 100));
  await company.waitFor(100);

  company.script('reset');
  await client.submit(numberedEvents(TYPE, 300, 100));
  await until(async () => (await readVerdict(engine, client.name)).state === 'down');
  const sentWhenDown = company.tally.received;
  await client.submit(numberedEvents(TYPE, 300, 400));
  processes[0]?.signal('SIGKILL');
  await processes[0]?.exit;
  const { waiting } = await client.status();
  expect(waiting).toBeGreaterThanOrEqual(300);
  // Due retries and probes alone find out.
  expect(company.tally.received - sentWhenDown).toBeLessThan(300);

  company.script({});
  await until(async () => {
    const { waiting, inFlight, retrying } = await client.status();
    return waiting + inFlight + retrying === 0;
  });
  const { delivered, dead } = await client.status();
  expect(delivered + dead).toBe(700);
  expect(dead).toBeLessThan(150);
  await until(async () => (await readVerdict(engine, client.name)).state === 'open');
  processes[1]?.signal('SIGTERM');
  await processes[1]?.exit;
});

test('200 events at once for an endpoint that always answers 500 are dead letters of six attempts soon', async () => {
  const company = await testSandbox().company('acme', { script: 500 });
  const engine = await testEngine({ acme: company.clientSettings({ retry: RETRY }) });
  const client = engine.client();
  const begun = Date.now();
  await client.submit(numberedEvents(TYPE, 200));
  await until(async () => (await client.status()).dead === 200, 300_000);
  expect(Date.now() - begun).toBeLessThan(300_000);
  const letters = await client.deadLetters();
  expect(letters.map(({ history }) => history?.length)).toEqual(Array(200).fill(6));
  expect(company.tally.received).toBe(1_200);
}, 330_000);

const LEFT: readonly [string, (at: number) => [Partial<Verdict>, Partial<PaceSums>]][] = [
  ['a hold', (at) => [{ state: 'slowed', rate: 10, holdUntil: at }, {}]],
  [
    'down',
    (at) => [
      { state: 'down', downFrom: at - 20_000 },
      { freshAt: at, freshBy: at },
    ],
  ],
];

test.each(LEFT)('a restart ends nothing: %s goes on until its time', async (_, leaves) => {
  const company = await testSandbox().company('acme');
  const engine = await testEngine({ acme: company.clientSettings() }, { started: false });
  const client = engine.client();
  const at = Date.now() + 1_500;
  await leave(engine, client.name, ...leaves(at));
  await client.submit(numberedEvents(TYPE, 50));
  await engine.start();
  await company.waitFor(1);
  expect(Date.now()).toBeGreaterThanOrEqual(at - 100);
  await client.settled({ delivered: 50 });
  expect((await readVerdict(engine, client.name)).state).not.toBe('down');
});

test.each(['slowed', 'recovering'] as const)('a restart ends nothing: %s keeps its rate', async (state) => {
  const company = await testSandbox().company('acme');
  const engine = await testEngine({ acme: company.clientSettings() }, { started: false });
  const client = engine.client();
  await leave(engine, client.name, { state, rate: 2, mark: 2, growth: 0.02, waitedAt: Date.now() });
  await client.submit(numberedEvents(TYPE, 4));
  const begun = Date.now();
  await engine.start();
  await client.settled({ delivered: 4 });
  // Three gaps of half a second; a recovery doubles its rate each second.
  expect(Date.now() - begun).toBeGreaterThan(600);
});

test('what was held for the longest hold goes as without a pace', async () => {
  const company = await testSandbox().company('acme', { script: 503 });
  const settings = company.clientSettings({
    retry: QUICK_RETRIES,
    pace: { mode: 'adaptive', holdMs: 1_000 },
  });
  const engine = await testEngine({ acme: settings }, { started: false });
  const client = engine.client();
  const later = Date.now() + 60_000;
  await leave(engine, client.name, { state: 'down', downFrom: 1 }, { freshAt: later, freshBy: later });
  await client.submit(numberedEvents(TYPE, 60));
  await engine.start();
  await client.settled({ dead: 60 });
  expect(company.tally.received).toBe(360);
});

test('failed attempts of an endpoint that is down are sampled in the log, and complete everywhere else', async () => {
  const company = await testSandbox().company('acme', { script: 503 });
  const settings = company.clientSettings({
    retry: QUICK_RETRIES,
    pace: { mode: 'adaptive', holdMs: 1_000 },
  });
  const engine = await testEngine({ acme: settings }, { started: false, logLevel: 'info' });
  const client = engine.client();
  const later = Date.now() + 60_000;
  await leave(engine, client.name, { state: 'down', downFrom: 1 }, { freshAt: later, freshBy: later });
  await client.submit(numberedEvents(TYPE, 60));
  await engine.start();
  await client.settled({ dead: 60 });
  expect(await client.status()).toMatchObject({ failedAttempts: { server_error: 360 } });
  expect((await client.deadLetters()).map(({ history }) => history?.length)).toEqual(Array(60).fill(6));
  expect(client.attempts().map(({ unreported = 0 }) => unreported)).toEqual([
    ...Array(10).fill(0),
    99,
    99,
    99,
  ]);
  expect(engine.log.matching('dead letter')).toHaveLength(60);

  company.script({});
  await client.replay();
  await client.settled({ delivered: 60 });
  expect(await engine.log.waitForLine('failed attempts left out of the log')).toMatchObject({
    ...{ client: client.name, type: TYPE, failed: 360, leftOut: 347 },
  });
});

test('SIGHUP changes the pace: what waited for an endpoint that is down is sent', async () => {
  const { configure, start, send } = servicePlace();
  const company = await testSandbox().company('acme');
  const redisClient = 'acme';
  configure({ [redisClient]: company.clientSettings({ pace: 'adaptive' }) });
  company.script('reset');
  const service = start(1);
  await service.waitForLine('started');
  await send(redisClient, 60);
  await service.waitForLine('endpoint down');
  configure({ [redisClient]: company.clientSettings({ pace: 'fixed' }) });
  const sent = company.tally.received;
  await send(redisClient, 40, 60);
  service.signal('SIGHUP');
  await service.waitForLine('workers replaced');
  // None of them is held: each is sent once at least.
  await company.waitFor(sent + 40);
  service.signal('SIGTERM');
  expect(await service.exit).toEqual({ code: 0, signal: null });
});
