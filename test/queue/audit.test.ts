import type { Redis } from 'ioredis';
import { v7 as uuidv7 } from 'uuid';
import { describe, expect, test } from 'vitest';
import { type AuditNote, KEEP_AUDIT_MS } from '../../src/core/audit.ts';
import type { StoredEvent } from '../../src/core/event.ts';
import { OPEN_VERDICT } from '../../src/core/pace.ts';
import { restoreEvents } from '../../src/queue/admit.ts';
import { type AuditQuery, noteAction, readAudit } from '../../src/queue/audit.ts';
import { discardDeadLetters, replayDeadLetters } from '../../src/queue/dead-letters.ts';
import { createEventLookUp } from '../../src/queue/look-up-event.ts';
import { auditCountKey, auditKey, discardedKey, OF_NO_CLIENT } from '../../src/queue/names.ts';
import { openEndpoint } from '../../src/queue/open-endpoint.ts';
import { writeVerdict } from '../../src/queue/pace-store.ts';
import { setPaused } from '../../src/queue/pause-client.ts';
import { addLetters, letter } from '../api/dead-letters.ts';
import { clockedRedis } from '../support/clocked-redis.ts';
import { testEngine } from '../support/engine.ts';
import { dispositionsOf, numberedEvents } from '../support/events.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { testRedis, uniqueClientName } from '../support/redis.ts';
import { testSandbox } from '../support/sandbox.ts';
import { whyNoWallClock } from '../support/wall-clock.ts';

const JANE = { user: 'jane', host: 'box' };
const noteOf = (action: AuditNote['action'], facts: Partial<AuditNote> = {}): AuditNote => ({
  ...{ id: uuidv7(), action, by: JANE },
  ...facts,
});
const read = async (redis: Redis, client: string, query: Partial<AuditQuery> = {}) => {
  const clients = [client];
  const { entries } = await readAudit(redis, { clients, now: Date.now(), limit: 100, ...query });
  return entries;
};

async function withLetters(count: number, redis = testRedis({ maxRetriesPerRequest: null })) {
  const client = uniqueClientName();
  const letters = Array.from({ length: count }, (_, n) => letter(n, 422));
  await addLetters(redis, client, letters);
  const lookUp = createEventLookUp({ redis, clients: [client], now: Date.now });
  return { redis, client, letters, lookUp };
}

test('a replay of many steps is one entry, whose count grows in the same step', async () => {
  const { redis, client, letters } = await withLetters(6);
  const filter = { status: '4xx', limit: 6 };
  const note = noteOf('replay', { matching: 6, filter });
  const step = (events: readonly StoredEvent[]) =>
    replayDeadLetters(redis, client, uuidv7(), events, Date.now(), note);
  const before = Date.now();
  expect(await step(letters.slice(0, 2))).toBe(2);
  const entry = { id: note.id, client, action: 'replay', by: JANE, filter, matching: 6 };
  expect(await read(redis, client)).toMatchObject([{ ...entry, done: 2 }]);
  // One of them is gone already.
  expect(await step(letters.slice(1, 4))).toBe(2);
  const [found, ...others] = await read(redis, client);
  expect(found).toMatchObject({ ...entry, done: 4 });
  expect(others).toEqual([]);
  expect(found?.at).toBeGreaterThanOrEqual(before - 1_000);
  expect(found?.at).toBeLessThanOrEqual(Date.now() + 1_000);
});

test('a pause, its end and an endpoint that is tried again are entries; what changed nothing is none', async () => {
  const { redis, client, letters } = await withLetters(1);
  const endpoint = { ...dispositionsOf(client), pace: { minPerSecond: 1 } };
  await writeVerdict(redis, endpoint, { ...OPEN_VERDICT, number: 1, state: 'down', since: Date.now() });
  const pause = (paused: boolean) =>
    setPaused(redis, client, paused, Date.now(), noteOf(paused ? 'pause' : 'resume'));
  const open = () =>
    openEndpoint(redis, endpoint, noteOf('pace', { by: { key: 'ops' }, filter: { type: endpoint.type } }));
  expect([await pause(true), await pause(true)]).toEqual([true, false]);
  expect([await pause(false), await pause(false)]).toEqual([true, false]);
  // Down, recovering, open.
  expect([await open(), await open(), await open()].map(({ changed }) => changed)).toEqual([
    true,
    true,
    false,
  ]);
  expect(await discardDeadLetters(redis, client, letters)).toBe(1);
  expect(await discardDeadLetters(redis, client, letters, noteOf('discard'))).toBe(0);
  const opened = { action: 'pace', by: { key: 'ops' }, filter: { type: 'disposition_update' } };
  const entries = await read(redis, client);
  expect(entries).toMatchObject([opened, opened, { action: 'resume' }, { action: 'pause' }]);
  expect(entries.every((entry) => !('done' in entry))).toBe(true);
});

