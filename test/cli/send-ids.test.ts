import { expect, test } from 'vitest';
import type { StoredEvent } from '../../src/core/event.ts';
import { numberedEvents, unitOfEvent } from '../support/events.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { testRedis, testRedisPath, uniqueClientName } from '../support/redis.ts';
import { openRedisGate } from '../support/redis-gate.ts';
import { runWaybill, startWaybill } from '../support/waybill-process.ts';

const TYPE = 'inventory_receipt';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function configFor(client: string, url: string = testRedisPath()) {
  const endpoints = { inventory_receipt: '/inventory_receipt' };
  return { redis: { url }, clients: { [client]: { baseUrl: 'https://returns.acme.example', endpoints } } };
}

/** A client of its own, with `waybill send` for it and other commands. */
function sender() {
  const client = uniqueClientName();
  const config = configFor(client);
  return {
    send: (input: string, ...flags: string[]) =>
      runWaybill(['send', client, TYPE, ...flags], { config, input }),
    run: (...args: string[]) => runWaybill(args, { config }),
    /** The units of the events that wait, by their ids. */
    async queued(): Promise<ReadonlyMap<string, string>> {
      const prefix = `{wb:${client}}:deliveries:${TYPE}`;
      const redis = testRedis();
      const jobs = await redis.lrange(`${prefix}:wait`, 0, -1);
      const data = await Promise.all(jobs.map((job) => redis.hget(`${prefix}:${job}`, 'data')));
      const events: StoredEvent[] = data.flatMap((text) => JSON.parse(text ?? '').events);
      return new Map(events.map(({ id, unit }) => [id, unit]));
    },
  };
}

function ndjson(payloads: readonly unknown[]): string {
  return payloads.map((payload) => `${JSON.stringify(payload)}\n`).join('');
}

const linesOf = (text: string): string[] => text.split('\n').slice(0, -1);

test('a person sees the count and the first id, which "waybill event" knows', async () => {
  const { send, run } = sender();
  const many = await send(`nonsense\n${ndjson(numberedEvents(TYPE, 3))}`);
  const [, id = ''] =
    /^3 accepted, 1 refused\n {2}first id (\S+); --ids prints all\n/.exec(many.stdout) ?? [];
  expect(id).toMatch(UUID);
  expect(Math.max(...linesOf(many.stdout).map((line) => line.length))).toBeLessThanOrEqual(80);
  expect((await run('event', id)).stdout).toContain('waits');
  const one = await send(ndjson(numberedEvents(TYPE, 1)));
  expect(one.stdout).toMatch(/^1 accepted, 0 refused\n {2}id [-0-9a-f]{36}\n/);
  const none = await send('nonsense\n');
  expect(none.stdout).toMatch(/^0 accepted, 1 refused\n {2}line 1: /);
});

test('--ids prints a line for each event in the order of the input, and the account on stderr', async () => {
  const { send, queued } = sender();
  // More than is submitted in one go.
  const [head, tail] = [numberedEvents(TYPE, 1_500), numberedEvents(TYPE, 2, 1_500)];
  const { code, stdout, stderr } = await send(`${ndjson(head)}nonsense\n{}\n${ndjson(tail)}`, '--ids');
  expect(code).toBe(3);
  const lines = linesOf(stdout);
  expect(lines).toHaveLength(1_504);
  expect(lines.slice(1_500, 1_502)).toEqual(['- INVALID_EVENT', '- INVALID_EVENT']);
  const ids = lines.filter((line) => !line.startsWith('-'));
  const units = await queued();
  expect(ids.map((id) => units.get(id))).toEqual([...head, ...tail].map((event) => unitOfEvent(TYPE, event)));
  expect(stderr).toMatch(/^1,502 accepted, 2 refused\n {2}line 1,501: is not JSON: /);
});

