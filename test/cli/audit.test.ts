import { hostname, userInfo } from 'node:os';
import { expect, test } from 'vitest';
import { auditLines } from '../../src/cli/commands/audit.ts';
import type { AuditEntry, AuditNote } from '../../src/core/audit.ts';
import { discardDeadLetters } from '../../src/queue/dead-letters.ts';
import { localUser } from '../../src/service/local-user.ts';
import { addLetters, letter } from '../api/dead-letters.ts';
import { configFor } from '../support/client-config.ts';
import { readView } from '../support/client-view.ts';
import { type OwnRedis, startOwnRedis } from '../support/own-redis.ts';
import { testRedis, testRedisPath, uniqueClientName } from '../support/redis.ts';
import { servicePlace } from '../support/service-place.ts';
import { until } from '../support/until.ts';
import { runWaybill, startWaybill } from '../support/waybill-process.ts';

const UNSENT = { baseUrl: 'http://127.0.0.1:9', endpoints: { disposition_update: '/d' } };
const PATIENCE_MS = 30_000;

async function withLetters(count: number, own?: OwnRedis) {
  const client = uniqueClientName();
  const redis = own?.connect() ?? testRedis({ maxRetriesPerRequest: null });
  const letters = Array.from({ length: count }, (_, n) => letter(n, 422));
  await addLetters(redis, client, letters);
  const config = configFor(client, UNSENT, own?.socketPath ?? testRedisPath());
  const env = { SUDO_USER: '' };
  const run = (...args: string[]) => runWaybill([...args, ...config], { env });
  const audit = async (...flags: string[]): Promise<AuditEntry[]> =>
    JSON.parse((await run('audit', '--json', '--client', client, ...flags)).stdout).entries;
  return { client, redis, letters, config, run, audit };
}

test('audit tells what was done by whom, as a table and as JSON, and event tells of a discarded one', async () => {
  const { client, letters, run, audit } = await withLetters(4);
  const by = { user: userInfo().username, host: hostname() };
  expect((await run('audit', '--client', client)).stdout).toBe('Nothing was done.\n');
  await run('pause', client);
  await run('pause', client);
  await run('dead-letters', 'replay', '--yes', '--status', '4xx', '--limit', '2');
  await run('dead-letters', 'discard', '--dry-run');
  await run('dead-letters', 'discard', '--id', letters[3]?.id ?? '', '--yes');
  const entries = await audit();
  const id = letters[3]?.id;
  expect(entries).toMatchObject([
    { client, by, action: 'discard', filter: { id }, matching: 1, done: 1 },
    { client, by, action: 'replay', filter: { status: '4xx', limit: 2 }, matching: 2, done: 2 },
    { client, by, action: 'pause', filter: {}, matching: null, done: null },
  ]);
  const [before, since, table, event, value, unknown] = await Promise.all([
    audit('--until', '1h'),
    audit('--since', '1h'),
    run('audit', '--client', client),
    run('event', id ?? ''),
    run('event', id ?? '', '--json'),
    run('audit', '--client', 'nobody'),
  ]);
  expect([before.length, since.length]).toEqual([0, 3]);
  expect(unknown.code).toBe(2);
  expect(table.code).toBe(0);
  const lines = table.stdout.trimEnd().split('\n');
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(lines[0]).toMatch(/^at +client +action +by +count$/);
  expect(table.stdout).toMatch(/\n\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ {2}acme-\S+ {2}discard {2}/);
  expect(table.stdout).toContain(`\n    --id ${id}\n`);
  expect(table.stdout).toContain('\n    --status 4xx --limit 2\n');
  expect(event.code).toBe(0);
  expect(event.stdout).toMatch(/^Event \S+ of \S+ was discarded .* ago \(\d{4}-.*Z\) by .+@.+\.\n$/);
  expect(JSON.parse(value.stdout)).toMatchObject({ id, client, state: 'discarded', by });
});

test('a replay that is killed is one entry with what was asked, and as many as were done', async () => {
  const { client, redis, config, audit } = await withLetters(40);
  const args = ['dead-letters', 'replay', '--yes', '--rate', '4', '--client', client, ...config];
  const replay = startWaybill(args);
  const replayed = async () => (await readView(redis, client)).replayed;
  await until(async () => (await replayed()) >= 3, PATIENCE_MS);
  replay.signal('SIGKILL');
  await replay.exit;
  const done = await replayed();
  expect(done).toBeLessThan(40);
  const entries = await audit();
  expect(entries).toMatchObject([{ action: 'replay', matching: 40, done }]);
  expect(auditLines([{ ...(entries[0] as AuditEntry), at: 0 }], 80)[2]).toContain(`${done} of 40`);
});

test('canaries and the events behind them are one entry', async () => {
  // Where others' tests have no services.
  const { client, run, audit } = await withLetters(3, await startOwnRedis());
  // No service runs: the canary is not tried, and the others stay.
  const { code } = await run('dead-letters', 'replay', '--canary', '1', '--yes');
  expect(code).toBe(3);
  expect(await audit()).toMatchObject([{ client, action: 'replay', matching: 3, done: 1 }]);
});

