import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { ClientSettings } from '../../src/sandbox/company.ts';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { numberedEvents, sampleEvent } from '../support/events.ts';
import { canMakeTerminals, startScript } from '../support/pseudo-terminal.ts';
import { uniqueClientName } from '../support/redis.ts';
import { runWaybill, startWaybill, testDirectory, type WaybillProcess } from '../support/waybill-process.ts';

const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const UUID = '0198c0de-0000-7000-8000-000000000001';
const HEADERS = {
  'Content-Type': 'application/json',
  Accept: 'application/json',
  'User-Agent': 'waybill/0.1.0',
  'Idempotency-Key': UUID,
  'X-Waybill-Attempt': '1',
};

/** Starts the sandbox on a free port; `client` is what it says for waybill.yaml. */
async function startSandbox(script?: object, ...flags: string[]) {
  const directory = testDirectory();
  const file = join(directory, 'script.json');
  if (script !== undefined) writeFileSync(file, JSON.stringify(script));
  const args = ['sandbox', ...(script === undefined ? [] : [file]), '--port', '0', '--json', ...flags];
  const sandbox = startWaybill(args, { directory });
  const told = await sandbox.waitForLine((line) => line['kind'] === 'listening', { timeoutMs: 60_000 });
  return { sandbox, client: told['client'] as ClientSettings, baseUrl: String(told['baseUrl']) };
}

async function endOf(sandbox: WaybillProcess) {
  sandbox.signal('SIGINT');
  const { code } = await sandbox.exit;
  const ofKind = (kind: string) => sandbox.lines.filter((line) => line['kind'] === kind);
  return { code, summary: ofKind('summary')[0], deliveries: ofKind('delivery'), tokens: ofKind('token') };
}

test('an engine delivers to it through everything that its script does, and keeps the contract', async () => {
  const clientId = uniqueClientName();
  const { sandbox, client } = await startSandbox({
    seed: 1,
    auth: { type: 'oauth2', clientId },
    token: { answers: [{ times: 1, status: 503 }] },
    endpoints: {
      disposition_update: {
        path: '/changes',
        answers: [
          { perEvent: 1, status: 429, retryAfter: 0 },
          { times: 1, fault: 'reset' },
        ],
      },
    },
  });
  const engine = await testEngine({ acme: { ...client, retry: QUICK_RETRIES } });
  const acme = engine.client();
  await acme.submit(numberedEvents('disposition_update', 5));
  await acme.submit(numberedEvents('inventory_receipt', 2), 'inventory_receipt');
  await acme.settled({ delivered: 7 });
  await engine.engine.stop(1_000);

  const { code, summary, deliveries, tokens } = await endOf(sandbox);
  expect(code).toBe(0);
  expect(tokens.map(({ status }) => status)).toEqual([503, 200]);
  expect(summary).toMatchObject({
    endpoints: {
      disposition_update: {
        received: 11,
        delivered: 5,
        doubled: 0,
        byAnswer: { '200': 5, '429': 5, reset: 1 },
      },
      inventory_receipt: { delivered: 2, byAnswer: { '201': 2 } },
    },
    contractFaults: {},
  });
  expect(deliveries[0]).toMatchObject({ type: 'disposition_update', attempt: '1', doubled: false });
});

test('what is off the contract is named and answered; doubled events are counted', async () => {
  const { sandbox, baseUrl } = await startSandbox();
  const post = async (path: string, payload: unknown, headers: object = {}): Promise<number> => {
    const body = typeof payload === 'string' ? payload : JSON.stringify(payload);
    const all = { ...HEADERS, ...headers };
    return (await fetch(`${baseUrl}${path}`, { method: 'POST', body, headers: all })).status;
  };
  // The sample as it goes out, its numbers spelt.
  const receipt = JSON.parse(JSON.stringify(numberedEvents('disposition_update', 1)[0]));
  expect([
    await post('/dispositions', receipt),
    await post('/dispositions', receipt, { 'X-Waybill-Attempt': '2' }),
    await post('/dispositions', { ...receipt, upc: 5 }, { 'Content-Type': 'text/plain' }),
    await post('/dispositions', 'x', { 'Idempotency-Key': 'x' }),
    await post('/inventory_receipt', { ...sampleEvent('inventory_receipt'), sku: undefined }),
    await post('/nowhere', {}),
  ]).toEqual([200, 200, 200, 400, 422, 404]);
  const { code, summary, deliveries } = await endOf(sandbox);
  expect(code).toBe(3);
  expect(summary).toMatchObject({
    endpoints: { disposition_update: { received: 4, delivered: 1, doubled: 2 }, elsewhere: { received: 1 } },
  });
  expect(deliveries.map(({ contractFaults }) => contractFaults)).toEqual([
    [],
    [],
    [
      'content-type must be application/json',
      'a number stands where text is due',
      'the body differs from that of an earlier request with the same idempotency-key',
    ],
    ['idempotency-key must be a UUID', 'the body is not JSON'],
    ['$.sku is required', 'the body differs from that of an earlier request with the same idempotency-key'],
    ['there is no endpoint at this path', expect.stringContaining('the body differs')],
  ]);
});

