import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { generateKey } from '../../src/api/keys.ts';
import type { CheckFinding } from '../../src/check/finding.ts';
import { commitBatches } from '../../src/queue/admit.ts';
import { setPaused } from '../../src/queue/pause-client.ts';
import { certificates } from '../http/certificates.ts';
import { check as checkByCommand } from '../support/check.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { testSandbox } from '../support/sandbox.ts';
import { testCertificates } from '../support/tls.ts';
import { until } from '../support/until.ts';
import { testDirectory } from '../support/waybill-process.ts';
import { type ApiAnswer, type ApiCall, startTestApi, UNSENT } from './api-fixture.ts';

failOnLeaks();

const SAFE = { appendonly: 'yes', appendfsync: 'always' };
const endpoints = { disposition_update: '/d' };

/** An API for these clients on a Redis of its own; `bound`: a key for acme alone. */
async function withClients(clients: object, http: object = {}) {
  const redis = await startOwnRedis(SAFE);
  const [all, bound] = [generateKey(), generateKey()];
  const keys = [
    { name: 'ops', sha256: all.sha256, scopes: ['operate'] },
    { name: 'bound', sha256: bound.sha256, scopes: ['operate'], clients: ['acme'] },
  ];
  const fixture = await startTestApi({ socketPath: redis.socketPath, http });
  const config = fixture.configWith({ http: { port: 0, keys, ...http }, clients });
  await fixture.api.reload(config);
  const check = (client?: string, call: ApiCall = {}) =>
    fixture.call('POST', `/v1/check${client === undefined ? '' : `?client=${client}`}`, {
      key: all.key,
      ...call,
    });
  return { ...fixture, redis, config, check, key: all.key, bound: { key: bound.key } };
}

function linesOf({ body }: ApiAnswer): string[] {
  const { findings } = body as { findings: CheckFinding[] };
  return findings.map(({ level, subject, message }) => `${level} ${subject}: ${message}`);
}

/** A client whose token service answers when it is told to. */
async function slowClient() {
  let answer = (): void => {};
  const told = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const tokenScript = () => told.then(() => ({}));
  const company = await testSandbox().company('acme', { auth: { type: 'oauth2' }, tokenScript });
  const settings = company.clientSettings({ endpoints });
  const acme = { ...settings, auth: { ...settings.auth, timeoutMs: 300_000 } };
  const asked = () => company.waitFor(({ tokenTally }) => tokenTally.received > 0);
  return { company, acme, answer, asked };
}

test('clients and Redis that are well: what the command finds, and no endpoint is sent anything', async () => {
  const company = await testSandbox().company('acme', { auth: { type: 'oauth2' } });
  const clients = { acme: company.clientSettings({ endpoints }) };
  const { check, redis, log } = await withClients(clients);
  const answer = await check();
  expect(answer).toMatchObject({ status: 200, body: { ok: true } });
  const lines = linesOf(answer);
  expect(lines[0]).toMatch(/^ok configuration: the service runs with \/.*waybill\.yaml: 1 client$/);
  const command = await checkByCommand({ config: { redis: { url: redis.socketPath }, clients } });
  const timeless = (all: string[]) => all.slice(1).map((line) => line.replace(/in [\d.]+ ms/, 'in N ms'));
  expect(timeless(lines)).toEqual(timeless(command.lines));
  expect(lines).toContain(`ok clients.acme: token service ${company.tokenUrl} issued a token for 3600 s`);
  expect(company.tally.received).toBe(0);
  await check('acme');
  const logged = log.matching('request').filter(({ route }) => route === '/v1/check');
  expect(logged).toMatchObject([{ level: 'info', by: 'ops' }, { client: 'acme' }]);
});

test('a host that does not resolve, an expired certificate, and one of ours that has ended: an error each', async () => {
  const { ca, expired } = await testCertificates();
  const yesterday = new Date(Date.now() - 86_400_000);
  const own = (await certificates(undefined, { client: yesterday })).client;
  const directory = testDirectory();
  const write = (name: string, pem: string): string => {
    writeFileSync(join(directory, name), pem);
    return join(directory, name);
  };
  const company = await testSandbox().company('expired', { tls: expired });
  const well = await testSandbox().company('well');
  const { check } = await withClients({
    acme: { ...UNSENT, baseUrl: 'https://nowhere.invalid' },
    expired: company.clientSettings({ endpoints, tls: { ca: write('ca.pem', ca) } }),
    ended: well.clientSettings({
      endpoints,
      tls: { cert: write('own.pem', own.cert), key: write('own-key.pem', own.key) },
    }),
  });
  const answer = await check();
  expect(answer).toMatchObject({ status: 200, body: { ok: false } });
  const { findings } = answer.body as { findings: CheckFinding[] };
  expect(findings.filter(({ level }) => level === 'error')).toEqual([
    expect.objectContaining({
      ...{ subject: 'clients.acme', class: 'dns' },
      message: expect.stringContaining('nowhere.invalid does not resolve (E'),
    }),
    expect.objectContaining({
      ...{ subject: 'clients.ended', class: 'certificate' },
      message: expect.stringContaining('tls.cert: the certificate "waybill" ended on '),
    }),
    expect.objectContaining({ subject: 'clients.expired', class: 'tls' }),
  ]);
  const one = await check('ended');
  expect(new Set((one.body.findings as CheckFinding[]).map(({ subject }) => subject))).toEqual(
    new Set(['configuration', 'redis', 'clients.ended']),
  );
});

