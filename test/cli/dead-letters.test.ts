import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { StoredEvent } from '../../src/core/event.ts';
import { withExpiry } from '../../src/core/history.ts';
import { addLetters, letter } from '../api/dead-letters.ts';
import { configFor } from '../support/client-config.ts';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { numberedEvent, numberedEvents } from '../support/events.ts';
import { canMakeTerminals, startScript } from '../support/pseudo-terminal.ts';
import { testRedis, testRedisPath, uniqueClientName } from '../support/redis.ts';
import { hang } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';
import { runWaybill, testDirectory } from '../support/waybill-process.ts';

const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const NO_RETRY = { ...QUICK_RETRIES, retries: 0 };
const UNSENT = { baseUrl: 'http://127.0.0.1:9', endpoints: { disposition_update: '/d' } };
const OBJECTION = { message: 'not valid', errors: [{ field: '$.upc', code: 'invalid' }] };

/** Two clients with dead letters: one objects to a field, the other does not answer. */
async function outage() {
  const sandbox = testSandbox();
  const strict = await sandbox.company('strict', {
    script: { status: 422, body: JSON.stringify(OBJECTION) },
  });
  const mute = await sandbox.company('mute', { script: hang });
  const settings = {
    strict: strict.clientSettings({ retry: { ...NO_RETRY, retries: 1 } }),
    mute: mute.clientSettings({ retry: NO_RETRY, timeoutMs: 1_000 }),
  };
  const engine = await testEngine(settings);
  const clients = { strict: engine.client('strict'), mute: engine.client('mute') };
  const steering = { ...numberedEvent('disposition_update', 2), optiturn_lp: 'LP\u001b[31m\n2' };
  await clients.strict.submit([...numberedEvents('disposition_update', 2), steering]);
  await clients.mute.submit(numberedEvents('inventory_receipt', 2), 'inventory_receipt');
  await Promise.all([clients.strict.settled({ dead: 3 }), clients.mute.settled({ dead: 2 })]);

  const directory = testDirectory();
  const named = { [clients.strict.name]: settings.strict, [clients.mute.name]: settings.mute };
  const config = stringify({ redis: { url: testRedisPath() }, clients: named });
  writeFileSync(join(directory, 'waybill.yaml'), config);
  const run = (...args: string[]) => runWaybill(args, { directory });
  const list = async (...filters: string[]) =>
    JSON.parse((await run('dead-letters', 'list', '--json', ...filters)).stdout);
  return { ...clients, directory, run, list };
}

test('dead letters are listed by any combination of filters', async () => {
  const { strict, mute, list } = await outage();
  const [first, second] = await list('--client', strict.name);
  const count = async (...filters: string[]) => (await list(...filters)).length;
  expect(
    await Promise.all([
      count(),
      count('--status', '4xx'),
      count('--status', '422', '--client', mute.name),
      count('--status', 'timeout', '--type', 'inventory_receipt'),
      count('--type', 'disposition_update', '--limit', '2'),
      count('--unit', second.unit, '--client', strict.name),
      count('--id', first.id, '--unit', second.unit),
      count('--since', '1h', '--status', 'client_error'),
      count('--until', '1h'),
    ]),
  ).toEqual([5, 3, 0, 2, 2, 1, 0, 3, 0]);
});

test('people read a line for each, and nothing in it steers their terminal', async () => {
  const { strict, run } = await outage();
  const { stdout } = await run('dead-letters', 'list', '--client', strict.name);
  expect(stdout.trim().split('\n')).toHaveLength(4);
  expect(stdout).not.toMatch(/ $/m);
  expect(stdout).not.toContain('\u001b');
  expect(stdout).toContain('LP\\u001b[31m 2');
});

