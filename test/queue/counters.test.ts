import { v7 as uuidv7 } from 'uuid';
import { expect, test } from 'vitest';
import { admit, admitKeyed } from '../../src/queue/admit.ts';
import { setPaused } from '../../src/queue/pause-client.ts';
import { readOverviews } from '../../src/queue/queue-overview.ts';
import { restoreEvents } from '../../src/queue/restore-events.ts';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { testSandbox } from '../support/sandbox.ts';

const event = (type = 'disposition_update') => ({ id: uuidv7(), type, unit: 'u', body: '{}' });

test('accepted events are counted by type, once, and dead ones by type and class', async () => {
  const company = await testSandbox().company('acme', { script: 500 });
  const engine = await testEngine({
    acme: company.clientSettings({ retry: { ...QUICK_RETRIES, retries: 0 } }),
  });
  const { name, submit, settled, status, replay } = engine.client();
  await Promise.all([
    submit(numberedEvents('disposition_update', 30)),
    submit(numberedEvents('inventory_receipt', 20), 'inventory_receipt'),
  ]);
  await settled({ dead: 50 });
  company.script(200);
  await replay();
  await settled({ delivered: 50 });
  const { redis } = engine;
  const batch = { id: uuidv7(), events: [event(), event('inventory_receipt'), event()] };
  await setPaused(redis, name, true, Date.now());
  for (const _ of [1, 2]) await admit(redis, name, [batch], Date.now());
  const keys = [{ key: 'order-17', fingerprint: 'f' }];
  for (const id of [uuidv7(), uuidv7()]) {
    await admitKeyed(redis, name, [{ id, events: [event('inventory_receipt')], keys }], Date.now());
  }
  await restoreEvents(redis, name, uuidv7(), [event('inventory_receipt')], Date.now());
  const overview = (await readOverviews(redis, [name])).get(name);
  expect(Object.fromEntries(overview?.counters ?? [])).toMatchObject({
    accepted: 55,
    'accepted:disposition_update': 32,
    'accepted:inventory_receipt': 23,
    'dead:disposition_update:server_error': 30,
    'dead:inventory_receipt:server_error': 20,
    dead: 50,
    replayed: 50,
    attemptMs: expect.any(Number),
  });
  const { waiting, inFlight, retrying } = await status();
  expect(waiting + inFlight + retrying).toBe(5);
});
