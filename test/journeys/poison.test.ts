import { expect, test } from 'vitest';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { engineProcesses, type Poison } from '../support/engine-processes.ts';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { hold } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';

failOnLeaks();

const TYPE = 'disposition_update';

/** A client with 50 events in one batch, which only processes of their own deliver. */
async function waitingBatch() {
  const company = await testSandbox().company('acme');
  const settings = company.clientSettings({ retry: QUICK_RETRIES });
  const client = (await testEngine({ acme: settings }, { started: false })).client();
  const ids = await client.submit(numberedEvents(TYPE, 50));
  return { company, client, ids, processes: engineProcesses({ [client.name]: settings }) };
}

test.each<Poison['when']>(['sending', 'answered'])(
  'an event that ends the process which handles it (%s) dies as a crash, the 49 others are delivered',
  async (when) => {
    const { company, client, ids, processes } = await waitingBatch();
    const [poisonous = ''] = ids.slice(17);
    let running = processes.start({ event: poisonous, when });
    let lost = 0;
    while ((await client.status()).dead === 0) {
      const end = await Promise.race([
        running.exit,
        running.waitForLine('dead letter', { timeoutMs: 60_000 }),
      ]);
      if (!('signal' in end)) break;
      expect(end.signal).toBe('SIGKILL');
      lost += 1;
      running = processes.start({ event: poisonous, when });
    }
    // The log says it before it is written down.
    await until(async () => (await client.status()).dead === 1);
    await until(async () => (await client.status()).delivered === 49);
    // Three with the batch, then eleven with the event alone.
    expect(lost).toBe(14);
    const letters = await client.deadLetters();
    expect(
      letters.map(({ id, history }) => [id, history?.map(([, , failureClass]) => failureClass)]),
    ).toEqual([[poisonous, ['crash']]]);
    const delivered = new Set(
      company.requests.filter(({ answered }) => answered).map(({ eventId }) => eventId),
    );
    delivered.delete(poisonous);
    expect(delivered.size).toBe(49);
    const { repeats, ...status } = await client.status();
    expect(status).toMatchObject({ waiting: 0, inFlight: 0, retrying: 0, dead: 1 });
    expect(repeats.taken_over).toBeGreaterThanOrEqual(company.tally.received - 50);
    running.signal('SIGTERM');
    await running.exit;
  },
);

test('ten crashes of the process, each as an event has just been sent, harm no one', async () => {
  const { company, client, processes } = await waitingBatch();
  const held = hold();
  company.script(held.script);
  for (let crash = 1; crash <= 10; crash += 1) {
    const before = company.tally.received;
    const running = processes.start();
    await company.waitFor(() => company.tally.received > before, { timeoutMs: 60_000 });
    running.signal('SIGKILL');
    await running.exit;
  }
  held.release();
  const last = processes.start();
  await until(async () => (await client.status()).delivered === 50, 60_000);
  const { repeats, ...status } = await client.status();
  expect(status).toMatchObject({ waiting: 0, inFlight: 0, retrying: 0, dead: 0, broken: 0 });
  expect(repeats.taken_over).toBeGreaterThanOrEqual(company.tally.received - 50);
  last.signal('SIGTERM');
  await last.exit;
});
