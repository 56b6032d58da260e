import { v7 as uuidv7 } from 'uuid';
import { expect, test } from 'vitest';
import { inNextLife } from '../../src/core/history.ts';
import { replayDeadLetters } from '../../src/queue/dead-letters.ts';
import { type ReplayedEvent, readFirstAttempt } from '../../src/queue/first-attempt.ts';
import { addLetters, letter } from '../api/dead-letters.ts';
import { type TestEngine, testEngine } from '../support/engine.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testRedis } from '../support/redis.ts';
import { hold } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';

failOnLeaks();

const HOUR_MS = 3_600_000;

/** Replays a dead letter of the engine's client as a batch of its own. */
async function replayOne({ redis, client }: TestEngine): Promise<ReplayedEvent> {
  const event = letter(0, 422);
  const { name } = client();
  await addLetters(testRedis({ maxRetriesPerRequest: null }), name, [event]);
  const [jobId, now] = [uuidv7(), Date.now()];
  expect(await replayDeadLetters(redis, name, jobId, [event], now)).toBe(1);
  return { client: name, jobId, event: inNextLife(event, now) };
}

test('a replayed event waits until its first attempt is over, and then was delivered', async () => {
  const company = await testSandbox().company('acme');
  const held = hold(200);
  company.script(held.script);
  const engine = await testEngine({ acme: company.clientSettings() });
  const canary = await replayOne(engine);
  expect(await readFirstAttempt(engine.redis, canary)).toEqual({ kind: 'waiting' });
  await company.waitFor(1);
  expect(await readFirstAttempt(engine.redis, canary)).toEqual({ kind: 'waiting' });
  held.release();
  await engine.client().settled({ delivered: 1 });
  expect(await readFirstAttempt(engine.redis, canary)).toEqual({ kind: 'delivered' });
});

test('a replayed event whose first attempt failed is told with what was answered', async () => {
  const company = await testSandbox().company('acme', { script: { status: 503, body: 'busy' } });
  const retry = { baseDelayMs: HOUR_MS, maxDelayMs: HOUR_MS, jitter: 0 };
  const engine = await testEngine({ acme: company.clientSettings({ retry }) });
  const canary = await replayOne(engine);
  await engine.client().settled({ retried: 1 });
  const history = [[expect.any(Number), 503, 'server_error', expect.any(Number)]];
  expect(await readFirstAttempt(engine.redis, canary)).toEqual({
    kind: 'failed',
    state: 'retrying',
    event: { ...canary.event, history, response: 'busy', headers: { 'content-type': 'application/json' } },
  });
});

test('a replayed event without a retry left is a dead letter of its new life', async () => {
  const company = await testSandbox().company('acme', { script: 422 });
  const engine = await testEngine({ acme: company.clientSettings({ retry: { retries: 0 } }) });
  const canary = await replayOne(engine);
  await engine.client().settled({ dead: 1 });
  expect(await readFirstAttempt(engine.redis, canary)).toMatchObject({
    kind: 'failed',
    state: 'dead',
    event: {
      id: canary.event.id,
      life: 1,
      history: [[expect.any(Number), 422, 'client_error', expect.any(Number)]],
    },
  });
});
