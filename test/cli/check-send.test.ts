import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { Script } from '../../src/sandbox/scripts.ts';
import { freePort } from '../support/foreign-server.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { canMakeTerminals, startScript } from '../support/pseudo-terminal.ts';
import { testSandbox } from '../support/sandbox.ts';
import { runWaybill, testDirectory, type WaybillOptions } from '../support/waybill-process.ts';

const TWO_ENDPOINTS = { disposition_update: '/dispositions', inventory_receipt: '/inventory_receipt' };

const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

interface Output {
  readonly findings: readonly { level: string; subject: string; message: string; class?: string }[];
  readonly samples?: readonly Record<string, unknown>[];
}

async function send(options: WaybillOptions, ...args: string[]) {
  const { code, stdout } = await runWaybill(['check', ...args, '--send', '--yes', '--json'], options);
  const { findings, samples } = JSON.parse(stdout) as Output;
  const lines = findings.map(({ level, subject, message }) => `${level} ${subject}: ${message}`);
  return { code, findings, lines, samples };
}

test('a sample event goes to each endpoint, marked and authorized, and nothing into the queue', async () => {
  const company = await testSandbox().company('acme', { auth: { type: 'oauth2' } });
  const server = await startOwnRedis();
  const config = {
    redis: { url: server.socketPath },
    clients: { acme: company.clientSettings({ endpoints: TWO_ENDPOINTS }) },
  };
  const { code, lines, samples } = await send({ config });
  expect(code).toBe(0);
  const what = 'answered a sample event with';
  expect(lines).toEqual(
    expect.arrayContaining([
      expect.stringMatching(
        `^ok clients.acme: the endpoint for disposition_update ${what} 200 in [\\d.]+ ms: {`,
      ),
      expect.stringMatching(
        `^ok clients.acme: the endpoint for inventory_receipt ${what} 201 in [\\d.]+ ms: {`,
      ),
    ]),
  );
  expect(samples).toEqual(
    ['disposition_update', 'inventory_receipt'].map((type, index) => ({
      ...{ client: 'acme', type, class: null, status: [200, 201][index] },
      event: expect.any(String),
      unit: expect.stringMatching(/^waybill-check-[0-9a-f-]{36}$/),
      ms: expect.any(Number),
      answer: expect.stringContaining('{'),
    })),
  );
  const received = company.requests.map(({ headers, body }) => ({ headers, body: JSON.parse(body) }));
  expect(received).toHaveLength(2);
  for (const { headers, body } of received) {
    expect(headers).toMatchObject({ 'x-waybill-check': 'sample', 'x-waybill-attempt': '1' });
    expect(headers['authorization']).toMatch(/^Bearer /);
    expect(body.optiturn_lp ?? body.unit_identifier).toBe(`waybill-check-${headers['idempotency-key']}`);
  }
  expect(await server.connect().keys('{wb:*')).toEqual([]);
});

test('what an endpoint answers is told in words', async () => {
  const statuses = [301, 400, 401, 403, 404, 415, 418, 429, 503];
  const script: Script = ({ path }) => ({ status: Number(path.slice(1)), body: 'because' });
  const company = await testSandbox().company('acme', { script });
  const clients = Object.fromEntries(
    statuses.map((status) => [
      `c${status}`,
      company.clientSettings({ endpoints: { disposition_update: `/${status}` } }),
    ]),
  );
  const { code, findings } = await send({ config: { clients } });
  expect(code).toBe(3);
  const told = findings.flatMap(({ level, message, class: kind }) =>
    message.includes('sample event') ? `${level} ${kind} ${message.replace(/^.* in [\d.]+ ms, /, '')}` : [],
  );
  expect(told).toEqual([
    'error redirect a redirect, which is not followed: set the URL that it leads to: because',
    'warning client_error it does not take this payload; that may be right for a unit that it does not know: because',
    'error unauthorized it does not accept the credentials: check auth: because',
    'error client_error it does not allow the request: a permission, an address list, or a key of its gateway is missing: because',
    'error client_error there is nothing at this path: check baseUrl and the path of the endpoint: because',
    'error client_error it wants another Content-Type: because',
    'error client_error which refuses it: because',
    'error client_error it is sent more than it wants: ask for its limit, and set ratePerSecond: because',
    'error server_error which says that it fails: because',
  ]);
});

