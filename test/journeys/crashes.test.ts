import { describe, expect, test } from 'vitest';
import { countDeadLetters, replayDeadLetters } from '../../src/queue/dead-letter-queue.ts';
import { statsKey } from '../../src/queue/names.ts';
import type { Company } from '../../src/sandbox/company.ts';
import { unitOf } from '../../src/sandbox/scripts.ts';
import { configFor } from '../support/client-config.ts';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { numberedEvents, unitOfEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testRedisPath } from '../support/redis.ts';
import { openRedisGate, type Side } from '../support/redis-gate.ts';
import { testSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';
import { startWaybill } from '../support/waybill-process.ts';

failOnLeaks();

const TYPE = 'disposition_update';
const SIDES: readonly Side[] = ['before', 'after'];

function timesByEvent({ requests }: Company): number[] {
  const times = new Map<string, number>();
  for (const { eventId = '' } of requests) times.set(eventId, (times.get(eventId) ?? 0) + 1);
  return [...times.values()];
}

describe('replay of 120 dead letters, in steps of 50', () => {
  const ALL = 120;

  /** Dead letters, a company that has recovered, and a `replay` that stands at its second step. */
  async function replayAtSecondStep(side: Side) {
    const company = await testSandbox().company('acme', { script: 500 });
    const settings = company.clientSettings({ retry: { ...QUICK_RETRIES, retries: 0 } });
    const engine = await testEngine({ acme: settings });
    const client = engine.client();
    await client.submit(numberedEvents(TYPE, ALL));
    await client.settled({ dead: ALL });
    await engine.engine.stop(0);
    company.script({});
    const dead = (): Promise<number> => countDeadLetters(engine.redis, client.name);
    const replayed = async (): Promise<number> =>
      Number(await engine.redis.hget(statsKey(client.name), 'replayed'));
    // From now on the server knows the script, so that each step is one command.
    await replayDeadLetters(engine.redis, client.name, 'none', [], Date.now());

    const gate = await openRedisGate(testRedisPath());
    const command = (socketPath: string) =>
      startWaybill([
        'dead-letters',
        'replay',
        '--yes',
        '--json',
        ...configFor(client.name, settings, socketPath),
      ]);
    const stands = gate.standAt(2, side);
    const first = command(gate.socketPath);
    await stands;
    return { company, engine, client, dead, replayed, gate, first, another: () => command(testRedisPath()) };
  }

  /** All are delivered by a new service, once each after the attempt of their first life. */
  async function expectAllDeliveredOnce({
    company,
    engine,
    client,
  }: Awaited<ReturnType<typeof replayAtSecondStep>>): Promise<void> {
    await engine.start();
    await client.settled({ delivered: ALL });
    expect(timesByEvent(company)).toEqual(Array.from({ length: ALL }, () => 2));
    expect(await client.status()).toMatchObject({ waiting: 0, inFlight: 0, retrying: 0, dead: 0 });
  }

  test.each(SIDES)('killed %s its second step: the next one does the rest', async (side) => {
    const scene = await replayAtSecondStep(side);
    scene.first.signal('SIGKILL');
    await scene.first.exit;
    const done = side === 'before' ? 50 : 100;
    expect([await scene.replayed(), await scene.dead()]).toEqual([done, ALL - done]);

    const next = scene.another();
    expect(await next.exit).toMatchObject({ code: 0 });
    expect(JSON.parse(next.stdout)).toMatchObject({ replayed: ALL - done });
    expect(await scene.dead()).toBe(0);
    await expectAllDeliveredOnce(scene);
  });

  test.each(SIDES)(
    'frozen %s its second step while another one replays: nothing is doubled',
    async (side) => {
      const scene = await replayAtSecondStep(side);
      scene.first.signal('SIGSTOP');
      scene.gate.release();
      const second = scene.another();
      expect(await second.exit).toMatchObject({ code: 0 });
      expect(await scene.dead()).toBe(0);
      scene.first.signal('SIGCONT');
      expect(await scene.first.exit).toMatchObject({ code: 0 });

      const counts = [scene.first, second].map(({ stdout }) => JSON.parse(stdout).replayed as number);
      expect(counts).toEqual([100, 20]);
      expect(await scene.replayed()).toBe(ALL);
      await expectAllDeliveredOnce(scene);
    },
  );
});

describe('send', () => {
  test.each(SIDES)('killed %s a write: what it had told of is there, and nothing twice', async (side) => {
    const company = await testSandbox().company('acme');
    const settings = company.clientSettings();
    const engine = await testEngine({ acme: settings }, { started: false });
    const client = engine.client();
    // From now on the server knows the script, so that each write is one command.
    await client.submit(numberedEvents(TYPE, 1, 1_000));
    const gate = await openRedisGate(testRedisPath());
    const send = startWaybill([
      'send',
      client.name,
      TYPE,
      '-',
      '--json',
      ...configFor(client.name, settings, gate.socketPath),
    ]);
    const told = numberedEvents(TYPE, 30);
    const untold = numberedEvents(TYPE, 30, 30);
    const ndjson = (events: readonly unknown[]): string =>
      events.map((event) => `${JSON.stringify(event)}\n`).join('');
    send.write(`${ndjson(told)}{}\n`);
    // It tells of refused lines as it goes, each once it knows about all lines before it.
    await until(async () => send.stdout.includes('{"line":31,'));
    const stands = gate.standAt(1, side);
    send.write(`${ndjson(untold)}{}\n`);
    await stands;
    send.signal('SIGKILL');
    await send.exit;
    expect(send.stdout).not.toContain('{"line":62,');

    const sent = side === 'before' ? told : [...told, ...untold];
    await engine.start();
    await client.settled({ delivered: 1 + sent.length });
    const units = company.requests.map((request) => unitOf(request) ?? '');
    const expected = [...sent, ...numberedEvents(TYPE, 1, 1_000)].map((event) => unitOfEvent(TYPE, event));
    expect(units.sort()).toEqual(expected.sort());
    expect(await client.status()).toMatchObject({ accepted: expected.length, waiting: 0, inFlight: 0 });
  });
});
