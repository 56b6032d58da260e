import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { sampleInput } from '../../src/cli/send/event-input.ts';
import type { EventType } from '../../src/core/event-type.ts';
import { EVENT_TYPES } from '../../src/core/event-types.ts';
import { validatePayload } from '../../src/core/validate-payload.ts';
import { type ReadPayload, readPayloads } from '../../src/intake/read-payloads.ts';
import { ended, recorded } from '../redis/data-dirs.ts';
import { numberedEvent, numberedEvents, sampleEvent } from '../support/events.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { testRedis, testRedisPath, uniqueClientName } from '../support/redis.ts';
import { runWaybill, startWaybill, testDirectory } from '../support/waybill-process.ts';

const TYPE = 'inventory_receipt';
const NO_SERVICE = 'No service is running: the events wait until "waybill start".\n';

function configFor(client: string, settings: Record<string, unknown> = { redis: { url: testRedisPath() } }) {
  const endpoints = { inventory_receipt: '/inventory_receipt' };
  return { ...settings, clients: { [client]: { baseUrl: 'https://returns.acme.example', endpoints } } };
}

/** Runs `waybill send` for a client of its own, with this text on stdin. */
async function send(input: string, ...flags: string[]) {
  const client = uniqueClientName();
  const ran = await runWaybill(['send', client, TYPE, ...flags], { config: configFor(client), input });
  return { ...ran, client, queued: await queuedEvents(client) };
}

async function queuedEvents(client: string): Promise<number> {
  return Number((await testRedis().hget(`{wb:${client}}:stats`, `accepted:${TYPE}`)) ?? 0);
}

function ndjson(payloads: readonly unknown[]): string {
  return payloads.map((payload) => `${JSON.stringify(payload)}\n`).join('');
}

test('one object, an array and NDJSON are all taken', async () => {
  const three = numberedEvents(TYPE, 3);
  const [one, pretty, array, lines] = await Promise.all([
    send(JSON.stringify(sampleEvent(TYPE))),
    send(JSON.stringify(sampleEvent(TYPE), null, 2)),
    send(JSON.stringify(three, null, 2), '-'),
    send(ndjson(three)),
  ]);
  expect([one, pretty, array, lines].map(({ code, queued }) => [code, queued])).toEqual([
    [0, 1],
    [0, 1],
    [0, 3],
    [0, 3],
  ]);
  expect(lines.stdout).toMatch(/^3 accepted, 0 refused\n/);
});

test('a file is read, and refused lines stop no other', async () => {
  const client = uniqueClientName();
  const directory = testDirectory();
  const events: unknown[] = numberedEvents(TYPE, 2_000);
  events[16] = { ...numberedEvent(TYPE, 16), to: { ...sampleEvent(TYPE).to, identifier: 'x' } };
  const text = ndjson(events).replace(/^(.*\n){40}/, '$&\nnonsense\n');
  writeFileSync(join(directory, 'events.ndjson'), text);
  const args = ['send', client, TYPE, 'events.ndjson'];
  const ran = await runWaybill(args, { config: configFor(client), directory });
  expect(ran.code).toBe(3);
  expect(ran.stdout).toContain('1,999 accepted, 2 refused\n');
  expect(ran.stdout).toMatch(/\n {2}line 17: \$\.to\.identifier must be /);
  expect(ran.stdout).toMatch(/\n {2}line 42: is not JSON: /);
  expect(await queuedEvents(client)).toBe(1_999);
});

test('--json prints the account and nothing else on stdout', async () => {
  const ran = await send(`${ndjson(numberedEvents(TYPE, 2))}{"unit_identifier":5}\nx\n`, '--json');
  expect(ran.code).toBe(3);
  const account = JSON.parse(ran.stdout);
  expect(Object.keys(account).sort()).toEqual(['accepted', 'ids', 'refused', 'unknown']);
  expect(account).toMatchObject({ accepted: 2, unknown: 0 });
  expect(account.refused.map(({ line }: { line: number }) => line)).toEqual([3, 4]);
  expect(account.refused[0].problems).toContainEqual({ path: '$.sku', message: expect.any(String) });
  expect(account.refused[1].problems).toEqual([
    { path: '$', message: expect.stringMatching(/^is not JSON/) },
  ]);
});