test('people see a line for each request while they are few, and sums while they are many', async () => {
  const directory = testDirectory();
  const sandbox = startWaybill(['sandbox', '--port', '0'], { directory });
  await sandbox.waitForLine((line) => String(line['unparsed']).startsWith('Ctrl-C ends it'), {
    timeoutMs: 60_000,
  });
  const baseUrl = /Listening at (\S+)\./.exec(sandbox.stdout)?.[1] ?? '';
  expect(sandbox.stdout).toContain(`clients:\n  sandbox:\n    baseUrl: ${baseUrl}\n`);
  const body = JSON.stringify({ optiturn_lp: '\u001b[31m' });
  const post = () => fetch(`${baseUrl}/\u009b31m`, { method: 'POST', body, headers: HEADERS });
  await Promise.all(Array.from({ length: 200 }, post));
  sandbox.signal('SIGINT');
  expect((await sandbox.exit).code).toBe(3);
  const single = sandbox.stdout.match(/ 404 {2}POST /g) ?? [];
  const more = [...sandbox.stdout.matchAll(/ and (\d+) more: 404 × \d+/g)].map(([, count]) => Number(count));
  expect(single.length + more.reduce((sum, count) => sum + count, 0)).toBe(200);
  expect(sandbox.stdout).toContain('200 × there is no endpoint at this path');
  expect(sandbox.stdout).not.toContain('\u001b');
});

