import { v7 as uuidv7 } from 'uuid';
import { expect, test } from 'vitest';
import type { StoredEvent } from '../../src/core/event.ts';
import type { EventFilter, EventRecord } from '../../src/core/event-record.ts';
import { OPEN_VERDICT } from '../../src/core/pace.ts';
import { discardDeadLetters, replayDeadLetters } from '../../src/queue/dead-letters.ts';
import { packDelivered } from '../../src/queue/delivered-record.ts';
import { findEvents, readWaits } from '../../src/queue/find-events.ts';
import { deliveredKey } from '../../src/queue/names.ts';
import { writeVerdict } from '../../src/queue/pace-store.ts';
import { setPaused } from '../../src/queue/pause-client.ts';
import { dispositionsOf } from '../support/events.ts';
import { failed, LATER, NOW, newEvent, scene, settlementOf } from './support/look-up-scene.ts';

const TYPE = 'disposition_update';
const BY = { user: 'jane', host: 'a' };

async function eventScene() {
  const parts = await scene();
  const { redis, client } = parts;
  const looked: number[] = [];
  const find = async (filter: EventFilter = {}): Promise<EventRecord[]> => {
    const found: EventRecord[] = [];
    const search = findEvents({
      ...{ redis, clients: [client, 'nobody'], filter, now: NOW },
      onProgress: (count) => looked.push(count),
    });
    for await (const page of search) found.push(...page);
    return found;
  };
  return { ...parts, find, looked };
}

const briefly = (events: readonly EventRecord[]) => events.map(({ id, state }) => [id, state]);

test('an event is found wherever it is, from acceptance over retries, death, replay and delivery', async () => {
  const { redis, client, find, add, settleNext } = await eventScene();
  const event = newEvent({ unit: 'LPN "1"\n' });
  const { unit } = event;
  const rest = { id: event.id, client, type: TYPE };
  await add([newEvent({ unit: 'LPN' }), event]);
  expect(await find({ unit })).toEqual([{ ...rest, unit, state: 'waiting', replays: 0, lives: [[]] }]);

  const { history = [] } = failed(event, 1);
  await settleNext(settlementOf({ apart: [{ event: failed(event, 1), dueAt: LATER }] }));
  const retrying = { ...rest, unit, state: 'retrying', dueAt: LATER, replays: 0, lives: [history] };
  expect(await find({ unit })).toEqual([retrying]);

  await add([event]);
  const dead = failed(event, 6);
  await settleNext(settlementOf({ dead: [dead] }));
  expect(await find({ unit, outcome: 'dead' })).toEqual([
    { ...rest, unit, state: 'dead', endedAt: NOW, replays: 0, lives: [dead.history] },
  ]);

  await replayDeadLetters(redis, client, uuidv7(), [dead], NOW);
  const [replayed] = await find({ unit, outcome: 'waiting' });
  expect(replayed).toMatchObject({ ...rest, unit, state: 'waiting', replays: 1, lives: [dead.history, []] });

  const again: StoredEvent = { ...failed(event, 1), life: 1, earlier: [dead.history ?? []] };
  await settleNext({ finished: [{ event: again, outcome: { kind: 'delivered', status: 201 } }] });
  const [delivered] = await find({ unit, outcome: 'delivered' });
  expect(delivered).toEqual({
    ...{ ...rest, state: 'delivered', endedAt: NOW, status: 201, replays: 1, lives: [dead.history, history] },
  });
  expect(await find({ unit: 'another' })).toEqual([]);
  expect((await find({ outcome: 'died' })).map(({ id }) => id)).toEqual([event.id]);
  expect(await find({ outcome: 'died', until: NOW })).toEqual([]);
});

test('a discarded event is found by its unit, with its attempts and by whom', async () => {
  const { redis, client, find, add, settleNext } = await eventScene();
  const event = newEvent({ unit: 'LPN-1' });
  await add([event]);
  await settleNext(settlementOf({ dead: [failed(event, 2)] }));
  const before = Date.now();
  await discardDeadLetters(redis, client, [failed(event, 2)], { id: uuidv7(), action: 'discard', by: BY });
  const [found, ...others] = await find({ unit: 'LPN-1' });
  expect(found).toMatchObject({ id: event.id, type: TYPE, state: 'discarded', by: BY });
  expect(found?.lives).toEqual([failed(event, 2).history]);
  expect(found?.endedAt).toBeGreaterThanOrEqual(before - 1_000);
  expect(others).toEqual([]);
  expect(await find({ unit: 'LPN-2' })).toEqual([]);
});

