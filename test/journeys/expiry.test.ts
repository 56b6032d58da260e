import { expect, test } from 'vitest';
import { testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';

failOnLeaks();

const HOUR_MS = 3_600_000;

test('an event that waited for longer than maxAgeHours is a dead letter that was not sent; its replay is', async () => {
  const company = await testSandbox().company('acme');
  const settings = company.clientSettings({ maxAgeHours: 200 / HOUR_MS });
  const { client: clientOf, start } = await testEngine({ acme: settings }, { started: false });
  const client = clientOf();
  const [id] = await client.submit(numberedEvents('disposition_update', 3));
  await until(async () => ((await client.status()).endpoints['disposition_update']?.oldestMs ?? 0) > 200);
  const engine = await start();
  await client.settled({ dead: 3 });
  expect(company.tally.received).toBe(0);
  const letter = (await client.deadLetters()).find((one) => one.id === id);
  expect(letter?.response).toMatch(/^older than maxAgeHours: .* h; it was not sent$/);
  expect([letter?.history, typeof letter?.expiredAt]).toEqual([undefined, 'number']);
  expect(await client.status()).toMatchObject({ dead: 3, failedAttempts: {}, diedByClass: { expired: 3 } });
  await engine.stop(0);

  expect(await client.replay()).toBe(3);
  // It was accepted long ago, and begins a life of its own now.
  await start({ acme: { maxAgeHours: 1 } });
  await client.settled({ delivered: 3 });
  expect(await client.status()).toMatchObject({ dead: 0, waiting: 0, retrying: 0, delivered: 3 });
});

test('a retry that comes due when its event is too old is not sent, and the attempts before it are kept', async () => {
  const company = await testSandbox().company('acme', { script: 500 });
  const retry = { retries: 5, baseDelayMs: 4_000, factor: 1, maxDelayMs: 4_000, jitter: 0 };
  const settings = company.clientSettings({ retry, maxAgeHours: 3_000 / HOUR_MS });
  const client = (await testEngine({ acme: settings })).client();
  await client.submit(numberedEvents('disposition_update', 1));
  await client.settled({ dead: 1 });
  const [letter] = await client.deadLetters();
  expect(letter?.history).toMatchObject([[expect.any(Number), 500, 'server_error', expect.any(Number)]]);
  expect(letter?.response).toMatch(/it was not sent; the attempt before: /);
  expect(company.tally.received).toBe(1);
  expect(await client.status()).toMatchObject({
    ...{ dead: 1, retrying: 0, waiting: 0 },
    ...{ failedAttempts: { server_error: 1 }, diedByClass: { expired: 1 } },
  });
});
