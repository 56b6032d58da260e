import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { testRedisPath, uniqueClientName } from '../support/redis.ts';
import { testSandbox } from '../support/sandbox.ts';
import { runWaybill, testDirectory } from '../support/waybill-process.ts';

type Line = Readonly<Record<string, unknown>>;

const parseLines = (text: string): Line[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

/** Two companies that gave everything up: `acme` refused 3 updates, `outlet` 2 receipts. */
async function deadEvents() {
  const sandbox = testSandbox();
  const acme = await sandbox.company('acme', { script: { status: 422, body: 'no "thanks"\n' } });
  const outlet = await sandbox.company('outlet', { script: 500 });
  const retry = { ...QUICK_RETRIES, retries: 1 };
  const settings = { acme: acme.clientSettings({ retry }), outlet: outlet.clientSettings({ retry }) };
  const engine = await testEngine(settings);
  const clients = { acme: engine.client('acme'), outlet: engine.client('outlet') };
  const updates = numberedEvents('disposition_update', 3);
  const odd = { ...updates[0], location_identifier: '“ü”\n\u0000\\' };
  await clients.acme.submit([odd, ...updates.slice(1)]);
  await clients.outlet.submit(numberedEvents('inventory_receipt', 2), 'inventory_receipt');
  await Promise.all([clients.acme.settled({ dead: 3 }), clients.outlet.settled({ dead: 2 })]);

  const directory = testDirectory();
  const named = { [clients.acme.name]: settings.acme, [clients.outlet.name]: settings.outlet };
  writeFileSync(
    join(directory, 'waybill.yaml'),
    stringify({ redis: { url: testRedisPath() }, clients: named }),
  );
  const run = (...args: string[]) => runWaybill(args, { directory });
  return { ...clients, companies: { acme, outlet }, directory, run };
}

test('an export holds what was sent, byte for byte, and why it was given up; filters choose', async () => {
  const { acme, outlet, companies, run } = await deadEvents();
  const { code, stdout, stderr } = await run('dead-letters', 'export');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '5 exported.\n' });
  const lines = parseLines(stdout);
  const sent = new Map(companies.acme.requests.map(({ eventId, body }) => [eventId, body]));
  const ofAcme = lines.filter(({ client }) => client === acme.name);
  expect(Object.fromEntries(ofAcme.map(({ id, body }) => [id, body]))).toEqual(Object.fromEntries(sent));
  expect(ofAcme[0]).toEqual({
    export: 1,
    client: acme.name,
    type: 'disposition_update',
    id: expect.any(String),
    unit: expect.any(String),
    replays: 0,
    attempts: [1, 2].map(() => ({
      at: expect.stringMatching(/Z$/),
      status: 422,
      class: 'client_error',
      ms: expect.any(Number),
    })),
    url: expect.stringMatching(/^http:.*\/dispositions$/),
    response: 'no "thanks"\n',
    headers: { 'content-type': 'application/json' },
    body: expect.any(String),
  });
  const few = await run('dead-letters', 'export', '--status', '5xx', '--client', outlet.name, '--limit', '1');
  expect(parseLines(few.stdout).map(({ type }) => type)).toEqual(['inventory_receipt']);
});

test('a file appears whole, is its owner’s alone, and is never overwritten', async () => {
  const { directory, run } = await deadEvents();
  const args = ['dead-letters', 'export', '--output', 'dead.ndjson', '--json'];
  const { code, stdout } = await run(...args);
  expect([code, JSON.parse(stdout)]).toEqual([0, { exported: 5, file: 'dead.ndjson' }]);
  const file = join(directory, 'dead.ndjson');
  expect(parseLines(readFileSync(file, 'utf8'))).toHaveLength(5);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(directory).sort()).toEqual(['dead.ndjson', 'waybill.yaml']);
  const [again, nowhere, misuse] = await Promise.all([
    run(...args, '--limit', '1'),
    run('dead-letters', 'export', '--output', 'no/where'),
    run('send', 'acme', '--from-export', 'dead.ndjson'),
  ]);
  expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('exists already') });
  expect(parseLines(readFileSync(file, 'utf8'))).toHaveLength(5);
  expect([nowhere.code, misuse.code]).toEqual([2, 2]);
});