test('a number goes out in a text field as it is spelled, or is refused at its path', async () => {
  const spelled = (upc: string) =>
    JSON.stringify({ ...sampleEvent(TYPE), upc: 0 }).replace('"upc":0', `"upc":${upc}`);
  const numbers = ['12345678905', '1.0', '1e3', '-0', '-5', '12.5', '12345678901234567890'];
  const ran = await send(`nonsense\n${numbers.map(spelled).join('\n')}`);
  expect(ran).toMatchObject({ code: 3, queued: 1 });
  const refused = numbers
    .slice(1)
    .map(
      (number, at) =>
        `  line ${at + 3}: $.upc must be a string, found the number ${number}: give it in quotes\n`,
    );
  expect(ran.stdout).toMatch(/^1 accepted, 7 refused\n {2}id \S+\n {2}line 1: is not JSON: .*\n/);
  expect(ran.stdout).toContain(refused.join(''));
});

/** Runs `waybill send` for a client of its own on a file with these bytes. */
async function sendFile(bytes: string | Uint8Array, ...flags: string[]) {
  const client = uniqueClientName();
  const directory = testDirectory();
  writeFileSync(join(directory, 'events'), bytes);
  const args = ['send', client, TYPE, 'events', ...flags];
  const ran = await runWaybill(args, { config: configFor(client), directory });
  return { ...ran, queued: await queuedEvents(client) };
}

test('several objects on a line, a JSON text sequence and files that are put together are all taken', async () => {
  const texts = numberedEvents(TYPE, 3).map((event) => JSON.stringify(event));
  const results = await Promise.all([
    sendFile(texts.join('')),
    sendFile(texts.map((text) => `\x1e${text}\n`).join('')),
    sendFile(texts.map((text) => `\ufeff${text}\r\n`).join('')),
  ]);
  expect(results.map(({ code, queued }) => [code, queued])).toEqual([
    [0, 3],
    [0, 3],
    [0, 3],
  ]);
});

test('a file in UTF-16 is refused in one sentence', async () => {
  const bytes = Buffer.from(`\ufeff${ndjson(numberedEvents(TYPE, 30))}`, 'utf16le');
  expect(await sendFile(bytes)).toMatchObject({
    code: 3,
    queued: 0,
    stdout: '0 accepted, 1 refused\n  line 1: the input is UTF-16 or UTF-32: save it as UTF-8\n',
    stderr: '',
  });
});

test('gzip data is unpacked; of a truncated file the beginning is sent', async () => {
  const packed = gzipSync(ndjson(numberedEvents(TYPE, 5_000)));
  const [whole, cut, early] = await Promise.all([
    sendFile(packed),
    sendFile(packed.subarray(0, -2_000)),
    sendFile(packed.subarray(0, 30)),
  ]);
  expect(whole).toMatchObject({ code: 0, queued: 5_000, stderr: '' });
  expect(cut.code).toBe(3);
  expect(cut.queued).toBeGreaterThan(3_000);
  expect(cut.stdout).toContain(`${cut.queued.toLocaleString('en-US')} accepted, 0 refused\n`);
  expect(cut.stderr).toMatch(
    /^waybill: sending ended early: the gzip data is cut off; nothing after line [\d,]+ was sent\n$/,
  );
  expect(early).toMatchObject({
    code: 3,
    queued: 0,
    stderr: 'waybill: sending ended early: the gzip data is cut off; nothing was sent\n',
  });
});

test('people see the first twenty refused lines, machines all', async () => {
  const input = 'x\n'.repeat(500);
  const [people, machine] = await Promise.all([send(input), send(input, '--json')]);
  expect(people.stdout).toContain('0 accepted, 500 refused\n');
  expect(people.stdout.match(/^ {2}line /gm)).toHaveLength(20);
  expect(people.stdout).toContain('  … and 480 more');
  expect(JSON.parse(machine.stdout).refused).toHaveLength(500);
});

test('input without events is no failure', async () => {
  const ran = await send('\n');
  expect(ran).toMatchObject({
    code: 0,
    stdout: '0 accepted, 0 refused\n',
    stderr: 'The input holds no events.\n',
  });
});