test('a discarded event is remembered with who and when, unless nobody did it or it came back', async () => {
  const { redis, client, letters, lookUp } = await withLetters(3);
  const [first, second, third] = letters as [StoredEvent, StoredEvent, StoredEvent];
  const note = noteOf('discard');
  expect(await discardDeadLetters(redis, client, [first, second], note)).toBe(2);
  expect(await discardDeadLetters(redis, client, [third])).toBe(1);
  const [entry] = await read(redis, client);
  expect(entry).toMatchObject({ action: 'discard', done: 2 });
  const fate = await lookUp(second.id);
  expect(fate).toMatchObject({ id: second.id, client, state: 'discarded', by: JANE });
  const discardedAt = fate?.state === 'discarded' ? Date.parse(fate.discardedAt) : 0;
  expect(Math.abs(discardedAt - (entry?.at ?? 0))).toBeLessThan(1_000);
  expect(await lookUp(third.id)).toBeUndefined();
  expect(await lookUp(uuidv7())).toBeUndefined();
  const { history: _, ...exported } = second;
  await restoreEvents(redis, dispositionsOf(client), uuidv7(), [exported], Date.now());
  expect(await lookUp(second.id)).toMatchObject({ state: 'waiting' });
  expect(await lookUp(first.id)).toMatchObject({ state: 'discarded' });
});

test('an event is found among more steps of discarding than one call looks at', async () => {
  const { redis, client, letters, lookUp } = await withLetters(1);
  await discardDeadLetters(redis, client, letters, noteOf('discard'));
  const others = redis.pipeline();
  for (let n = 0; n < 2_500; n++) others.xadd(discardedKey(client), '*', 'by', '{}', 'tails', 'AAAAAAAA');
  await others.exec();
  expect(await lookUp(letters[0]?.id ?? '')).toMatchObject({ state: 'discarded', by: JANE });
});

test('an audit that cannot be written fails no action', async () => {
  const { redis, client, letters } = await withLetters(4);
  const note = noteOf('discard');
  for (const key of [auditKey(client), discardedKey(client)]) await redis.set(key, 'in the way');
  await redis.lpush(auditCountKey(client, note.id), 'in the way');
  const endpoint = { ...dispositionsOf(client), pace: { minPerSecond: 1 } };
  await writeVerdict(redis, endpoint, { ...OPEN_VERDICT, number: 1, state: 'down', since: Date.now() });
  expect(await setPaused(redis, client, true, Date.now(), note)).toBe(true);
  expect(await replayDeadLetters(redis, client, uuidv7(), letters.slice(0, 1), Date.now(), note)).toBe(1);
  expect(await discardDeadLetters(redis, client, letters.slice(0, 2), note)).toBe(1);
  expect(await discardDeadLetters(redis, client, letters, noteOf('discard'))).toBe(2);
  expect(await openEndpoint(redis, endpoint, note)).toMatchObject({ changed: true });
  expect(await redis.get(auditKey(client))).toBe('in the way');
});

test('a full Redis takes a discard and a pause, and keeps them in the audit', async () => {
  const own = await startOwnRedis();
  const { redis, client, letters, lookUp } = await withLetters(
    3,
    own.connect({ maxRetriesPerRequest: null }),
  );
  await redis.config('SET', 'maxmemory', '1');
  await expect(redis.set('more', 'x')).rejects.toThrow('OOM');
  expect(await discardDeadLetters(redis, client, letters, noteOf('discard'))).toBe(3);
  expect(await setPaused(redis, client, true, Date.now(), noteOf('pause'))).toBe(true);
  expect(await read(redis, client)).toMatchObject([{ action: 'pause' }, { action: 'discard', done: 3 }]);
  expect(await lookUp(letters[0]?.id ?? '')).toMatchObject({ state: 'discarded' });
});