test('a client that there is not is a 404, and keys without the scope are refused', async () => {
  const { call, keys } = await startTestApi();
  expect(await call('POST', '/v1/check?client=nobody')).toMatchObject({
    status: 404,
    body: { code: 'UNKNOWN_CLIENT' },
  });
  for (const key of [keys.submit, keys.read]) {
    expect(await call('POST', '/v1/check', { key })).toMatchObject({
      status: 403,
      body: { code: 'FORBIDDEN', detail: expect.stringContaining('has not the scope operate') },
    });
  }
});

test('a key of some clients is told of these alone, and nothing of others that Redis holds', async () => {
  const company = await testSandbox().company('acme');
  const { check, bound, redis } = await withClients({
    acme: company.clientSettings({ endpoints }),
    other: UNSENT,
  });
  const connection = redis.connect({ maxRetriesPerRequest: null });
  const note = { id: 'x', action: 'pause', by: { key: 'ops' } } as const;
  for (const client of ['acme', 'other']) await setPaused(connection, client, true, 0, note);
  const event = { id: 'e', type: 'disposition_update', unit: 'LP1', body: '{}' };
  await commitBatches(connection, { client: 'oldco', type: event.type }, [{ id: 'b', events: [event] }], 0);
  const whole = linesOf(await check()).join('\n');
  expect(whole).toContain('"oldco" is not in');
  expect(whole).toContain('clients.other: paused');
  const lines = linesOf(await check(undefined, bound));
  expect(lines[0]).toMatch(/^warning clients\.acme: paused since 1970-01-01/);
  expect(lines.filter((line) => !line.includes(' clients.acme: '))).toEqual([]);
  const of = async (client: string) =>
    JSON.stringify(await check(client, bound).then(({ status, body }) => [status, body]));
  expect(await of('other')).toBe((await of('nobody')).replaceAll('nobody', 'other'));
  expect(await of('other')).toMatch(/^\[404/);
});

test('a Redis that is away is an error, and the clients are checked all the same', async () => {
  const company = await testSandbox().company('acme');
  const { check, redis, bound } = await withClients({ acme: company.clientSettings({ endpoints }) });
  await redis.kill();
  const answer = await check();
  expect(answer).toMatchObject({ status: 200, body: { ok: false } });
  const lines = linesOf(answer);
  expect(lines.filter((line) => line.startsWith('error'))).toEqual([
    expect.stringMatching(/^error redis: Redis cannot be reached: .*(ENOENT|ECONNREFUSED)/),
  ]);
  expect(lines.at(-1)).toMatch(/^ok clients\.acme: .* connected in /);
  expect(linesOf(await check('acme', bound))[0]).toMatch(/^error redis: Redis cannot be reached/);
});

test('while a check is under way a second one is refused, and afterwards there may be another', async () => {
  const { acme, answer, asked } = await slowClient();
  const { check } = await withClients({ acme }, { requestTimeoutMs: 300_000 });
  const first = check();
  await asked();
  expect(await check()).toMatchObject({
    ...{ status: 409, headers: { 'retry-after': '5' } },
    body: { code: 'CHECK_UNDER_WAY' },
  });
  answer();
  expect((await first).body).toMatchObject({ ok: true });
  expect((await check()).body).toMatchObject({ ok: true });
});

test('a check ends in the time of a request: what is not done is a warning', async () => {
  const { acme, company } = await slowClient();
  const { check, redis } = await withClients({ acme }, { requestTimeoutMs: 1_000 });
  const late = 'was not checked to the end: that takes more than 1 s';
  const answer = await check();
  expect(answer).toMatchObject({ status: 200, body: { ok: true } });
  expect(linesOf(answer).at(-1)).toBe(`warning clients.acme: ${late}`);
  await company.waitFor(() => company.tokenTally.inFlight === 0);
  redis.freeze();
  const silent = linesOf(await check());
  redis.thaw();
  expect(silent.filter((line) => line.startsWith('warning'))).toEqual([
    `warning redis: ${late}`,
    `warning clients.acme: ${late}`,
  ]);
});

async function ask(address: string, key: string): Promise<Socket> {
  const socket = connect({ port: Number(new URL(address).port), host: '127.0.0.1', allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(`POST /v1/check HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\n\r\n`);
  return socket;
}

test.each(['destroy', 'resetAndDestroy'] as const)(
  'a client that is gone ends its check, by %s',
  async (leave) => {
    const { acme, company, answer, asked } = await slowClient();
    const { api, key, check } = await withClients({ acme }, { requestTimeoutMs: 300_000 });
    const socket = await ask(api.address, key);
    await asked();
    socket[leave]();
    await company.waitFor(() => company.tokenTally.inFlight === 0);
    // Nothing announces that the check is over.
    await until(async () => {
      const next = check();
      answer();
      return (await next).status === 200;
    });
  },
);

test('a client that only stops sending is told that this ends the check', async () => {
  const { acme, asked } = await slowClient();
  const { api, key } = await withClients({ acme }, { requestTimeoutMs: 300_000 });
  const socket = await ask(api.address, key);
  await asked();
  socket.end();
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  expect(text).toMatch(/^HTTP\/1\.1 400 [\s\S]*"REQUEST_INVALID"[\s\S]*which ends a check/);
});
