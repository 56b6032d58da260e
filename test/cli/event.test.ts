import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { v7 as uuidv7 } from 'uuid';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { statsKey } from '../../src/queue/names.ts';
import { setPaused } from '../../src/queue/pause-client.ts';
import { testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { testRedisPath } from '../support/redis.ts';
import { openRedisGate } from '../support/redis-gate.ts';
import { always } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';
import { runWaybill, testDirectory } from '../support/waybill-process.ts';

const HOUR_MS = 3_600_000;
const AT = /\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/.source;

/** An event that waits, one that is retried, one that was delivered and one that was given up on; each of a client. */
async function fourEvents(redisPath = testRedisPath()) {
  const sandbox = testSandbox();
  const company = await sandbox.company('acme');
  const failing = await sandbox.company('failing', { script: always(422) });
  const settings = {
    paused: company.clientSettings(),
    well: company.clientSettings(),
    strict: failing.clientSettings({ retry: { retries: 0 } }),
    slow: failing.clientSettings({ retry: { baseDelayMs: HOUR_MS, jitter: 0 } }),
  };
  const engine = await testEngine(settings);
  const client = (label: keyof typeof settings) => engine.client(label);
  await setPaused(engine.redis, client('paused').name, true, Date.now());
  const submit = async (label: keyof typeof settings): Promise<string> =>
    (await client(label).submit(numberedEvents('disposition_update', 1)))[0] ?? '';
  const ids = {
    paused: await submit('paused'),
    well: await submit('well'),
    strict: await submit('strict'),
    slow: await submit('slow'),
  };
  await Promise.all([
    client('well').settled({ delivered: 1 }),
    client('strict').settled({ dead: 1 }),
    client('slow').settled({ retried: 1 }),
  ]);
  const directory = testDirectory();
  const names = Object.fromEntries(
    Object.entries(settings).map(([label, each]) => [client(label as 'well').name, each]),
  );
  writeFileSync(join(directory, 'waybill.yaml'), stringify({ redis: { url: redisPath }, clients: names }));
  const run = (...args: string[]) => runWaybill(['event', ...args], { directory });
  return { ids, name: (label: keyof typeof settings) => client(label).name, run, redis: engine.redis };
}

test('event tells what became of one, in a sentence and as one JSON object', async () => {
  const { ids, name, run } = await fourEvents();
  const runs = await Promise.all([ids.paused, ids.slow, ids.well, ids.strict].map((id) => run(id)));
  expect(runs.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
  const [waiting = '', retried = '', delivered = '', dead = ''] = runs.map(({ stdout }) => stdout);
  expect(waiting).toMatch(
    new RegExp(
      `^Event ${ids.paused} of ${name('paused')} waits to be sent; it was accepted .* ago \\(${AT}\\)\\.\n`,
    ),
  );
  expect(retried).toMatch(
    new RegExp(
      `is retried: attempt 2 comes in \\d+ minutes \\(${AT}\\), the last one failed with 422 \\(client_error\\); it was accepted `,
    ),
  );
  expect(delivered).toMatch(
    new RegExp(`was delivered \\S+ \\w+ ago \\(${AT}\\): the endpoint answered 200\\.\n$`),
  );
  expect(dead).toContain('is a dead letter: one attempt failed, the last one with 422 (client_error).\n');
  const [, command = ''] = /"waybill dead-letters (.*)"/.exec(dead) ?? [];
  expect(command).toBe(`show ${ids.strict} --client ${name('strict')}`);

  const { code, stdout } = await run(ids.strict, '--json', '--client', name('strict'));
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({
    id: ids.strict,
    client: name('strict'),
    state: 'dead',
    deadLetterId: ids.strict,
    attempts: 1,
    replays: 0,
    class: 'client_error',
    status: 422,
  });
});

test('an unknown event is told apart from an id that is none and a client that is none', async () => {
  const { ids, name, run } = await fourEvents();
  const [unknown, elsewhere, malformed, nobody] = await Promise.all([
    run(uuidv7()),
    run(ids.well, '--client', name('slow'), '--json'),
    run('1234'),
    run(ids.well, '--client', 'nobody'),
  ]);
  expect(unknown).toMatchObject({ code: 3, stdout: '' });
  expect(unknown.stderr).toMatch(
    /^waybill: nothing is known of event \S+ for any of 4 clients: it was delivered more than 24 hours ago, or /,
  );
  expect(elsewhere.code).toBe(3);
  expect(JSON.parse(elsewhere.stdout).error.code).toBe('EVENT_NOT_FOUND');
  expect(malformed).toMatchObject({ code: 2, stderr: expect.stringContaining('a UUIDv7') });
  expect(nobody).toMatchObject({ code: 2, stderr: expect.stringContaining('client "nobody" is not in') });
});

test('event tells that one waits or is being sent if its jobs moved too fast to tell which', async () => {
  const gate = await openRedisGate(testRedisPath());
  const { name, run, redis } = await fourEvents(gate.socketPath);
  const client = name('paused');
  // From then on Redis knows the scripts by their hashes.
  expect(await run(uuidv7(), '--client', client)).toMatchObject({ code: 3 });
  const id = uuidv7();
  const stands = gate.standAt(2, 'before', new RegExp(id));
  const running = run(id, '--client', client);
  await stands;
  await redis.hincrby(statsKey(client), 'replayed:disposition_update', 1);
  gate.release();
  const { code, stdout } = await running;
  expect(code).toBe(0);
  expect(stdout).toContain(
    `Event ${id} of ${client} waits or is being sent: jobs moved too fast to tell which; it was accepted `,
  );
});