test('show tells what was answered and which fields were objected to, or why there was no answer', async () => {
  const { strict, mute, run } = await outage();
  const show = async ([letter]: readonly { readonly id: string }[]) =>
    (await run('dead-letters', 'show', letter?.id ?? '')).stdout;
  const answered = await show(await strict.deadLetters());
  expect(answered).toMatch(/ 1 {2}\S+Z {2}422 .*\n +2 {2}\S+Z {2}422 /);
  expect(answered).toContain('Fields that the endpoint objected to\n  $.upc: invalid\n');
  expect(answered).toContain('\nLast response\n  content-type: application/json\n\n  {"message":"not valid"');
  expect(await show(await mute.deadLetters())).toMatch(
    /\nNo response\n {2}no answer from .* within 1000 ms\n/,
  );
  expect(await run('dead-letters', 'show', 'nothing')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('event nothing is not among the dead letters'),
  });
});

test('every command says of an event that was too old that it was not sent', async () => {
  const name = uniqueClientName();
  const DIED = Date.UTC(2026, 2, 2);
  const { history, response, ...unsent } = letter(1, 422);
  const url = 'https://acme.example/d?key=secret';
  const letters = [unsent, letter(2, 503)].map((event) => withExpiry(event, 72, DIED, url));
  await addLetters(testRedis({ maxRetriesPerRequest: null }), name, letters);
  const directory = testDirectory();
  const clients = { [name]: UNSENT };
  writeFileSync(join(directory, 'waybill.yaml'), stringify({ redis: { url: testRedisPath() }, clients }));
  const [first = '', second = ''] = letters.map(({ id }) => id);
  const run = async (...args: string[]) => (await runWaybill(args, { directory })).stdout;

  const rows = JSON.parse(await run('dead-letters', 'list', '--json', '--status', 'expired'));
  const row = { status: null, class: 'expired', diedAt: '2026-03-02T00:00:00.000Z' };
  expect(rows).toMatchObject([
    { id: first, attempts: 0, ...row },
    { id: second, attempts: 1, ...row },
  ]);
  const shown = await run('dead-letters', 'show', first);
  expect(shown).toContain('\nNo attempt was made.\n\nTo be sent to\n  https://acme.example/d?key=***\n');
  expect(shown).toContain(
    '\nExpired at 2026-03-02T00:00:00.000Z, not sent\n  older than maxAgeHours: 72 h; it was not sent\n',
  );
  expect(await run('dead-letters', 'show', second)).toContain(
    'it was not sent; the attempt before: {"errors"',
  );
  expect(JSON.parse(await run('dead-letters', 'show', second, '--json'))).toMatchObject({
    attempts: [{ attempt: 1, status: 503 }],
    expiredAt: '2026-03-02T00:00:00.000Z',
  });
  expect(await run('event', second)).toContain(
    'is a dead letter: it was too old to be sent (expired), after one attempt.',
  );
  expect(await run('report', name)).toContain('#### expired: 2 events');
});

test('dead letters are chosen by when an attempt failed, in the zone of the terminal', async () => {
  const name = uniqueClientName();
  const at = (time: string): number => Date.parse(`2026-03-01T${time}Z`);
  const letters = ['02:10', '02:50', '03:10'].map((failed, n): StoredEvent => {
    const last = [at(`05:0${n}`), 422, 'client_error', 5] as const;
    return { ...letter(n, 422), history: [[at(failed), 503, 'server_error', 5], last] };
  });
  await addLetters(testRedis({ maxRetriesPerRequest: null }), name, letters);
  const config = configFor(name, UNSENT, testRedisPath());
  const run = async (verb: string, ...flags: string[]): Promise<string> => {
    const args = [...(verb === 'audit' ? [verb] : ['dead-letters', verb]), ...flags, ...config];
    return (await runWaybill(args, { env: { TZ: 'Europe/Berlin' } })).stdout;
  };
  const failed = (since: string, until: string) => ['--failed-since', since, '--failed-until', until];
  const night = failed('2026-03-01 03:00', '04:00');
  const count = async (...flags: string[]): Promise<number> =>
    JSON.parse(await run('list', '--json', ...flags)).length;
  expect(
    await Promise.all([
      count(...night),
      count(...failed('2026-03-01 02:00Z', '03:00Z')),
      count(...failed('2026-03-01T02:00', '03:00')),
      count(...night, '--since', '2026-03-01 06:01'),
    ]),
  ).toEqual([2, 2, 0, 1]);
  expect((await run('export', ...night)).split('\n')).toHaveLength(3);
  expect(await run('replay', '--dry-run', ...night)).toBe('2 would be replayed.\n');
  expect(await run('discard', '--yes', ...night)).toBe('2 discarded.\n');
  const [entry] = JSON.parse(await run('audit', '--json', '--client', name)).entries;
  expect(entry).toMatchObject({
    filter: { failedSince: '2026-03-01T02:00:00.000Z', failedUntil: '2026-03-01T03:00:00.000Z' },
  });

  // What is printed is taken back as it is.
  const [diedAt = ''] = /2026-\S+ \S+Z$/m.exec(await run('list')) ?? [];
  expect(await Promise.all([count('--since', diedAt), count('--until', diedAt)])).toEqual([1, 0]);
});

