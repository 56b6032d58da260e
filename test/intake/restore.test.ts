import { v7 as uuidv7 } from 'uuid';
import { expect, test } from 'vitest';
import { resolveUrl } from '../../src/config/http-fields.ts';
import { type EventTypeName, findEventType } from '../../src/core/event-types.ts';
import { toExportLine } from '../../src/core/exported-event.ts';
import { restore } from '../../src/intake/restore.ts';
import { restoreEvents } from '../../src/queue/admit.ts';
import { replayDeadLetters } from '../../src/queue/dead-letters.ts';
import { findDelivered } from '../../src/queue/find-delivered.ts';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { numberedEvent, numberedEvents, storedEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { testSandbox } from '../support/sandbox.ts';

failOnLeaks();

type Redis = Parameters<typeof restoreEvents>[0];

/** Three dead letters of a company that refuses, exported. */
async function exported() {
  const company = await testSandbox().company('acme', { script: 422 });
  const settings = company.clientSettings({ retry: { ...QUICK_RETRIES, retries: 0 } });
  const engine = await testEngine({ acme: settings });
  const client = engine.client();
  await client.submit(numberedEvents('disposition_update', 3));
  await client.settled({ dead: 3 });
  const letters = await client.deadLetters();
  const lines = letters.map((event) => JSON.parse(toExportLine(client.name, event)));
  const url = resolveUrl(company.baseUrl, '/dispositions');
  const clients = {
    [client.name]: { name: client.name, batchSize: 2, endpoints: { disposition_update: { url } } },
  } as never;
  const take = (taken: readonly unknown[], redis: Redis = engine.redis, again = false) =>
    restore(taken, {
      clients,
      again,
      findDelivered: (name, ids) => findDelivered(redis, name, ids),
      write: (endpoint, events, delivered) =>
        restoreEvents(redis, endpoint, uuidv7(), events, Date.now(), delivered),
    });
  const takeAgain = (taken: readonly unknown[]) => take(taken, engine.redis, true);
  const replayFirst = () =>
    replayDeadLetters(engine.redis, client.name, uuidv7(), letters.slice(0, 1), Date.now());
  return { company, engine, client, lines, take, takeAgain, replayFirst };
}

const codesOf = (results: Awaited<ReturnType<typeof restore>>) =>
  results.map((result) => ('code' in result ? result.code : result.outcome));

test('events of one endpoint are written together in their order; results come in the order of the lines', async () => {
  const endpoints = { disposition_update: {}, inventory_receipt: {} };
  const clientOf = (name: string, batchSize: number) => ({ name, batchSize, endpoints });
  const clients = { acme: clientOf('acme', 2), emca: clientOf('emca', 50) } as never;
  const lineOf = (client: string, type: EventTypeName, n: number): unknown => {
    const sent = findEventType(type).schema.parse(numberedEvent(type, n));
    const event = storedEvent(n, { id: uuidv7(), type, body: JSON.stringify(sent) });
    return JSON.parse(toExportLine(client, event));
  };
  const lines = [
    lineOf('acme', 'disposition_update', 0),
    lineOf('acme', 'inventory_receipt', 1),
    {},
    lineOf('emca', 'disposition_update', 3),
    lineOf('acme', 'disposition_update', 4),
    lineOf('acme', 'inventory_receipt', 5),
    lineOf('acme', 'disposition_update', 6),
  ] as { id: string }[];
  const idsOf = (...places: number[]) => places.map((place) => lines[place]?.id);
  const written: unknown[] = [];
  const results = await restore(lines, {
    clients,
    again: false,
    findDelivered: async () => ({ kind: 'answered', deliveredAt: new Map() }),
    async write({ client, type }, events) {
      written.push([client, type, events.map(({ id }) => id)]);
      if (type === 'inventory_receipt') return { kind: 'answered', events: ['already_sent', 'restored'] };
      return { kind: 'answered', events: events.map(() => 'restored') };
    },
  });
  expect(written).toEqual([
    ['acme', 'disposition_update', idsOf(0, 4)],
    ['acme', 'disposition_update', idsOf(6)],
    ['acme', 'inventory_receipt', idsOf(1, 5)],
    ['emca', 'disposition_update', idsOf(3)],
  ]);
  expect(codesOf(results)).toEqual([
    'accepted',
    'ALREADY_SENT',
    'INVALID_EVENT',
    ...Array(4).fill('accepted'),
  ]);
  expect(results.map((result) => ('id' in result ? result.id : undefined))).toEqual(
    lines.map(({ id }, place) => (place === 1 || place === 2 ? undefined : id)),
  );
});

test('an event whose replay died again is refused: its dead letter is still there', async () => {
  const { client, lines, take } = await exported();
  expect(await client.replay()).toBe(3);
  await client.settled({ dead: 6 });
  expect(codesOf(await take(lines))).toEqual(Array(3).fill('DEAD_LETTER_STANDS'));
  expect(await client.status()).toMatchObject({ dead: 3, waiting: 0, retrying: 0, accepted: 3 });
});

test('what was delivered since the export is refused with the time of it; the others are accepted', async () => {
  const { client, company, lines, take, replayFirst } = await exported();
  const [, ...others] = lines;
  company.script(200);
  expect(await replayFirst()).toBe(1);
  await client.settled({ delivered: 1, dead: 3 });
  await client.discard();
  const results = await take(lines);
  expect(codesOf(results)).toEqual(['ALREADY_DELIVERED', 'accepted', 'accepted']);
  expect(results[0]).toMatchObject({
    problems: [
      { message: expect.stringMatching(/ was delivered at \d{4}-\S+Z already; --again sends it all/) },
    ],
  });
  await client.settled({ delivered: 3, dead: 3 });
  expect([...company.deliveredIds].sort()).toEqual(lines.map(({ id }) => id).sort());
  expect(codesOf(await take(others))).toEqual(['ALREADY_DELIVERED', 'ALREADY_DELIVERED']);
});

test('again: what was delivered is sent once more, what is on its way is not, and a repeated call sends nothing', async () => {
  const { client, company, lines, take, takeAgain } = await exported();
  const [first, second, third] = lines;
  await client.discard();
  company.script(200);
  expect(codesOf(await take([first, second]))).toEqual(['accepted', 'accepted']);
  await client.settled({ delivered: 2, dead: 3 });
  // The third is sent for the first time, and is delivered before the call is repeated.
  expect(codesOf(await takeAgain([first, first, third]))).toEqual(['accepted', 'ALREADY_SENT', 'accepted']);
  await client.settled({ delivered: 4, dead: 3 });
  const repeated = ['ALREADY_SENT', 'accepted', 'ALREADY_SENT'];
  expect(codesOf(await takeAgain([first, second, third]))).toEqual(repeated);
  await client.settled({ delivered: 5, dead: 3 });
});

test('again: an event that was sent and is still on its way is refused', async () => {
  const { client, engine, lines, take, takeAgain } = await exported();
  await client.discard();
  await engine.engine.stop(0);
  expect(codesOf(await take(lines))).toEqual(Array(3).fill('accepted'));
  expect(codesOf(await takeAgain(lines))).toEqual(Array(3).fill('ALREADY_SENT'));
});

test('two restores at once accept each event once; it begins a new life, which can end as a dead letter', async () => {
  const { client, lines, take } = await exported();
  await client.discard();
  const both = (await Promise.all([take(lines), take(lines)])).flatMap(codesOf).sort();
  expect(both).toEqual([...Array(3).fill('ALREADY_SENT'), ...Array(3).fill('accepted')]);
  await client.settled({ dead: 6 });
  const letters = await client.deadLetters();
  const replayedAt = expect.any(Number);
  expect(letters).toMatchObject(lines.map(({ id }) => ({ id, life: 1, replayedAt })));
  expect(await client.status()).toMatchObject({ accepted: 6, dead: 3 });
});

test('a line that is not from an export, or was changed, is refused; the other lines are accepted', async () => {
  const { client, company, lines, take } = await exported();
  await client.discard();
  company.script(200);
  const [first, second, third] = lines;
  const body = JSON.parse(first.body);
  const results = await take([
    body,
    { ...first, body: '{' },
    { ...first, body: JSON.stringify({ ...body, upc: 5 }) },
    { ...first, body: JSON.stringify({ ...body, upc: undefined }) },
    { ...first, body: JSON.stringify({ ...body, upc: 'x'.repeat(300_000) }) },
    { ...first, client: 'nobody' },
    { ...first, client: 'constructor' },
    { ...first, type: 'inventory_receipts' },
    { ...first, type: 'inventory_receipt' },
    { ...first, id: 'x' },
    second,
    third,
    third,
  ]);
  expect(codesOf(results)).toEqual([
    ...Array(4).fill('INVALID_EVENT'),
    'EVENT_TOO_LARGE',
    'UNKNOWN_CLIENT',
    'UNKNOWN_CLIENT',
    'UNKNOWN_EVENT_TYPE',
    'NO_ENDPOINT',
    'INVALID_EVENT',
    'accepted',
    'accepted',
    'ALREADY_SENT',
  ]);
  const problems = results.slice(0, 4).map((result) => ('problems' in result ? result.problems[0] : {}));
  expect(problems).toEqual([
    { path: '$.export', message: expect.stringMatching(/^must be 1/) },
    { path: '$.body', message: 'must hold JSON' },
    { path: '$.body', message: 'was changed: a number stands where text is due' },
    { path: '$.body.upc', message: 'is required' },
  ]);
  await client.settled({ dead: 3, delivered: 2 });
  expect([...company.deliveredIds].sort()).toEqual([second.id, third.id].sort());
});

test('a full Redis refuses the lines and stores nothing; the same lines are accepted later', async () => {
  const { client, lines, take } = await exported();
  const own = await startOwnRedis({ maxmemory: '1' });
  const redis = own.connect() as unknown as Redis;
  await new Promise((resolve) => redis.once('ready', resolve));
  expect(codesOf(await take(lines, redis))).toEqual(Array(3).fill('REDIS_REFUSED'));
  await redis.config('SET', 'maxmemory', '0');
  expect(await redis.keys('*')).toEqual([]);
  expect(codesOf(await take(lines, redis))).toEqual(Array(3).fill('accepted'));
  await own.kill();
  expect(codesOf(await take(lines, redis))).toEqual(Array(3).fill('REDIS_UNAVAILABLE'));
  expect(await client.status()).toMatchObject({ dead: 3 });
});
