import { v7 as uuidv7 } from 'uuid';
import { expect, test } from 'vitest';
import { admit } from '../../src/queue/admit.ts';
import { readClientStatus } from '../../src/queue/client-status.ts';
import { lookAtClients } from '../../src/queue/look-at-clients.ts';
import { statsKey } from '../../src/queue/names.ts';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { testRedis, uniqueClientName } from '../support/redis.ts';
import { testSandbox } from '../support/sandbox.ts';
import { idleBatchWorker } from '../support/stalled.ts';

const events = (count: number) =>
  Array.from({ length: count }, () => ({ id: uuidv7(), type: 'disposition_update', unit: 'u', body: '{}' }));

test('a long queue is told as exactly as by counting all of it, and so are several clients at once', async () => {
  const redis = testRedis();
  const [long, idle] = [uniqueClientName(), uniqueClientName()];
  const sizes = Array.from({ length: 120 }, (_, i) => 1 + (i % 7));
  const batches = sizes.map((size) => ({ id: uuidv7(), events: events(size) }));
  await admit(redis, long, batches, Date.now() - 60_000);
  // Ten events more, that are through, and replayed dead letters; and a batch that somebody has in hand.
  const through = { accepted: 10, 'delivered:disposition_update:200': 9, dead: 5, replayed: 4 };
  for (const [field, count] of Object.entries(through)) await redis.hincrby(statsKey(long), field, count);
  await (await idleBatchWorker(long)).take();
  const looks = await lookAtClients(redis, [long, idle]);
  const { waiting, inFlight, retrying, accepted } = await readClientStatus(redis, long);
  expect(looks.get(long)).toMatchObject({ waiting, inFlight, retrying, counters: { accepted } });
  expect(looks.get(long)?.waiting).toBe(sizes.reduce((sum, size) => sum + size) - inFlight);
  expect(inFlight).toBeGreaterThan(0);
  expect(looks.get(long)?.oldestMs).toBeGreaterThanOrEqual(60_000);
  expect(looks.get(idle)).toEqual({
    ...{ waiting: 0, inFlight: 0, retrying: 0, oldestMs: 0, dead: 0, broken: 0, incidents: 0 },
    counters: { accepted: 0, delivered: 0, failed: 0, died: 0, replayed: 0, attemptMs: 0 },
  });
});

test('what became of events is told as by `status`: delivered, failed, retrying, dead, the last error', async () => {
  const company = await testSandbox().company('acme', { script: 503 });
  const never = { ...QUICK_RETRIES, baseDelayMs: 3_600_000, maxDelayMs: 3_600_000 };
  const engine = await testEngine({
    acme: company.clientSettings({ retry: never }),
    dying: company.clientSettings({ retry: { ...QUICK_RETRIES, retries: 1 } }),
  });
  const [acme, dying] = [engine.client('acme'), engine.client('dying')];
  await acme.submit(numberedEvents('disposition_update', 30));
  await dying.submit(numberedEvents('disposition_update', 20));
  await Promise.all([acme.settled({ retried: 30 }), dying.settled({ dead: 20 })]);
  const looks = await lookAtClients(engine.redis, [acme.name, dying.name]);
  for (const client of [acme, dying]) {
    const { waiting, inFlight, retrying, dead, lastError } = await client.status();
    expect(looks.get(client.name)).toMatchObject({ waiting, inFlight, retrying, dead, lastError });
  }
  expect(looks.get(acme.name)).toMatchObject({
    retrying: 30,
    incidents: 0,
    counters: { failed: 30, died: 0 },
  });
  expect(looks.get(dying.name)).toMatchObject({
    dead: 20,
    incidents: 1,
    counters: { accepted: 20, failed: 40, died: 20 },
  });
});