test('what is discarded is gone, and the account has one shape whatever was done', async () => {
  const { mute, run } = await outage();
  const discard = async (...flags: string[]) => {
    const { stdout } = await run('dead-letters', 'discard', '--json', '--client', mute.name, ...flags);
    return JSON.parse(stdout);
  };
  expect(await discard('--dry-run')).toEqual({ matching: 2, discarded: 0, interrupted: false });
  expect(await discard('--yes')).toEqual({ matching: 2, discarded: 2, interrupted: false });
  expect(await discard('--yes')).toEqual({ matching: 0, discarded: 0, interrupted: false });
});

test('a discard always asks, also for one event; without a terminal it needs --yes', async () => {
  const { mute, run, list } = await outage();
  const [{ id }] = await list('--client', mute.name);
  const [one, many] = [['--id', id], []].map((filters) =>
    run('dead-letters', 'discard', '--client', mute.name, ...filters),
  );
  expect(await one).toMatchObject({
    code: 2,
    stderr: 'waybill: 1 dead letter matches: --yes is needed to discard any without a terminal\n',
  });
  expect(await many).toMatchObject({
    code: 2,
    stderr: 'waybill: 2 dead letters match: --yes is needed to discard any without a terminal\n',
  });
  expect(await list('--client', mute.name)).toHaveLength(2);
  const agreed = await run('dead-letters', 'discard', '--id', id, '--yes');
  expect(agreed).toMatchObject({ code: 0, stdout: '1 discarded.\n' });
});

test.runIf(canMakeTerminals())('on a terminal a discard of one event asks, and Enter is a no', async () => {
  const { mute, directory, list } = await outage();
  const [{ id }] = await list('--client', mute.name);
  const command = `'${process.execPath}' '${MAIN}' dead-letters discard --id ${id}`;
  const refused = startScript(command, directory);
  await refused.shows(/discard 1 dead letter of [\s\S]+\? \[y\/N\]/);
  refused.type('\r');
  expect(await refused.exit).toBe(0);
  expect(refused.rows().join('\n')).toContain('Nothing was done.');
  expect(await list('--client', mute.name)).toHaveLength(2);
  const agreed = startScript(command, directory);
  await agreed.shows(/\[y\/N\]/);
  agreed.type('y\r');
  expect(await agreed.exit).toBe(0);
  expect(await list('--client', mute.name)).toHaveLength(1);
});

test('a single dead letter is replayed without a question, and status shows what became of all', async () => {
  const { strict, mute, run, list } = await outage();
  const [{ id }] = await list('--client', strict.name);
  const replayed = await run('dead-letters', 'replay', '--id', id);
  expect(replayed).toMatchObject({ code: 0, stdout: expect.stringMatching(/^1 replayed\.\n/) });
  await strict.settled({ dead: 4 });
  const { clients } = JSON.parse((await run('status', '--json')).stdout);
  expect(clients[strict.name]).toMatchObject({ waiting: 0, dead: 3, replayed: 1, delivered: 0 });
  expect(clients[mute.name].lastError).toMatchObject({
    at: expect.stringMatching(/^\d{4}-.*Z$/),
    status: null,
    class: 'timeout',
  });
});