test('what cannot be sent is refused before anything is read, with exit code 2', async () => {
  const config = configFor('acme');
  const results = await Promise.all([
    runWaybill(['send', 'acne', TYPE], { config }),
    runWaybill(['send', 'acme', 'disposition_update'], { config }),
    runWaybill(['send', 'acme', 'inventory_receipts'], { config }),
    runWaybill(['send', 'acme', TYPE, 'nowhere.json'], { config }),
    runWaybill(['send', 'acme', TYPE, '.'], { config }),
    runWaybill(['send', 'acme'], { config }),
    runWaybill(['send', 'acme', TYPE, '--config', 'nowhere.yaml']),
  ]);
  expect(results.map(({ code }) => code)).toEqual([2, 2, 2, 2, 2, 2, 2]);
  const errors = results.map(({ stderr }) => stderr);
  expect(errors[0]).toContain('client "acne" is not in ');
  expect(errors[1]).toContain('client "acme" has no endpoint for disposition_update');
  expect(errors[2]).toContain('did you mean');
  expect(errors[3]).toContain('nowhere.json does not exist');
  expect(errors[4]).toContain('is a directory');
});

test('a Redis that is not there is said at once, with exit code 4', async () => {
  const config = configFor('acme', { redis: { url: '/nowhere/redis.sock' } });
  const started = startWaybill(['send', 'acme', TYPE, '--json'], { config });
  expect((await started.exit).code).toBe(4);
  expect(JSON.parse(started.stdout)).toMatchObject({ error: { code: 'REDIS_UNAVAILABLE' } });
  expect(started.stderr).toContain('Redis cannot be reached: connect ENOENT /nowhere/redis.sock');
});

test('a Redis that is full ends it early, and says so', async () => {
  const server = await startOwnRedis({ maxmemory: '1' });
  const config = configFor('acme', { redis: { url: server.socketPath } });
  const started = startWaybill(['send', 'acme', TYPE], { config });
  started.write(ndjson(numberedEvents(TYPE, 3)));
  expect((await started.exit).code).toBe(4);
  expect(started.stdout).toBe('0 accepted, 3 refused\n');
  expect(started.stderr).toMatch(/Redis refused the write: OOM .*; nothing after line 3 was sent\n/);
});

test('a Redis that goes away ends it early; what was accepted before is told', async () => {
  const server = await startOwnRedis();
  const config = configFor('acme', { redis: { url: server.socketPath } });
  const started = startWaybill(['send', 'acme', TYPE, '--json'], { config });
  const redis = server.connect();
  started.write(ndjson(numberedEvents(TYPE, 3)));
  await expect.poll(() => redis.hget('{wb:acme}:stats', `accepted:${TYPE}`), { timeout: 30_000 }).toBe('3');
  await server.kill();
  const more = ndjson(numberedEvents(TYPE, 2));
  started.write(more);
  expect((await started.exit).code).toBe(3);
  const { accepted, refused, unknown } = JSON.parse(started.stdout);
  expect(accepted).toBe(3);
  expect(refused.length + unknown).toBe(2);
  expect(started.stderr).toContain('nothing after line 5 was sent');
});

test('events from a pipe that stays open are sent as they come, and Ctrl-C prints the account', async () => {
  const client = uniqueClientName();
  const started = startWaybill(['send', client, TYPE], { config: configFor(client) });
  started.write(ndjson(numberedEvents(TYPE, 5)));
  await expect.poll(() => queuedEvents(client), { timeout: 30_000 }).toBe(5);
  started.signal('SIGINT');
  expect(await started.exit).toMatchObject({ code: 130 });
  expect(started.stdout).toMatch(/^5 accepted, 0 refused\n/);
  expect(started.stderr).toContain('Interrupted: nothing after line 5 was sent.');
});

