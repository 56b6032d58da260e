import { v7 as uuidv7 } from 'uuid';
import { expect, test } from 'vitest';
import { resolveUrl } from '../../src/config/http-fields.ts';
import type { StoredEvent } from '../../src/core/event.ts';
import { findEventType } from '../../src/core/event-types.ts';
import { toExportLine } from '../../src/core/exported-event.ts';
import { restore } from '../../src/intake/restore.ts';
import { admit, restoreEvents } from '../../src/queue/admit.ts';
import { findDelivered } from '../../src/queue/find-delivered.ts';
import { readIncidents } from '../../src/queue/incident-store.ts';
import { statsKey } from '../../src/queue/names.ts';
import { setPaused } from '../../src/queue/pause-client.ts';
import { QUICK_RETRIES, type TestClient, testEngine } from '../support/engine.ts';
import { dispositionsOf, numberedEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testSandbox } from '../support/sandbox.ts';

failOnLeaks();

const TYPE = 'disposition_update';
const HOUR_MS = 3_600_000;
const MAX_AGE = 72;
const REASON = 'older than maxAgeHours: 72 h; it was not sent';

type Redis = Parameters<typeof admit>[0];

/** The nth event, accepted so many hours ago. */
function eventOfAge(n: number, hours: number): StoredEvent {
  const { schema, unitField } = findEventType(TYPE);
  const payload = schema.parse(numberedEvent(TYPE, n)) as Record<string, unknown>;
  const id = uuidv7({ msecs: Date.now() - hours * HOUR_MS });
  return { id, type: TYPE, unit: String(payload[unitField]), body: JSON.stringify(payload) };
}

async function put(redis: Redis, client: TestClient, events: readonly StoredEvent[]): Promise<void> {
  await admit(redis, dispositionsOf(client.name), [{ id: uuidv7(), events }], Date.now());
}

test('events that became too old during a pause are dead letters, not sent; a replay delivers them', async () => {
  const company = await testSandbox().company('acme');
  const engine = await testEngine({ acme: company.clientSettings({ maxAgeHours: MAX_AGE }) });
  const client = engine.client();
  await setPaused(engine.redis, client.name, true, Date.now());
  const old = [eventOfAge(0, 73), eventOfAge(1, 1_000)];
  const young = [eventOfAge(2, 71), eventOfAge(3, 0)];
  await put(engine.redis, client, [...old, ...young]);
  expect(await client.status()).toMatchObject({ waiting: 4, dead: 0 });

  await setPaused(engine.redis, client.name, false, Date.now());
  await client.settled({ delivered: 2, dead: 2 });
  expect([...company.deliveredIds].sort()).toEqual(young.map(({ id }) => id).sort());
  expect(company.tally.received).toBe(2);
  const expired = { response: REASON, url: `${company.baseUrl}/dispositions`, expiredAt: expect.any(Number) };
  expect(await client.deadLetters()).toEqual(old.map((event) => ({ ...event, ...expired })));
  const status = await client.status();
  expect(status).toMatchObject({ dead: 2, diedByClass: { expired: 2 }, failedAttempts: {}, retrying: 0 });
  expect(client.attempts()).toHaveLength(2);
  const [line] = engine.log.matching(({ msg, event }) => msg === 'dead letter' && event === old[0]?.id);
  expect(line).toMatchObject({ attempts: 0, status: 0, class: 'expired', detail: REASON });
  const incidents = await readIncidents(engine.redis, [client.name]);
  const causes = incidents.get(client.name)?.open.map(({ failures }) => failures);
  expect(causes).toEqual([[{ class: 'expired', status: 0, count: 2 }]]);

  // The age of a replayed event counts from its replay: the endpoint has the same maxAgeHours.
  expect(await client.replay()).toBe(2);
  await client.settled({ delivered: 4 });
  expect(company.tally.received).toBe(4);
  expect(company.requests.every(({ headers }) => headers['x-waybill-attempt'] === '1')).toBe(true);
  expect(await client.status()).toMatchObject({ dead: 0, delivered: 4, waiting: 0 });
});

test('a retry that comes due too late expires with the attempts that it had', async () => {
  const company = await testSandbox().company('acme', { script: { status: 503, body: 'closed' } });
  const settings = { acme: company.clientSettings({ retry: QUICK_RETRIES }) };
  const engine = await testEngine(settings, { started: false });
  const client = engine.client();
  const event = eventOfAge(0, 73);
  await put(engine.redis, client, [event]);
  const patient = await engine.start({ acme: { retry: { baseDelayMs: 1_000, jitter: 0 } } });
  await client.settled({ retried: 1 });
  await patient.stop(1_000);
  expect(await client.status()).toMatchObject({ retrying: 1 });

  await engine.start({ acme: { maxAgeHours: MAX_AGE } });
  await client.settled({ dead: 1 });
  expect(await engine.redis.hget(statsKey(client.name), `retrying:${TYPE}`)).toBe('0');
  const [letter] = await client.deadLetters();
  expect(letter).toEqual({
    ...event,
    history: [[expect.any(Number), 503, 'server_error', expect.any(Number)]],
    response: `${REASON}; the attempt before: closed`,
    headers: { 'content-type': 'application/json' },
    url: `${company.baseUrl}/dispositions`,
    expiredAt: expect.any(Number),
  });
  expect(company.tally.received).toBe(1);
  expect(await client.status()).toMatchObject({
    ...{ retrying: 0, waiting: 0, dead: 1 },
    ...{ diedByClass: { expired: 1 }, failedAttempts: { server_error: 1 } },
  });
});

test('an event put back from an export counts from then on', async () => {
  const company = await testSandbox().company('acme');
  const engine = await testEngine({ acme: company.clientSettings({ maxAgeHours: MAX_AGE }) });
  const client = engine.client();
  await put(engine.redis, client, [eventOfAge(0, 100)]);
  await client.settled({ dead: 1 });
  const lines = (await client.deadLetters()).map((event) => JSON.parse(toExportLine(client.name, event)));
  expect(lines).toMatchObject([{ attempts: [], response: REASON, expiredAt: expect.any(String) }]);
  await client.discard();

  const url = resolveUrl(company.baseUrl, '/dispositions');
  const clients = { [client.name]: { name: client.name, batchSize: 2, endpoints: { [TYPE]: { url } } } };
  const results = await restore(lines, {
    clients: clients as never,
    again: false,
    findDelivered: (name, ids) => findDelivered(engine.redis, name, ids),
    write: (endpoint, events) => restoreEvents(engine.redis, endpoint, uuidv7(), events, Date.now()),
  });
  expect(results).toEqual([{ outcome: 'accepted', id: lines[0].id }]);
  await client.settled({ delivered: 1 });
  expect(company.tally.received).toBe(1);
});

test('thousands of events that are too old take no turns of the rate, and leave the others theirs', async () => {
  const company = await testSandbox().company('acme');
  const settings = company.clientSettings({ maxAgeHours: MAX_AGE, ratePerSecond: 1, batchSize: 500 });
  const engine = await testEngine({ acme: settings });
  const client = engine.client();
  const old = Array.from({ length: 2_000 }, (_, n) => ({ ...eventOfAge(n, 73), unit: `unit-${n % 2}` }));
  for (let at = 0; at < old.length; at += 500) await put(engine.redis, client, old.slice(at, at + 500));
  await put(engine.redis, client, [eventOfAge(2_000, 71)]);
  await client.settled({ delivered: 1, dead: 2_000 });
  expect(company.tally.received).toBe(1);
  expect(await client.status()).toMatchObject({ dead: 2_000, delivered: 1, waiting: 0, inFlight: 0 });
});