test('a credential that an endpoint sends back is masked, and a receipt that is not new is a note', async () => {
  const script: Script = ({ headers }) => ({ status: 200, body: `seen ${headers['x-key']}` });
  const company = await testSandbox().company('acme', { script });
  const auth = { type: 'api_key' as const, header: 'X-Key', key: 'marked-key' };
  const endpoints = { inventory_receipt: '/r' };
  const { lines, samples } = await send({
    config: { clients: { acme: company.clientSettings({ auth, endpoints }) } },
  });
  expect(lines.at(-1)).toMatch(
    /^note clients\.acme: the endpoint for inventory_receipt .* 200 says that it had the unit already, which is new: 201 says so: seen \*\*\*$/,
  );
  expect(JSON.stringify([lines, samples])).not.toContain('marked-key');
});

test('a 2xx with a web page is a warning', async () => {
  const script: Script = () => ({
    status: 200,
    body: '<h1>Log in',
    headers: { 'content-type': 'text/html' },
  });
  const company = await testSandbox().company('acme', { script });
  const endpoints = { disposition_update: '/d' };
  const { code, lines, samples } = await send({
    config: { clients: { acme: company.clientSettings({ endpoints }) } },
  });
  expect(code).toBe(0);
  expect(lines.at(-1)).toMatch(
    /^warning clients\.acme: .* with 200 in [\d.]+ ms, which is a web page: the URL may lead to a login: <h1>Log in$/,
  );
  expect(samples).toEqual([expect.objectContaining({ status: 200, class: null, isWebPage: true })]);
});

test('without a token nothing is sent, and a client that cannot be reached is sent nothing', async () => {
  const sandbox = testSandbox();
  const refusing = await sandbox.company('refusing', { auth: { type: 'oauth2' } });
  const settings = refusing.clientSettings();
  const clients = {
    refusing: { ...settings, auth: { ...settings.auth, clientSecret: 'wrong' } },
    gone: { ...settings, baseUrl: `http://127.0.0.1:${await freePort()}`, auth: { type: 'none' } },
  };
  const { code, lines, samples } = await send({ config: { clients } });
  expect({ code, samples }).toEqual({ code: 3, samples: [] });
  for (const name of ['refusing', 'gone']) {
    expect(lines).toContain(`note clients.${name}: no sample event was sent: see the errors`);
  }
  expect(refusing.tally.received).toBe(0);
});

test.skipIf(!canMakeTerminals())('on a terminal it asks, and a no sends nothing', async () => {
  const company = await testSandbox().company('acme');
  const directory = testDirectory();
  const config = { clients: { acme: company.clientSettings({ endpoints: TWO_ENDPOINTS }) } };
  writeFileSync(join(directory, 'waybill.yaml'), JSON.stringify(config));
  const answer = async (keys: string) => {
    const terminal = startScript(
      `stty rows 20 cols 80; "${process.execPath}" "${MAIN}" check --send`,
      directory,
    );
    await terminal.shows(/Send one sample event to each of 2 endpoints of acme\? \[y\/N\]/);
    terminal.type(keys);
    return terminal.exit;
  };
  expect(await answer('n\r')).toBe(0);
  expect(company.tally.received).toBe(0);
  expect(await answer('y\r')).toBe(0);
  expect(company.tally.received).toBe(2);
});

test('without a terminal --yes is needed', async () => {
  const company = await testSandbox().company('acme');
  const config = { clients: { acme: company.clientSettings({ endpoints: TWO_ENDPOINTS }) } };
  const { code, stderr } = await runWaybill(['check', '--send'], { config });
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr:
      'waybill: --yes is needed to send one sample event to each of 2 endpoints of acme without a terminal\n',
  });
  expect(company.tally.received).toBe(0);
});