test('the embedded Redis is started for it, and keeps the events for the next one', async () => {
  const directory = testDirectory();
  onTestFinished(async () => {
    const server = recorded(join(directory, '.waybill'));
    if (server !== undefined) {
      process.kill(server.pid, 'SIGKILL');
      await ended(server.pid);
    }
  });
  const options = { config: configFor('acme', {}), directory };
  const first = await runWaybill(['send', 'acme', TYPE], {
    ...options,
    input: ndjson(numberedEvents(TYPE, 7)),
  });
  expect(first.code).toBe(0);
  expect(first.stdout).toMatch(/^7 accepted, 0 refused\n {2}first id /);
  expect(first.stdout).toContain(`\n${NO_SERVICE}`);
  expect(recorded(join(directory, '.waybill'))).toBeUndefined();

  const second = startWaybill(['send', 'acme', TYPE], options);
  second.write(ndjson(numberedEvents(TYPE, 1)));
  const status = async (): Promise<unknown> => {
    const { code, stdout } = await runWaybill(['status', '--json'], options);
    return code === 0 ? JSON.parse(stdout).clients.acme.waiting : code;
  };
  await expect.poll(status, { timeout: 30_000 }).toBe(8);
  second.input('');
  expect((await second.exit).code).toBe(0);
});

test('events are taken while the TLS files of a client do not fit, which is nothing to who connects to no client', async () => {
  const client = uniqueClientName();
  const config = configFor(client);
  const [settings] = Object.values(config.clients);
  Object.assign(settings ?? {}, { tls: { cert: 'away.pem', key: 'away.key' } });
  const ran = await runWaybill(['send', client, TYPE], {
    config,
    input: JSON.stringify(numberedEvents(TYPE, 1)[0]),
  });
  expect([ran.code, ran.stderr]).toEqual([0, expect.not.stringContaining('away')]);
  const paused = await runWaybill(['pause', client], { config });
  expect(paused.code).toBe(0);
  const checked = await runWaybill(['check'], { config });
  expect([checked.code, checked.stdout + checked.stderr]).toEqual([2, expect.stringContaining('away.pem')]);
});

test('--sample sends the published sample and as many others as are wanted, the same ones under the same keys', async () => {
  const client = uniqueClientName();
  const sample = (...flags: string[]) =>
    runWaybill(['send', client, TYPE, '--sample', ...flags], { config: configFor(client) });
  const one = await sample();
  expect(one).toMatchObject({ code: 0, stdout: expect.stringMatching(/^1 accepted, 0 refused\n/) });
  expect(one.stderr).toBe(`Samples, with made-up values: "${client}" cannot tell them from real events.\n`);
  const many = await sample('--count', '2500', '--idempotency-key', 'sample:{n}', '--json');
  expect(JSON.parse(many.stdout)).toMatchObject({ accepted: 2_500, repeated: 0, refused: [] });
  const again = await sample('--count', '2600', '--idempotency-key', 'sample:{n}', '--json');
  expect(JSON.parse(again.stdout)).toMatchObject({ accepted: 100, repeated: 2_500, refused: [] });
  expect(await queuedEvents(client)).toBe(2_601);
});

test.each(EVENT_TYPES)('samples of $name are valid as they are read from JSON', async (type: EventType) => {
  const { read } = sampleInput(type, 5_000);
  const events: ReadPayload[] = [];
  for await (const items of readPayloads(read(new AbortController().signal))) events.push(...items);
  expect(events).toHaveLength(5_000);
  expect(events[0]).toMatchObject({ payload: JSON.parse(JSON.stringify(type.sample)) });
  const refused = events.filter(
    (event) => !('payload' in event) || !validatePayload(type, event.payload, event.source).ok,
  );
  expect(refused).toEqual([]);
});

test('--sample goes without a file, stdin and an export, --count with --sample', async () => {
  const config = configFor('acme');
  const results = await Promise.all([
    runWaybill(['send', 'acme', TYPE, 'events.ndjson', '--sample'], { config }),
    runWaybill(['send', 'acme', TYPE, '-', '--sample'], { config }),
    runWaybill(['send', '--from-export', 'dead.ndjson', '--sample'], { config }),
    runWaybill(['send', 'acme', TYPE, '--count', '3'], { config }),
    runWaybill(['send', 'acme', TYPE, '--sample', '--count', '0'], { config }),
  ]);
  expect(results.map(({ code }) => code)).toEqual([2, 2, 2, 2, 2]);
  const errors = results.map(({ stderr }) => stderr);
  expect(errors[0]).toContain('--sample goes without a file and without stdin');
  expect(errors[1]).toBe(errors[0]);
  expect(errors[2]).toContain('--from-export goes without --sample');
  expect(errors[3]).toContain('--count goes with --sample');
});
