import { expect, test } from 'vitest';
import { replayDeadLetters } from '../../src/queue/dead-letters.ts';
import { statsKey } from '../../src/queue/names.ts';
import type { Company } from '../../src/sandbox/company.ts';
import { configFor } from '../support/client-config.ts';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testRedisPath } from '../support/redis.ts';
import { openRedisGate, type Side } from '../support/redis-gate.ts';
import { testSandbox } from '../support/sandbox.ts';
import { startWaybill } from '../support/waybill-process.ts';

failOnLeaks();

/** A step, and not the reading of what is replayed. */
const PUTS_BACK = /:deliveries\r\n/;
/** In steps of 50: three of them, each one command. */
const ALL = 120;
const STEP = 50;
const TYPE = 'disposition_update';

/** Each moment at which a `replay` can stand still between what it does to Redis. */
const MOMENTS: readonly (readonly [side: Side, step: number])[] = [
  ['before', 1],
  ['after', 1],
  ['before', 2],
  ['after', 2],
  ['before', 3],
  ['after', 3],
];

function timesByEvent({ requests }: Company): number[] {
  const times = new Map<string, number>();
  for (const { eventId = '' } of requests) times.set(eventId, (times.get(eventId) ?? 0) + 1);
  return [...times.values()];
}

/** Dead letters, a company that has recovered, and a `replay` that stands at one of its steps. */
async function replayAt(side: Side, step: number) {
  const company = await testSandbox().company('acme', { script: 500 });
  // A fixed pace: on a slow machine the endpoint would be found down, and its events would wait instead of dying.
  const settings = company.clientSettings({ retry: { ...QUICK_RETRIES, retries: 0 }, pace: 'fixed' });
  const engine = await testEngine({ acme: settings });
  const client = engine.client();
  await client.submit(numberedEvents(TYPE, ALL));
  await client.settled({ dead: ALL });
  await engine.engine.stop(0);
  company.script({});
  // From now on the server knows the script, so that each step is one command.
  await replayDeadLetters(engine.redis, client.name, 'none', [], Date.now());

  const gate = await openRedisGate(testRedisPath());
  const replay = (socketPath: string) =>
    startWaybill([
      'dead-letters',
      'replay',
      '--yes',
      '--json',
      ...configFor(client.name, settings, socketPath),
    ]);
  const stands = gate.standAt(step, side, PUTS_BACK);
  const first = replay(gate.socketPath);
  await stands;
  const done = side === 'before' ? STEP * (step - 1) : Math.min(STEP * step, ALL);
  const count = async (): Promise<number[]> => [
    Number(await engine.redis.hget(statsKey(client.name), 'replayed:disposition_update')),
    (await client.status()).dead,
  ];
  expect(await count()).toEqual([done, ALL - done]);
  return { company, engine, client, count, gate, first, done, another: () => replay(testRedisPath()) };
}

type Scene = Awaited<ReturnType<typeof replayAt>>;

/** A further `replay` does what the first one has left. */
async function replayTheRest({ another, count, done }: Scene): Promise<void> {
  const next = another();
  expect(await next.exit).toMatchObject({ code: 0 });
  expect(JSON.parse(next.stdout)).toMatchObject({ replayed: ALL - done });
  expect(await count()).toEqual([ALL, 0]);
}

/** All are delivered by a new service, once each after the attempt of their first life. */
async function expectAllDeliveredOnce({ company, engine, client, count }: Scene): Promise<void> {
  await engine.start();
  await client.settled({ delivered: ALL });
  expect(timesByEvent(company)).toEqual(Array.from({ length: ALL }, () => 2));
  expect(await client.status()).toMatchObject({ waiting: 0, inFlight: 0, retrying: 0, dead: 0 });
  expect(await count()).toEqual([ALL, 0]);
}

test.each(MOMENTS)('a replay killed %s its step %i: the next one does the rest', async (side, step) => {
  const scene = await replayAt(side, step);
  scene.first.signal('SIGKILL');
  await scene.first.exit;
  await replayTheRest(scene);
  await expectAllDeliveredOnce(scene);
});

test.each(MOMENTS)(
  'a replay frozen %s its step %i, and continued after another one did the rest: nothing is doubled',
  async (side, step) => {
    const scene = await replayAt(side, step);
    scene.first.signal('SIGSTOP');
    await replayTheRest(scene);
    // Only now does the command, or its answer, go on its way.
    scene.gate.release();
    scene.first.signal('SIGCONT');
    expect(await scene.first.exit).toMatchObject({ code: 0 });
    expect(JSON.parse(scene.first.stdout)).toMatchObject({ matching: ALL, replayed: scene.done });
    await expectAllDeliveredOnce(scene);
  },
);

test('a replay that is continued after the events died anew leaves them dead: they are not those it was for', async () => {
  const scene = await replayAt('before', 1);
  const { company, engine, client, gate, first } = scene;
  first.signal('SIGSTOP');
  await replayTheRest(scene);
  company.script(500);
  const service = await engine.start();
  await client.settled({ dead: 2 * ALL });
  gate.release();
  first.signal('SIGCONT');
  expect(await first.exit).toMatchObject({ code: 0 });
  expect(JSON.parse(first.stdout)).toMatchObject({ replayed: 0 });
  await service.stop(0);
  expect(timesByEvent(company)).toEqual(Array.from({ length: ALL }, () => 2));
  expect(await client.status()).toMatchObject({ waiting: 0, inFlight: 0, retrying: 0, dead: ALL });
});