test('a port that is taken, a script that is off and one that is missing are misuse; the example is none', async () => {
  const { baseUrl } = await startSandbox();
  const run = (...args: string[]) => runWaybill(['sandbox', ...args], { directory: testDirectory() });
  const [taken, missing, noPort, example] = await Promise.all([
    run('--port', new URL(baseUrl).port),
    run('nowhere.yaml', '--json'),
    run('--port', '65536'),
    run('--example'),
  ]);
  expect(taken).toMatchObject({ code: 2, stderr: expect.stringContaining('it is taken') });
  expect(JSON.parse(missing.stdout).error).toMatchObject({
    code: 'USAGE',
    problems: [{ path: '$', message: 'cannot be read (ENOENT)' }],
  });
  expect(noPort.code).toBe(2);
  expect(example).toMatchObject({ code: 0, stdout: expect.stringMatching(/^# A script/) });
});

test('it has the capacity that it is given, and says so; flags that make no sense together are refused', async () => {
  const flags = ['--capacity', '0.05/s', '--latency', '40s', '--on-overload', '503', '--queue', '0'];
  const { sandbox, baseUrl } = await startSandbox(undefined, ...flags);
  expect(sandbox.lines.find(({ kind }) => kind === 'listening')?.['capacity']).toEqual({
    ratePerSecond: 0.05,
    latencyMs: 40_000,
    latencySpread: 0,
    onOverload: 503,
    queue: 0,
  });
  const body = JSON.stringify(sampleEvent('disposition_update'));
  const statuses: number[] = [];
  for (let n = 0; n < 4; n += 1) {
    // Two are served, for longer than this takes; they are cut off at the end.
    fetch(`${baseUrl}/dispositions`, { method: 'POST', headers: HEADERS, body })
      .then(({ status }) => statuses.push(status))
      .catch(() => {});
  }
  await expect.poll(() => statuses, { timeout: 30_000 }).toEqual([503, 503]);
  await endOf(sandbox);
  const refused = async (...args: string[]) => {
    const { code, stderr } = await runWaybill(['sandbox', '--port', '0', ...args]);
    return [code, stderr.trim()];
  };
  expect(await refused('--queue', '5', '--capacity', '2/s')).toEqual([
    2,
    expect.stringContaining('--queue needs --on-overload 503 or 429'),
  ]);
  expect(await refused('--on-overload', '429')).toEqual([2, expect.stringContaining('needs --capacity')]);
});

/** Starts the sandbox for people on a free port, with `--show bodies`. */
async function startShowing() {
  const sandbox = startWaybill(['sandbox', '--port', '0', '--show', 'bodies']);
  await sandbox.waitForLine((line) => String(line['unparsed']).startsWith('Ctrl-C ends it'), {
    timeoutMs: 60_000,
  });
  const baseUrl = /Listening at (\S+)\./.exec(sandbox.stdout)?.[1] ?? '';
  const post = (body: string) => fetch(`${baseUrl}/dispositions`, { method: 'POST', body, headers: HEADERS });
  return { sandbox, post };
}

test('--show bodies prints each body: indented, spelled as it came, control characters shown, long ones cut', async () => {
  const { sandbox, post } = await startShowing();
  await post('{"b":1.50,"a":[12345678901234567890]}');
  await post('no \u001b[31mJSON');
  await post('');
  await post(JSON.stringify({ long: 'x'.repeat(9_000) }));
  await post(JSON.stringify(Array.from({ length: 500 }, (_, n) => n)));
  await post(`{ "empty": [ ], "colon: [\\" ]": {"a": "b, c"},\n"deep": ${'['.repeat(60)}${']'.repeat(60)}}`);
  sandbox.signal('SIGINT');
  await sandbox.exit;
  const { stdout } = sandbox;
  expect(stdout).toContain('\n  {\n    "b": 1.50,\n    "a": [\n      12345678901234567890\n    ]\n  }\n');
  expect(stdout).toContain('\n  no \\u001b[31mJSON\n');
  expect(stdout).toContain('\n  (no body)\n');
  expect(stdout).toMatch(/\n {4}"long": "x{3900,4000}\n {2}… and more: 9,011 characters in all\n/);
  expect(stdout).toMatch(/\n {4}98,\n {2}… and more: 1,891 characters in all\n/);
  expect(stdout).toContain(
    '\n  {\n    "empty": [ ],\n    "colon: [\\" ]": {\n      "a": "b, c"\n    },\n    "deep": [\n      [\n        [',
  );
  expect(stdout).not.toContain('\u001b');
});

test.runIf(canMakeTerminals())(
  'an id that does not fit into the line of a terminal goes below it',
  async () => {
    const directory = testDirectory();
    const terminal = startScript(
      `stty cols 80 rows 20; exec "${process.execPath}" "${MAIN}" sandbox --port 0`,
      directory,
    );
    await terminal.shows(/Ctrl-C ends it/);
    const [, baseUrl] =
      terminal
        .rows()
        .join('\n')
        .match(/baseUrl: (\S+)/) ?? [];
    const body = JSON.stringify(sampleEvent('disposition_update'));
    await fetch(`${baseUrl}/dispositions`, { method: 'POST', body, headers: HEADERS });
    await terminal.shows(new RegExp(`disposition_update {2}LPAA1234567 {2}attempt 1 .*ms\\s+${UUID}`));
    const at = terminal.rows().findIndex((row) => row.includes(UUID));
    expect(terminal.rows()[at]?.trimEnd()).toBe(`${' '.repeat(14)}${UUID}`);
    terminal.type('\u0003');
    await terminal.exit;
  },
);

test('--show bodies with --json gives the body as text, and shows no credentials of a token request', async () => {
  const auth = { type: 'oauth2', clientId: 'waybill', clientSecret: 'play-secret' };
  const { sandbox, client, baseUrl } = await startSandbox({ auth }, '--show', 'bodies');
  const body = JSON.stringify({ ...auth, grant_type: 'client_credentials' });
  await fetch(`${baseUrl}/oauth/token`, { method: 'POST', body, headers: HEADERS });
  await fetch(`${baseUrl}/dispositions`, { method: 'POST', body: '{ "a": 1.50 }', headers: HEADERS });
  const { deliveries, tokens } = await endOf(sandbox);
  expect(client.auth).toMatchObject({ clientSecret: 'play-secret' });
  expect(deliveries.map((line) => line['body'])).toEqual(['{ "a": 1.50 }']);
  expect(tokens.map((line) => 'body' in line)).toEqual([false]);
});

test('--tls speaks HTTPS, and its entry names the certificate that an engine then trusts', async () => {
  const { sandbox, client } = await startSandbox({ auth: { type: 'oauth2' } }, '--tls');
  const ca = join(sandbox.directory, 'sandbox-ca.pem');
  expect(client).toMatchObject({
    baseUrl: expect.stringMatching(/^https:\/\/127\.0\.0\.1:/),
    auth: { type: 'oauth2', tls: { ca } },
    tls: { ca },
  });
  const engine = await testEngine({ acme: { ...client, retry: QUICK_RETRIES } });
  const acme = engine.client();
  await acme.submit(numberedEvents('disposition_update', 3));
  await acme.settled({ delivered: 3 });
  await engine.engine.stop(1_000);
  expect(await endOf(sandbox)).toMatchObject({ code: 0, summary: { contractFaults: {} } });
});

test('--tls replaces the certificate of an earlier sandbox, and no other file', async () => {
  const directory = testDirectory();
  const file = join(directory, 'sandbox-ca.pem');
  const start = async () => {
    const sandbox = startWaybill(['sandbox', '--port', '0', '--tls'], { directory });
    await sandbox.waitForLine((line) => String(line['unparsed']).startsWith('Ctrl-C ends it'), {
      timeoutMs: 60_000,
    });
    sandbox.signal('SIGINT');
    await sandbox.exit;
    expect(sandbox.stdout).toContain(`    tls:\n      ca: ${file}\n`);
    return readFileSync(file, 'utf8');
  };
  const first = await start();
  expect(await start()).not.toBe(first);
  writeFileSync(file, 'mine');
  const refused = await runWaybill(['sandbox', '--port', '0', '--tls'], { directory });
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('it was left as it is') });
  expect(readFileSync(file, 'utf8')).toBe('mine');
});
