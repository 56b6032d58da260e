import { expect, onTestFinished, test } from 'vitest';
import { createProducer } from '../../src/index.ts';
import { unitOf } from '../../src/sandbox/scripts.ts';
import { configFor } from '../support/client-config.ts';
import { readView } from '../support/client-view.ts';
import { testEngine } from '../support/engine.ts';
import { numberedEvent, numberedEvents, sampleEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { APPEND_ONLY, startOwnRedis } from '../support/own-redis.ts';
import { testRedisPath } from '../support/redis.ts';
import { openRedisGate, type Side } from '../support/redis-gate.ts';
import { testSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';
import { startWaybill } from '../support/waybill-process.ts';

failOnLeaks();

const ndjson = (events: readonly unknown[]): string =>
  events.map((event) => `${JSON.stringify(event)}\n`).join('');
const TYPE = 'disposition_update';
const ANSWER_TIMEOUT_MS = 1_000;
const SIDES: readonly Side[] = ['before', 'after'];

/** A company with both endpoints and a client for it; events wait until the engine is started. */
async function scene() {
  const company = await testSandbox().company('acme');
  const settings = company.clientSettings();
  const engine = await testEngine({ acme: settings }, { started: false });
  const client = engine.client();
  async function producer(socketPath = testRedisPath()) {
    const config = { redis: { url: socketPath }, clients: { [client.name]: settings } };
    const opened = await createProducer(config, { answerTimeoutMs: ANSWER_TIMEOUT_MS });
    onTestFinished(() => opened.close());
    return opened;
  }
  /** From now on the server knows the script, so that each write is one command. @returns the unit delivered */
  async function loadScript(): Promise<void> {
    const loading = await producer();
    await loading.submit(client.name, TYPE, numberedEvent(TYPE, 5_000), { idempotencyKey: 'first of all' });
  }
  /** A `send` that waits for its input, by this way to Redis. */
  function startSend(socketPath = testRedisPath()) {
    const args = ['send', client.name, TYPE, '--json', '--idempotency-key', 'march {n}'];
    return startWaybill([...args, ...configFor(client.name, settings, socketPath)]);
  }
  /** Delivers all that waits. @returns how often each unit came, for units that did not come once */
  async function deliveredOtherThanOnce(events: readonly { optiturn_lp: unknown }[]) {
    await engine.start();
    await client.settled({ delivered: (await client.status()).accepted });
    const units = company.requests.map((request) => unitOf(request) ?? '');
    return events
      .map(
        ({ optiturn_lp }) =>
          [optiturn_lp, units.filter((unit) => unit === String(optiturn_lp)).length] as const,
      )
      .filter(([, times]) => times !== 1);
  }
  return { company, engine, client, producer, loadScript, startSend, deliveredOtherThanOnce };
}

test('an event that was delivered long ago is not delivered again under its key', async () => {
  const { company, engine, client, producer } = await scene();
  await engine.start();
  const { submit } = await producer();
  const payload = sampleEvent(TYPE);
  const first = await submit(client.name, TYPE, payload, { idempotencyKey: 'k' });
  await client.settled({ delivered: 1 });
  expect(await submit(client.name, TYPE, payload, { idempotencyKey: 'k' })).toEqual({
    ...first,
    repeated: true,
  });
  // The same payload as an event of another type is another event.
  const receipt = sampleEvent('inventory_receipt');
  const other = await submit(client.name, 'inventory_receipt', receipt, { idempotencyKey: 'k' });
  expect(other).toMatchObject({ outcome: 'refused', code: 'IDEMPOTENCY_KEY_REUSED' });
  await submit(client.name, TYPE, payload, { idempotencyKey: 'another' });
  await client.settled({ delivered: 2 });
  expect(company.requests).toHaveLength(2);
});

test('a Redis that was killed knows both, the event and its key', async () => {
  const server = await startOwnRedis(APPEND_ONLY);
  const { client, producer } = await scene();
  const { submit } = await producer(server.socketPath);
  const take = () => submit(client.name, TYPE, sampleEvent(TYPE), { idempotencyKey: 'k' });
  const first = await take();
  await server.kill();
  await server.start();
  await until(async () => (await take()).outcome === 'accepted');
  expect(await take()).toEqual({ ...first, repeated: true });
  expect(await readView(server.connect(), client.name)).toMatchObject({ accepted: 1, waiting: 1 });
});

test.each(SIDES)('an answer lost %s the write: unknown, and safe to repeat', async (side) => {
  const { client, producer, loadScript } = await scene();
  await loadScript();
  const gate = await openRedisGate(testRedisPath());
  const distant = await producer(gate.socketPath);
  const payloads = numberedEvents(TYPE, 3);
  const options = {
    idempotencyKeyOf: ({ optiturn_lp }: { optiturn_lp: string | number }) => `${optiturn_lp}`,
  };
  const stands = gate.standAt(1, side);
  const lost = distant.submitMany(client.name, TYPE, payloads, options);
  await stands;
  expect((await lost).map(({ outcome }) => outcome)).toEqual(['unknown', 'unknown', 'unknown']);
  expect(JSON.stringify(await lost)).toContain('submitting it again with its idempotency key is safe');
  const again = await (await producer()).submitMany(client.name, TYPE, payloads, options);
  const ids = (results: readonly object[]) => results.map((result) => 'id' in result && result.id);
  if (side === 'after') expect(ids(again)).toEqual(ids(await lost));
  expect(again.map((result) => 'repeated' in result)).toEqual(payloads.map(() => side === 'after'));
  expect(await client.status()).toMatchObject({ accepted: 4 });
});

test.each(SIDES)('send killed %s a write, and run again: each event once', async (side) => {
  const { startSend, loadScript, deliveredOtherThanOnce } = await scene();
  await loadScript();
  const events = numberedEvents(TYPE, 60);
  const gate = await openRedisGate(testRedisPath());
  const stands = gate.standAt(1, side);
  const killed = startSend(gate.socketPath);
  killed.input(ndjson(events));
  await stands;
  killed.signal('SIGKILL');
  await killed.exit;

  const again = startSend();
  again.input(ndjson(events));
  expect(await again.exit).toMatchObject({ code: 0 });
  const { accepted, repeated } = JSON.parse(again.stdout);
  expect([accepted, repeated]).toEqual(side === 'before' ? [60, 0] : [0, 60]);
  expect(await deliveredOtherThanOnce(events)).toEqual([]);
});

test('two processes that send the same at once: each event once', async () => {
  const { client, startSend, deliveredOtherThanOnce } = await scene();
  const events = numberedEvents(TYPE, 3_000);
  const both = [startSend(), startSend()];
  for (const { write } of both) write('{}\n');
  // Each is connected by the time that it tells of the line which it refuses.
  await until(async () => both.every(({ stdout }) => stdout.includes('{"line":1,')));
  for (const { input } of both) input(ndjson(events));
  const exits = await Promise.all(both.map(({ exit }) => exit));
  expect(exits.map(({ code }) => code)).toEqual([3, 3]);
  const accounts = both.map(({ stdout }) => JSON.parse(stdout) as { accepted: number; repeated: number });
  expect(accounts.map(({ accepted, repeated }) => accepted + repeated)).toEqual([3_000, 3_000]);
  expect(accounts.reduce((sum, { accepted }) => sum + accepted, 0)).toBe(3_000);
  expect(await client.status()).toMatchObject({ accepted: 3_000 });
  expect(await deliveredOtherThanOnce(events)).toEqual([]);
});
