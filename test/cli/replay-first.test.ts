import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { OPEN_VERDICT, type Verdict } from '../../src/core/pace.ts';
import { writeVerdict } from '../../src/queue/pace-store.ts';
import { setPaused } from '../../src/queue/pause-client.ts';
import type { AnswerLike } from '../../src/sandbox/answer.ts';
import type { Script } from '../../src/sandbox/scripts.ts';
import { addLetters, letter } from '../api/dead-letters.ts';
import { configFor } from '../support/client-config.ts';
import { testEngine } from '../support/engine.ts';
import { canMakeTerminals, startScript } from '../support/pseudo-terminal.ts';
import { testRedis, testRedisPath } from '../support/redis.ts';
import { hang } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';
import { runWaybill, startWaybill, testDirectory } from '../support/waybill-process.ts';

const HOUR_MS = 3_600_000;
const SINCE = Date.UTC(2026, 2, 1, 14);
const TYPE = 'disposition_update';
const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const LATER = { baseDelayMs: HOUR_MS, maxDelayMs: HOUR_MS, jitter: 0 };

/** A client with dead letters, and the commands that replay them; an engine delivers if it is `started`. */
async function scene(count: number, script: Script | AnswerLike = 200, started = true) {
  const company = await testSandbox().company('acme', { script });
  const settings = company.clientSettings({ retry: LATER, concurrency: 1 });
  const engine = await testEngine({ acme: settings }, { started });
  const client = engine.client();
  const letters = Array.from({ length: count }, (_, n) => letter(n, 422));
  await addLetters(testRedis({ maxRetriesPerRequest: null }), client.name, letters);
  const args = ['dead-letters', 'replay', ...configFor(client.name, settings, testRedisPath())];
  return {
    ...{ company, client, args, redis: engine.redis },
    ids: letters.map(({ id }) => id),
    tell: (facts: Partial<Verdict>) => {
      const endpoint = { client: client.name, type: TYPE };
      return writeVerdict(engine.redis, endpoint, { ...OPEN_VERDICT, number: 1, ...facts });
    },
    async replay(...flags: string[]) {
      const { code, stdout, stderr } = await runWaybill([...args, '--json', ...flags]);
      return { code, stderr, value: JSON.parse(stdout) };
    },
  };
}

test('at an endpoint that is down it says so, and replays only with --yes', async () => {
  const { client, replay, tell } = await scene(1, 200, false);
  await tell({ state: 'down', since: SINCE });
  const down = `${client.name} ${TYPE} is down since 2026-03-01 14:00:00Z: replayed events wait until it comes back.\n`;
  const why = 'waybill: nothing was replayed; --yes is needed to replay all the same without a terminal\n';
  const unavailable = [
    {
      client: client.name,
      type: TYPE,
      reason: 'down',
      since: '2026-03-01T14:00:00.000Z',
      until: null,
      holds: true,
    },
  ];
  const value = { matching: 1, unavailable, replayed: 0, interrupted: false };
  expect(await replay('--dry-run')).toEqual({ code: 0, stderr: down, value });
  expect(await replay()).toEqual({ code: 3, stderr: down + why, value });
  expect(await client.deadLetters()).toHaveLength(1);
  expect(await replay('--yes')).toMatchObject({ code: 0, value: { ...value, replayed: 1 } });
});

test('at an endpoint that said Retry-After it names the time', async () => {
  const { replay, tell } = await scene(2, 200, false);
  const holdUntil = Date.now() + HOUR_MS;
  await tell({ state: 'slowed', rate: 1, holdUntil });
  const { code, stderr, value } = await replay();
  expect(code).toBe(3);
  expect(stderr).toMatch(
    / said Retry-After: replayed events wait until \d{4}-.*Z, and longer if it says so again\.\n/,
  );
  expect(value.unavailable).toMatchObject([
    { reason: 'retry_after', since: null, until: new Date(holdUntil).toISOString() },
  ]);
});

test('once all canaries are delivered, the rest is replayed', async () => {
  const { company, client, ids, replay } = await scene(5);
  const canary = { replayed: 2, delivered: 2, failed: [], waiting: 0, obstacles: [] };
  expect(await replay('--yes', '--canary', '2')).toMatchObject({
    code: 0,
    value: { matching: 5, replayed: 5, interrupted: false, canary },
  });
  await client.settled({ delivered: 5 });
  expect(company.requests.slice(0, 2).map(({ eventId }) => eventId)).toEqual(ids.slice(0, 2));
  expect(company.deliveredIds.size).toBe(5);
});

