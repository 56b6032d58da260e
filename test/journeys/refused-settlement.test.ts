import { expect, onTestFinished, test } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';
import { createLog } from '../../src/log.ts';
import { startEngine } from '../../src/service/engine.ts';
import { openIntake } from '../../src/service/open-intake.ts';
import { readView } from '../support/client-view.ts';
import { numberedEvent, numberedEvents, unitOfEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { captureLogLines } from '../support/log-lines.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { openRedisGate } from '../support/redis-gate.ts';
import { byUnit, failTimes, hold } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';

failOnLeaks();

const TYPE = 'disposition_update';
const unit = (n: number): string => unitOfEvent(TYPE, numberedEvent(TYPE, n));
/** A batch that is open for half a second writes down what it has. */
const KEEP = /"action":"keep"/;
const COMPLETE = /"action":"complete"/;

/** An engine behind a gate, before a Redis of its own. */
async function engineBehindGate() {
  const company = await testSandbox().company('acme');
  const server = await startOwnRedis({ 'replica-serve-stale-data': 'no' });
  const gate = await openRedisGate(server.socketPath);
  const retry = { retries: 1, baseDelayMs: 100, factor: 1, jitter: 0 };
  const settings = company.clientSettings({ retry });
  const config = parseConfig(JSON.stringify({ clients: { acme: settings } }), 'waybill.yaml', {});
  const lines = captureLogLines();
  const log = createLog({ level: 'info', destination: lines.stream });
  const intake = await openIntake(config, { socketPath: server.socketPath });
  onTestFinished(() => intake.close());
  const engine = await startEngine({ config, redis: { socketPath: gate.socketPath }, log });
  onTestFinished(() => engine.stop(0));
  const submit = (events: readonly unknown[]) => intake.submitMany('acme', TYPE, events);
  return { company, gate, lines, submit, redis: server.connect() };
}

test('a settlement that was carried out, whose answer is lost, and whose repetition is refused, counts once', async () => {
  const { company, gate, lines, submit, redis } = await engineBehindGate();
  const [failing, slow] = [unit(1), unit(2)];
  const held = hold();
  company.script(byUnit({ [failing]: failTimes(1, 500), [slow]: held.script }));
  // From now on the server knows the script, so that the settlement is one command.
  await submit(numberedEvents(TYPE, 1, 0));
  await lines.waitForLine('batch');

  const stands = gate.standAt(1, 'after', KEEP);
  await submit(numberedEvents(TYPE, 2, 1));
  await stands;
  await redis.replicaof('127.0.0.1', 1);
  gate.cut();
  await lines.waitForLine(({ reason }) => String(reason).startsWith('MASTERDOWN'));
  await redis.replicaof('NO', 'ONE');
  held.release();

  await until(async () => (await readView(redis, 'acme')).delivered === 3);
  expect(await readView(redis, 'acme')).toMatchObject({
    waiting: 0,
    inFlight: 0,
    retrying: 0,
    dead: 0,
    failedAttempts: { server_error: 1 },
  });
  const attempts = company.requests.map(({ headers }) => headers['x-waybill-attempt']);
  expect(attempts).toEqual(['1', '1', '1', '2']);
  expect(lines.matching('lock lost')).toEqual([]);
});

test('the last settlement of a batch, carried out and refused like that, counts once, and as settled', async () => {
  const { company, gate, lines, submit, redis } = await engineBehindGate();
  await submit(numberedEvents(TYPE, 1, 0));
  await lines.waitForLine('batch');
  const stands = gate.standAt(1, 'after', COMPLETE);
  await submit(numberedEvents(TYPE, 1, 1));
  await stands;
  await redis.replicaof('127.0.0.1', 1);
  gate.cut();
  await lines.waitForLine(({ reason }) => String(reason).startsWith('MASTERDOWN'));
  await redis.replicaof('NO', 'ONE');

  await lines.waitForLine(() => lines.matching('batch').length === 2);
  expect(lines.matching('lock lost')).toEqual([]);
  expect(await readView(redis, 'acme')).toMatchObject({ waiting: 0, inFlight: 0, delivered: 2 });
  expect(company.tally.received).toBe(2);
});