test('what was exported and discarded is sent again, with its bytes, under its id, and once', async () => {
  const { acme, outlet, companies, run } = await deadEvents();
  await run('dead-letters', 'export', '--output', 'dead.ndjson');
  const before = companies.acme.requests.length;
  const sent = new Map(companies.acme.requests.map(({ eventId, body }) => [eventId, body]));

  // Nothing is doubled while the dead letters stand.
  const standing = await run('send', '--from-export', 'dead.ndjson', '--json');
  expect(standing.code).toBe(3);
  expect(JSON.parse(standing.stdout)).toMatchObject({ accepted: 0, unknown: 0 });
  expect(standing.stdout).toContain('is still among the dead letters: replay it there');

  await run('dead-letters', 'discard', '--yes', '--client', acme.name);
  companies.acme.script(200);
  const partly = JSON.parse((await run('send', '--from-export', 'dead.ndjson', '--json')).stdout);
  expect([partly.accepted, partly.refused.map(({ line }: { line: number }) => line)]).toEqual([3, [4, 5]]);
  await acme.settled({ dead: 3, delivered: 3 });
  const again = companies.acme.requests.slice(before);
  expect(Object.fromEntries(again.map(({ eventId, body }) => [eventId, body]))).toEqual(
    Object.fromEntries(sent),
  );
  expect(again.map(({ headers }) => headers['x-waybill-attempt'])).toEqual(['1', '1', '1']);

  const twice = JSON.parse((await run('send', '--from-export', 'dead.ndjson', '--json')).stdout);
  expect([twice.accepted, twice.delivered]).toEqual([0, 3]);
  const codes = [...Array(3).fill('ALREADY_DELIVERED'), ...Array(2).fill('DEAD_LETTER_STANDS')];
  expect(twice.refused.map(({ code }: { code: string }) => code)).toEqual(codes);
  expect(await acme.status()).toMatchObject({ delivered: 3, dead: 0, waiting: 0 });
  expect(await outlet.status()).toMatchObject({ dead: 2 });
});

test('what was delivered since the export is counted and stays, the rest is sent; --again sends all the same, once', async () => {
  const { acme, outlet, companies, directory, run } = await deadEvents();
  await run('dead-letters', 'export', '--output', 'dead.ndjson');
  companies.acme.script(200);
  companies.outlet.script(200);
  await run('dead-letters', 'replay', '--client', acme.name, '--yes');
  await acme.settled({ dead: 3, delivered: 3 });
  await run('dead-letters', 'discard', '--client', outlet.name, '--yes');

  const people = await run('send', '--from-export', 'dead.ndjson');
  expect(people.code).toBe(3);
  expect(people.stdout).toMatch(
    /^2 accepted, 3 refused\n {2}first id \S+; --ids prints all\n {2}3 were delivered since the export; --again sends them all the same\n/,
  );
  expect(people.stdout).not.toContain('line 1');
  await outlet.settled({ dead: 2, delivered: 2 });
  expect(await acme.status()).toMatchObject({ delivered: 3, waiting: 0 });

  const again = await run('send', '--from-export', 'dead.ndjson', '--again', '--ids');
  expect(again.code).toBe(0);
  const exported = parseLines(readFileSync(join(directory, 'dead.ndjson'), 'utf8'));
  expect(again.stdout).toBe(exported.map(({ id }) => `${id}\n`).join(''));
  await Promise.all([acme.settled({ dead: 3, delivered: 6 }), outlet.settled({ dead: 2, delivered: 4 })]);
  const repeated = await run('send', '--from-export', 'dead.ndjson', '--again', '--ids');
  expect([repeated.code, repeated.stdout]).toEqual([3, '- ALREADY_SENT\n'.repeat(5)]);
  const alone = await run('send', acme.name, 'disposition_update', '--again');
  expect([alone.code, alone.stderr]).toEqual([2, expect.stringContaining('--again goes with --from-export')]);
});

test('where deliveries are not remembered, it is said that events may be doubled', async () => {
  const client = uniqueClientName();
  const endpoints = { disposition_update: '/d' };
  const clients = { [client]: { baseUrl: 'https://acme.example', endpoints } };
  const config = { redis: { url: testRedisPath() }, keepDeliveredHours: 0, clients };
  const note =
    'What was delivered since the export is not known, and is sent again: keepDeliveredHours is 0.';
  const results = await Promise.all([
    runWaybill(['send', '--from-export', '-'], { config }),
    runWaybill(['send', '--from-export', '-', '--again'], { config }),
  ]);
  expect(results.map(({ code, stderr }) => [code, stderr.includes(note)])).toEqual([
    [0, true],
    [0, false],
  ]);
});