test('a user whose name is full of control characters steers no terminal and breaks no line', async () => {
  const { client, redis, letters, run, audit } = await withLetters(1);
  const user = 'jane\u001b[2J\u001b]0;x\u0007\r\n\u202e\u0000"\\end';
  const note: AuditNote = { id: client, action: 'discard', by: { user, host: 'b\u0007x' }, matching: 1 };
  await discardDeadLetters(redis, client, letters, { ...note, filter: { unit: 'LP\u001b[31m\n0' } });
  expect(await audit()).toMatchObject([{ by: { user }, done: 1 }]);
  const { stdout } = await run('audit', '--client', client);
  expect(stdout.trimEnd().split('\n').length).toBeLessThanOrEqual(6);
  expect(stdout).toContain('--unit LP\\u001b[31m 0\n');
  const event = await run('event', letters[0]?.id ?? '');
  expect(event.stdout).toContain(' by jane\\u001b[2J\\u001b]0;x\\u0007 \\u202e\\u0000"\\end@b\\u0007x.\n');
  for (const text of [stdout, event.stdout, (await run('audit', '--json')).stdout]) {
    expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  }
  for (const text of [stdout, event.stdout]) expect(text).not.toContain('\u202e');
});

test('SIGHUP leaves an entry that belongs to no client, with what it changed', async () => {
  const { file, configure, start } = servicePlace();
  const [before, after] = [uniqueClientName(), uniqueClientName()];
  configure({ [before]: UNSENT });
  const service = start(1);
  await service.waitForLine('started');
  configure({ [before]: { ...UNSENT, concurrency: 3 }, [after]: UNSENT });
  const since = new Date(Date.now() - 1_000).toISOString();
  service.signal('SIGHUP');
  const reloads = async (): Promise<AuditEntry[]> => {
    const args = ['audit', '--json', '--since', since, '--config', file];
    const { entries } = JSON.parse((await runWaybill(args)).stdout) as { entries: AuditEntry[] };
    return entries.filter(({ clients }) => clients?.added === 1 && clients.changed === 1);
  };
  await until(async () => (await reloads()).length > 0, PATIENCE_MS);
  const by = { user: userInfo().username, host: hostname() };
  expect(await reloads()).toMatchObject([{ action: 'reload', client: null, by, clients: { removed: 0 } }]);
  service.signal('SIGTERM');
  expect((await service.exit).code).toBe(0);
});

test('the user who became root by sudo did it, and nobody else may say so', () => {
  const { username } = userInfo();
  const isRoot = process.getuid?.() === 0;
  expect(localUser('jane')).toEqual({ user: isRoot ? 'jane' : username, host: hostname() });
  expect(localUser('')).toEqual({ user: username, host: hostname() });
});

test('the table gives way at the width of the terminal, and keeps filters whole', () => {
  const by = { user: 'a-user-with-a-very-long-name', host: 'and-a-host.with-a-longer-name.example' };
  const filter = { type: 'disposition_update', unit: 'LP1', since: 0, until: 60_000, failedSince: 0 };
  const replay = { id: 'x', action: 'replay', by, filter, matching: 100_000, done: 3_000 } as const;
  const entries: AuditEntry[] = [
    { ...replay, at: 0, client: 'a-client-with-a-name-that-is-rather-long' },
    {
      at: 1_000,
      id: 'y',
      action: 'pace',
      by: { key: 'ops' },
      client: 'acme',
      filter: { type: 'outbound_asn' },
    },
    {
      at: 1_000,
      id: 'y',
      action: 'discard',
      by: { key: 'ops' },
      client: 'acme',
      filter: { ids: 12 },
      done: 12,
    },
    { at: 2_000, id: 'z', action: 'reload', by, clients: { added: 1, changed: 2, removed: 0 } },
  ];
  const lines = auditLines(entries, 80);
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  expect(lines).toMatchInlineSnapshot(`
    [
      "at                    client        action   by                 count",
      "────────────────────  ────────────  ───────  ─────────────────  ────────────────",
      "1970-01-01 00:00:00Z  a-client-wi…  replay   a-user-with-a-ve…  3,000 of 100,000",
      "    client a-client-with-a-name-that-is-rather-long",
      "    by a-user-with-a-very-long-name@and-a-host.with-a-longer-name.example",
      "    --type disposition_update --unit LP1 --since 1970-01-01T00:00:00.000Z",
      "    --until 1970-01-01T00:01:00.000Z --failed-since 1970-01-01T00:00:00.000Z",
      "1970-01-01 00:00:01Z  acme          pace     key ops",
      "    outbound_asn --open",
      "1970-01-01 00:00:01Z  acme          discard  key ops            12",
      "    12 named by id",
      "1970-01-01 00:00:02Z  -             reload   a-user-with-a-ve…",
      "    by a-user-with-a-very-long-name@and-a-host.with-a-longer-name.example",
      "    clients: 1 added, 2 changed, 0 removed",
    ]
  `);
  expect(auditLines(entries, 160)[2]).toContain('a-client-with-a-name-that-is-rather-long  replay');
});