test('events are found by type, outcome and status, and by when that came about', async () => {
  const { find, add, settleNext } = await eventScene();
  const T = NOW - 10_000;
  const at = (n: number, ms: number): StoredEvent =>
    newEvent({ id: uuidv7({ msecs: NOW - 60_000 + n }), history: [[ms, 503, 'server_error', 1]] });
  const [dead, retried, cured, timedOut] = [at(1, T), at(2, T + 1_000), at(3, T + 2_000), at(4, T)];
  const silent: StoredEvent = { ...timedOut, history: [[T + 3_000, 0, 'timeout', 1]] };
  await add([dead, retried, cured, silent]);
  const finished = [{ event: cured, outcome: { kind: 'delivered', status: 202 } }] as const;
  await settleNext({
    finished,
    ...settlementOf({ dead: [dead, silent], apart: [{ event: retried, dueAt: LATER }] }),
  });
  const waiting = newEvent({ id: uuidv7({ msecs: NOW - 30_000 }) });
  await add([waiting]);
  const ids = async (filter: EventFilter) => new Set((await find(filter)).map(({ id }) => id));
  const of = (...events: StoredEvent[]) => new Set(events.map(({ id }) => id));

  expect(await ids({})).toEqual(of(dead, retried, cured, silent, waiting));
  expect(await ids({ type: 'inventory_receipt' })).toEqual(of());
  expect(await ids({ outcome: 'failed' })).toEqual(of(dead, retried, cured, silent));
  expect(await ids({ outcome: 'failed', since: T + 1_000, until: T + 3_000 })).toEqual(of(retried, cured));
  expect(await ids({ outcome: 'dead', until: T + 1 })).toEqual(of(dead));
  expect(await ids({ status: '5xx' })).toEqual(of(dead, retried, cured));
  expect(await ids({ status: '2xx' })).toEqual(of(cured));
  expect(await ids({ status: 'timeout', since: T + 3_001 })).toEqual(of());
  expect(await ids({ status: '503', outcome: 'dead' })).toEqual(of(dead));
  expect(await ids({ until: NOW - 40_000 })).toEqual(of(dead, retried, cured, silent));
  // What waits has waited ever since.
  expect(await ids({ since: NOW + 10_000 })).toEqual(of(waiting));
  expect(await ids({ outcome: 'waiting', until: NOW - 30_000 })).toEqual(of());
});

test('an event that goes on while it is searched for is told once', async () => {
  const { redis, client, add, settleNext } = await eventScene();
  const event = newEvent({ unit: 'LPN-1' });
  await add([event]);
  const found: EventRecord[] = [];
  for await (const page of findEvents({ redis, clients: [client], filter: { unit: 'LPN-1' }, now: NOW })) {
    if (page.length > 0 && found.length === 0) {
      await settleNext({ finished: [{ event, outcome: { kind: 'delivered', status: 200 } }] });
    }
    found.push(...page);
  }
  expect(briefly(found)).toEqual([[event.id, 'waiting']]);
});

test('one among many thousand delivered events is found, in whichever list, and progress is told', async () => {
  const { redis, client, find, looked } = await eventScene();
  const events = Array.from({ length: 6_000 }, (_, n) =>
    newEvent({ id: uuidv7({ msecs: NOW - 10_000_000 + n * 1_000 }), unit: `LPN-${n}` }),
  );
  const write = redis.pipeline();
  for (const event of events)
    for (const { slot, bytes } of packDelivered(
      [{ event, outcome: { kind: 'delivered', status: 200 } }],
      NOW,
    ))
      write.rpush(deliveredKey(client, slot), bytes).zadd(deliveredKey(client), LATER, slot);
  await write.exec();
  for (const n of [0, 2_999, 5_999]) {
    expect(briefly(await find({ unit: `LPN-${n}` }))).toEqual([[events[n]?.id, 'delivered']]);
  }
  expect(Math.max(...looked)).toBe(6_000);
});

test('what an event waits for is told: a resume, a retry, its endpoint, its turn', async () => {
  const { redis, client, find, add, settleNext } = await eventScene();
  const [later, waiting] = [newEvent(), newEvent()];
  await add([later]);
  await settleNext(settlementOf({ apart: [{ event: failed(later, 1), dueAt: LATER }] }));
  await add([waiting]);
  const configured = { name: client, endpoints: { [TYPE]: {} } };
  const waits = async (clients = [configured]) => {
    const events = await find();
    const known = await readWaits(redis, clients, events, NOW);
    return Object.fromEntries(events.map((event) => [event.id, known.get(event)]));
  };
  expect(await waits()).toEqual({ [later.id]: 'retry', [waiting.id]: 'turn' });
  expect(await waits([{ name: client, endpoints: {} as never }])).toMatchObject({
    [waiting.id]: 'configuration',
  });
  await writeVerdict(redis, dispositionsOf(client), { ...OPEN_VERDICT, number: 1, state: 'down' });
  expect(await waits()).toMatchObject({ [waiting.id]: 'endpoint' });
  await setPaused(redis, client, true, NOW);
  expect(await waits()).toEqual({ [later.id]: 'resume', [waiting.id]: 'resume' });
});
