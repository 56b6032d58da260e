import { expect, test } from 'vitest';
import { testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';

failOnLeaks();

const retry = { retries: 5, baseDelayMs: 20, factor: 1, maxDelayMs: 2_000, jitter: 0 };
const overloaded = { status: 503, headers: { 'retry-after': '1' } };

test('an endpoint that keeps saying Retry-After is asked by one request at a time, and its backlog is not burned', async () => {
  const company = await testSandbox().company('acme', { script: overloaded });
  const engine = await testEngine({ acme: company.clientSettings({ retry, concurrency: 4 }) });
  const client = engine.client();
  await client.submit(numberedEvents('disposition_update', 500));
  await until(async () => company.tally.received >= 6);
  const { dead, failedAttempts } = await client.status();
  // Four at once, then one a second.
  expect(company.tally.received).toBeLessThan(20);
  expect(dead).toBe(0);
  expect(failedAttempts['server_error'] ?? 0).toBeLessThan(20);

  company.script({});
  await client.settled({ delivered: 500 });
  expect(engine.log.matching('endpoint says Retry-After: events wait')[0]).toMatchObject({
    level: 'warn',
    until: expect.any(String),
  });
});

test('with a fixed pace each event waits for its own Retry-After, and the others go on', async () => {
  const company = await testSandbox().company('acme', { script: overloaded });
  const settings = { retry: { ...retry, retries: 0 }, pace: 'fixed' } as const;
  const engine = await testEngine({ acme: company.clientSettings(settings) });
  const client = engine.client();
  await client.submit(numberedEvents('disposition_update', 100));
  await client.settled({ dead: 100 });
  expect(company.tally.received).toBe(100);
});
