import { expect, test } from 'vitest';
import { hang } from '../../src/sandbox/scripts.ts';
import type { TestClient } from '../support/engine.ts';
import { testEngine } from '../support/engine.ts';
import { numberedEvent, numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testSandbox } from '../support/sandbox.ts';

failOnLeaks();

const TYPE = 'disposition_update';
const HEALTHY = 49;
const CONCURRENCY = 32;
const WARM_UP_ROUNDS = 5;
const ROUNDS = 25;

test('one black hole beside 49 healthy clients: theirs are delivered while it holds all it may', {
  timeout: 60_000,
}, async () => {
  const sandbox = testSandbox();
  const hole = await sandbox.company('hole', { script: hang });
  const companies = await Promise.all(
    Array.from({ length: HEALTHY }, (_, n) => sandbox.company(`healthy-${n}`)),
  );
  const retry = { retries: 20, baseDelayMs: 10, factor: 1, maxDelayMs: 10, jitter: 0 };
  const engine = await testEngine({
    // It answers nothing, and its requests end and begin anew all the time.
    hole: hole.clientSettings({ concurrency: CONCURRENCY, timeoutMs: 1_000, retry }),
    ...Object.fromEntries(companies.map((company) => [company.name, company.clientSettings()])),
  });
  const clients = companies.map(({ name }) => engine.client(name));

  /** One event for each client a round. @returns milliseconds from before it is submitted to its arrival */
  async function latencies(rounds: number): Promise<number[]> {
    const found: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const number = (companies[0]?.requests.length ?? 0) + 1;
      const submitted = performance.now();
      await Promise.all(clients.map((client) => submitOne(client, number)));
      await Promise.all(companies.map((company) => company.waitFor(number)));
      for (const { requests } of companies) found.push((requests.at(-1)?.at ?? 0) - submitted);
    }
    return found;
  }

  await latencies(WARM_UP_ROUNDS);
  const without = await latencies(ROUNDS);
  await engine.client('hole').submit(numberedEvents(TYPE, 300));
  await hole.waitFor(({ tally }) => tally.inFlight === CONCURRENCY);
  const beside = await latencies(ROUNDS);
  expect(hole.tally.inFlight).toBeGreaterThan(0);
  expect(hole.tally.mostInFlight).toBe(CONCURRENCY);
  report('without the black hole', without);
  report('beside it', beside);

  const sent = WARM_UP_ROUNDS + 2 * ROUNDS;
  await Promise.all(clients.map((client) => client.settled({ delivered: sent })));
  for (const company of companies) {
    expect(company.tally.received).toBe(sent);
    expect(company.deliveredIds.size).toBe(sent);
  }
  expect(await engine.client('hole').status()).toMatchObject({ delivered: 0, dead: 0 });
});

async function submitOne(client: TestClient, number: number): Promise<void> {
  await client.submit([numberedEvent(TYPE, number)]);
}

/** Printed, not judged: the machine that runs this may be slow. */
function report(when: string, latencies: readonly number[]): void {
  const sorted = [...latencies].sort((a, b) => a - b);
  const at = (share: number): string => `${(sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(1)} ms`;
  process.stdout.write(
    `accepted to arrived, ${when}: p50 ${at(0.5)}, p99 ${at(0.99)}, of ${sorted.length}\n`,
  );
}