test('--limit counts the canaries', async () => {
  const { client, ids, replay } = await scene(5);
  const { value } = await replay('--yes', '--canary', '2', '--limit', '3');
  expect(value).toMatchObject({ matching: 3, replayed: 3 });
  expect((await client.deadLetters()).map(({ id }) => id)).toEqual(ids.slice(3));
});

test('if a canary fails, the rest stays, and it is told what was answered', async () => {
  const { client, ids, replay } = await scene(5, { status: 422, body: 'no\u001b[31m such unit' });
  const { code, stderr, value } = await replay('--yes', '--canary', '2');
  expect(code).toBe(3);
  const failure = { client: client.name, type: TYPE, state: 'retrying', status: 422, class: 'client_error' };
  expect(value).toMatchObject({
    matching: 5,
    replayed: 2,
    canary: { replayed: 2, delivered: 0, waiting: 0 },
  });
  expect(value.canary.failed).toMatchObject([
    { ...failure, id: ids[0], unit: 'LP0', response: 'no\u001b[31m such unit' },
    { ...failure, id: ids[1] },
  ]);
  expect(stderr).toContain('Canaries: 0 of 2 delivered, 2 failed.\n');
  expect(stderr).toContain(
    `  ${ids[0]} of ${client.name}, ${TYPE}: 422 (client_error), is retried\n    no\\u001b[31m such`,
  );
  expect(stderr).toContain('go on with their retries');
  expect(stderr).toContain('the other 3 dead letters were not replayed.\n');
  expect((await client.deadLetters()).map(({ id }) => id)).toEqual(ids.slice(2));
});

test('an interrupted wait says what became of the canaries', async () => {
  const { company, client, args } = await scene(3, hang);
  const waiting = startWaybill([...args, '--json', '--yes', '--canary', '1']);
  await company.waitFor(1);
  await waiting.waitForErrorLine(({ unparsed }) => String(unparsed).startsWith('1 canary replayed; waiting'));
  waiting.signal('SIGINT');
  expect((await waiting.exit).code).toBe(130);
  expect(JSON.parse(waiting.stdout)).toMatchObject({
    replayed: 1,
    interrupted: true,
    canary: { replayed: 1, delivered: 0, waiting: 1, obstacles: [] },
  });
  expect(await client.deadLetters()).toHaveLength(2);
});

test('if the endpoint goes down meanwhile, the canaries count as not delivered', async () => {
  const { company, client, args, tell } = await scene(3, hang);
  const waiting = startWaybill([...args, '--json', '--yes', '--canary', '1']);
  await company.waitFor(1);
  await tell({ state: 'down', since: SINCE });
  expect((await waiting.exit).code).toBe(3);
  expect(waiting.stderr).toContain('not tried; the endpoint is down, and they wait until it comes back\n');
  const obstacles = [{ client: client.name, type: TYPE, count: 1, obstacle: 'down' }];
  expect(JSON.parse(waiting.stdout)).toMatchObject({ replayed: 1, canary: { waiting: 1, obstacles } });
});

test('canaries of a paused client are not waited for', async () => {
  const { client, redis, replay } = await scene(2);
  await setPaused(redis, client.name, true, Date.now());
  const { code, stderr, value } = await replay('--yes', '--canary', '1');
  expect(code).toBe(3);
  expect(stderr).toContain('Canaries: 0 of 1 delivered, 1 not tried.\n');
  expect(value).toMatchObject({ replayed: 1, canary: { waiting: 1, obstacles: [{ obstacle: 'paused' }] } });
});

test.skipIf(!canMakeTerminals())('in a terminal it asks for the rest; Ctrl-C is a no', async () => {
  const { client, ids, args } = await scene(4, 422);
  const quoted = [process.execPath, MAIN, ...args, '--canary', '1'].map((word) => `"${word}"`).join(' ');
  const answer = async (keys: string, others: number) => {
    const terminal = startScript(`stty rows 20 cols 80; ${quoted}`, testDirectory());
    await terminal.shows(/^replay \d dead letters of .* \[y\/N\]/m);
    terminal.type('y\r');
    await terminal.shows(new RegExp(`the other ${others} dead letters? all the same\\? \\[y/N\\]`));
    terminal.type(keys);
    const code = await terminal.exit;
    return { code, screen: terminal.rows().join('\n') };
  };
  const refused = await answer('\u0003', 3);
  expect(refused.code).toBe(3);
  expect(refused.screen).toMatch(/the other 3 dead letters were not *\n?replayed\./);
  expect((await client.deadLetters()).map(({ id }) => id)).toEqual(ids.slice(1));
  const agreed = await answer('y\r', 2);
  expect(agreed).toMatchObject({ code: 0, screen: expect.stringMatching(/^3 replayed\.$/m) });
  expect(await client.deadLetters()).toEqual([]);
});