test('--ids prints as the answers come, and what was printed stays when it is interrupted', async () => {
  const client = uniqueClientName();
  const started = startWaybill(['send', client, TYPE, '--ids'], { config: configFor(client) });
  started.write(ndjson(numberedEvents(TYPE, 5)));
  await expect.poll(() => linesOf(started.stdout).length, { timeout: 30_000 }).toBe(5);
  started.signal('SIGINT');
  expect(await started.exit).toMatchObject({ code: 130 });
  expect(linesOf(started.stdout)).toHaveLength(5);
  expect(started.stderr).toMatch(/^5 accepted, 0 refused\nInterrupted: nothing after line 5 was sent\.\n/);
});

test('--json has the id of each event, null for a refused one, and that of a repeated one', async () => {
  const { send, queued } = sender();
  // More than are kept together.
  const events = numberedEvents(TYPE, 5_000);
  const input = `nonsense\n${ndjson(events)}{}\n`;
  const first = await send(input, '--json', '--ids', '--idempotency-key', '{n}');
  expect(first.code).toBe(3);
  const { ids, ...account } = JSON.parse(first.stdout);
  expect(account).toEqual({
    refused: [1, 5_002].map((line) => ({ line, code: 'INVALID_EVENT', problems: expect.anything() })),
    accepted: 5_000,
    repeated: 0,
    unknown: 0,
  });
  expect(ids).toHaveLength(5_002);
  expect([ids[0], ids[5_001]]).toEqual([null, null]);
  const accepted: string[] = ids.slice(1, -1);
  const units = await queued();
  expect(accepted.map((id) => units.get(id))).toEqual(events.map((event) => unitOfEvent(TYPE, event)));
  const second = JSON.parse((await send(input, '--json', '--idempotency-key', '{n}')).stdout);
  expect(second).toMatchObject({ accepted: 0, repeated: 5_000, ids });
  const nothing = await send('', '--json');
  expect(JSON.parse(nothing.stdout)).toEqual({ refused: [], accepted: 0, unknown: 0, ids: [] });
});

test('where an answer of Redis is lost, a person sees the first id of which it is unknown', async () => {
  const server = await startOwnRedis();
  const gate = await openRedisGate(server.socketPath);
  const sending = startWaybill(['send', 'acme', TYPE], { config: configFor('acme', gate.socketPath) });
  const stands = gate.standAt(1, 'before');
  sending.write(ndjson(numberedEvents(TYPE, 2)));
  await stands;
  gate.cut();
  expect((await sending.exit).code).toBe(3);
  const [counts, unknown, first = ''] = linesOf(sending.stdout);
  expect(counts).toBe('0 accepted, 0 refused, 2 unknown');
  expect(unknown).toBe('  lines 1 to 2: unknown whether Redis has them; sending them again may double them');
  const [, id = ''] = /^ {2}first unknown id (\S+); ask "waybill event"$/.exec(first) ?? [];
  const asked = await runWaybill(['event', id], { config: configFor('acme', server.socketPath) });
  expect(asked.code).toBe(3);
});

test.each([['--ids'], ['--json']])('where an answer of Redis is lost, %s tells which ids', async (flag) => {
  const server = await startOwnRedis();
  const gate = await openRedisGate(server.socketPath);
  const sending = startWaybill(['send', 'acme', TYPE, flag], { config: configFor('acme', gate.socketPath) });
  const stands = gate.standAt(1, 'after');
  sending.write(ndjson(numberedEvents(TYPE, 2)));
  await stands;
  gate.cut();
  expect((await sending.exit).code).toBe(3);
  let ids: string[];
  if (flag === '--ids') {
    ids = linesOf(sending.stdout).map((line) => line.replace(/ unknown$/, ''));
    expect(linesOf(sending.stdout)).toEqual(ids.map((id) => `${id} unknown`));
    expect(sending.stderr).toMatch(/^0 accepted, 0 refused, 2 unknown\n {2}lines 1 to 2: unknown whether /);
  } else {
    ({ ids } = JSON.parse(sending.stdout));
    expect(JSON.parse(sending.stdout)).toEqual({
      ...{ refused: [], accepted: 0, unknown: 2 },
      ...{ unknownIds: ids, ids },
    });
  }
  expect(ids).toHaveLength(2);
  const asked = await runWaybill(['event', ids[1] ?? ''], { config: configFor('acme', server.socketPath) });
  expect(asked.stdout).toContain('waits');
});