test('events that are delivered, retried and given up on leave nothing in the audit', async () => {
  const company = await testSandbox().company('acme', { script: { status: 422, body: '' } });
  const { client, redis } = await testEngine({ acme: company.clientSettings({ retry: { retries: 0 } }) });
  await client().submit(numberedEvents('disposition_update', 20));
  await client().settled({ dead: 20 });
  const { name } = client();
  expect(await redis.exists(auditKey(name), discardedKey(name))).toBe(0);
});

test('what belongs to no client is read by itself', async () => {
  const own = (await startOwnRedis()).connect();
  await noteAction(own, OF_NO_CLIENT, noteOf('reload', { clients: { added: 1, changed: 2, removed: 0 } }));
  const [entry] = await read(own, OF_NO_CLIENT);
  expect(entry).toMatchObject({ action: 'reload', clients: { added: 1, changed: 2, removed: 0 } });
  expect(entry).not.toHaveProperty('client');
  expect(await read(own, 'acme')).toEqual([]);
});

describe('what is read', () => {
  /** Two clients with an entry at each of these times. */
  async function withEntries(ours: readonly number[], theirs: readonly number[]) {
    const redis = testRedis();
    const clients = [uniqueClientName('a'), uniqueClientName('b')];
    for (const [i, times] of [ours, theirs].entries()) {
      for (const at of times) {
        const text = JSON.stringify(noteOf('pause'));
        await redis.xadd(auditKey(clients[i] ?? ''), `${at}-*`, 'entry', text);
      }
    }
    return async (query: Partial<AuditQuery>) => {
      const { entries, complete } = await readAudit(redis, { clients, now: 1_000, limit: 9, ...query });
      return { times: entries.map(({ at }) => at), complete };
    };
  }

  test('is the latest of all clients first, from one time to before another', async () => {
    const times = await withEntries([100, 300, 500], [200, 300]);
    expect(await times({})).toEqual({ times: [500, 300, 300, 200, 100], complete: true });
    expect((await times({ since: 200, until: 500 })).times).toEqual([300, 300, 200]);
    expect((await times({ until: 0 })).times).toEqual([]);
  });

  test('goes on behind a page without a gap, as entries of one moment stay together', async () => {
    const times = await withEntries([100, 300, 500], [200, 300]);
    expect(await times({ limit: 2 })).toEqual({ times: [500], complete: false });
    expect(await times({ limit: 3, until: 500 })).toEqual({ times: [300, 300, 200], complete: false });
    expect(await times({ limit: 3, until: 200 })).toEqual({ times: [100], complete: true });
  });

  test('is no older than 90 days', async () => {
    const times = await withEntries([100, 300], []);
    expect((await times({ now: KEEP_AUDIT_MS + 200 })).times).toEqual([300]);
  });
});

const whyNot = whyNoWallClock();

test.skipIf(whyNot !== undefined)('what is older than 90 days goes with the next entry', async () => {
  const DAY_S = 86_400;
  const { redis, clock } = await clockedRedis(0);
  redis.options.maxRetriesPerRequest = null;
  const { client, letters, lookUp } = await withLetters(3, redis);
  const [first, second, third] = letters as [StoredEvent, StoredEvent, StoredEvent];
  const keys = () => redis.keys(`${auditKey(client)}*`);
  await discardDeadLetters(redis, client, [first], noteOf('discard'));
  clock.set(89 * DAY_S);
  await discardDeadLetters(redis, client, [second], noteOf('discard'));
  expect([await redis.xlen(auditKey(client)), await redis.xlen(discardedKey(client))]).toEqual([2, 2]);
  expect(await keys()).toHaveLength(3);
  clock.set(91 * DAY_S);
  await discardDeadLetters(redis, client, [third], noteOf('discard'));
  expect([await redis.xlen(auditKey(client)), await redis.xlen(discardedKey(client))]).toEqual([2, 2]);
  expect(await keys()).toHaveLength(3);
  expect(await lookUp(first.id)).toBeUndefined();
  expect(await lookUp(second.id)).toMatchObject({ state: 'discarded' });
  // A clock that goes back removes nothing.
  clock.set(0);
  await setPaused(redis, client, true, Date.now(), noteOf('pause'));
  expect(await redis.xlen(auditKey(client))).toBe(3);
});
