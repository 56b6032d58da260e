import { writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { checkConnection, checkHost } from '../../src/check/check-host.ts';
import { createResolveHost } from '../../src/check/resolve-host.ts';
import type { ResolvedClient } from '../../src/config/config-schema.ts';
import { commitBatches } from '../../src/queue/admit.ts';
import { certificates } from '../http/certificates.ts';
import { startRawServer } from '../http/raw-server.ts';
import { check } from '../support/check.ts';
import { freePort } from '../support/foreign-server.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { startProxy } from '../support/proxies.ts';
import { routesOf } from '../support/proxy-routes.ts';
import { testSandbox } from '../support/sandbox.ts';
import { testCertificates } from '../support/tls.ts';
import { runWaybill, testDirectory } from '../support/waybill-process.ts';

const DAY_MS = 86_400_000;
const endpoints = { disposition_update: '/d' };

async function rawServer(onSocket: (socket: Socket) => void) {
  const server = await startRawServer(onSocket);
  onTestFinished(() => server.close());
  return server;
}

/** Writes an authority's certificate where a configuration can name it. */
function authorityFile(ca: string): string {
  const file = join(testDirectory(), 'ca.pem');
  writeFileSync(file, ca);
  return file;
}

test('an https endpoint: round trip, TLS version, certificate, chain and days left', async () => {
  const { ca, valid } = await testCertificates();
  const company = await testSandbox().company('acme', { tls: valid });
  const baseUrl = company.baseUrl.replace('127.0.0.1', 'localhost');
  const acme = company.clientSettings({ baseUrl, endpoints, tls: { ca: authorityFile(ca) } });
  const { code, lines } = await check({ config: { clients: { acme } } });
  expect(code).toBe(0);
  const what = 'the endpoint for disposition_update';
  expect(lines.slice(2)).toEqual([
    expect.stringMatching(/: the endpoint for disposition_update: localhost resolves to /),
    expect.stringMatching(/: (connected|127\.0\.0\.1 answered) in [\d.]+ ms, TLS 1\.3 after [\d.]+ ms$/),
    expect.stringMatching(
      `^ok clients.acme: ${what}: certificate of localhost, issued by Acme Test Authority, 36[34] days left$`,
    ),
  ]);
  expect(company.tally.received).toBe(0);
});

test('a certificate that ends within 21 days is a warning', async () => {
  const ends = new Date(Math.floor(Date.now() / 1_000) * 1_000 + 5.5 * DAY_MS);
  const { ca, server } = await certificates(['localhost'], ends);
  const company = await testSandbox().company('acme', { tls: server });
  const baseUrl = company.baseUrl.replace('127.0.0.1', 'localhost');
  const tls = { ca: authorityFile(ca) };
  const acme = company.clientSettings({ baseUrl, endpoints, tls });
  const { code, bad } = await check({ config: { clients: { acme } } });
  expect({ code, bad }).toEqual({
    code: 0,
    bad: [
      expect.stringMatching(
        /^warning clients\.acme: .*: the certificate of endpoint ends in 5 days, on 20.*: the client has to renew it$/,
      ),
    ],
  });
});

test('a root of ours that ends soon is nothing that the client has to renew', async () => {
  const { ca, server } = await certificates(['localhost'], { ca: new Date(Date.now() + 5 * DAY_MS) });
  const company = await testSandbox().company('acme', { tls: server });
  const client = {
    ...{ allowPrivateNetwork: true, timeoutMs: 20_000, tlsMaterial: { ca } },
  } as unknown as ResolvedClient;
  const url = new URL(company.baseUrl.replace('127.0.0.1', 'localhost'));
  const resolveHost = createResolveHost(Number.POSITIVE_INFINITY);
  const remarks = await checkConnection(url, 'the endpoint', client, resolveHost);
  expect(remarks.map(({ level }) => level)).toEqual(['ok', 'ok']);
  expect(remarks[1]?.message).toContain('certificate of endpoint, issued by acme test authority, 36');
});

test.each(['http', 'https'])('through a proxy, %s: how long it took, and no round trip', async (scheme) => {
  const { ca, server } = await certificates();
  const company = await testSandbox().company('acme', scheme === 'https' ? { tls: server } : {});
  const proxy = routesOf((await startProxy()).url);
  const client = {
    ...{ allowPrivateNetwork: true, timeoutMs: 20_000, tlsMaterial: { ca }, proxy },
  } as unknown as ResolvedClient;
  const url = new URL(company.baseUrl.replace('127.0.0.1', 'localhost'));
  const resolveHost = async () => ['127.0.0.1', '127.0.0.9'];
  const [first] = await checkConnection(url, 'the endpoint', client, resolveHost);
  const version = scheme === 'https' ? ', with TLS 1.3' : '';
  expect(first?.message).toMatch(
    new RegExp(`^the endpoint: connected through the proxy in [\\d.]+ ms${version}$`),
  );
});

test('what cannot be connected to is an error with a class, in the words of a delivery', async () => {
  const { port } = await rawServer(() => {});
  const strict = await certificates();
  const company = await testSandbox().company('strict', {
    tls: { ...strict.server, ca: strict.ca, requestCert: true, rejectUnauthorized: true },
  });
  const at = (baseUrl: string, more = {}) => ({ baseUrl, endpoints, allowPrivateNetwork: true, ...more });
  const clients = {
    refused: at(`http://127.0.0.1:${await freePort()}`),
    hanging: at(`https://127.0.0.1:${port}`, { timeoutMs: 200 }),
    strict: at(company.baseUrl.replace('127.0.0.1', 'localhost'), { tls: { ca: authorityFile(strict.ca) } }),
  };
  const { stdout, code } = await runWaybill(['check', '--json'], { config: { clients } });
  const { findings } = JSON.parse(stdout) as { findings: Record<string, string>[] };
  expect(code).toBe(3);
  expect(findings.filter(({ level }) => level === 'error')).toEqual([
    expect.objectContaining({ subject: 'clients.refused', class: 'refused' }),
    expect.objectContaining({
      subject: 'clients.hanging',
      class: 'timeout',
      message: expect.stringMatching(/: no end of the TLS handshake with 127\.0\.0\.1:\d+ within 200 ms$/),
    }),
    expect.objectContaining({ subject: 'clients.strict', class: 'tls' }),
  ]);
});

test('one client is checked alone', async () => {
  const company = await testSandbox().company('acme');
  const clients = {
    acme: company.clientSettings(),
    gone: { ...company.clientSettings(), baseUrl: 'http://[::1]:9' },
  };
  const { code, stdout } = await runWaybill(['check', 'acme'], { config: { clients } });
  expect(code).toBe(0);
  expect(stdout).toContain('Client acme\n');
  expect(stdout).not.toContain('gone');
  const unknown = await runWaybill(['check', 'acne'], { config: { clients } });
  expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('did you mean "acme"') });
});

test('of many clients, the well ones are counted and findings that are alike are told of a few', async () => {
  const company = await testSandbox().company('acme');
  const gone = { ...company.clientSettings(), baseUrl: `http://127.0.0.1:${await freePort()}` };
  const names = (word: string) => Array.from({ length: 12 }, (_, n) => `${word}-${n}`);
  const clients = Object.fromEntries([
    ...names('well').map((name) => [name, company.clientSettings()]),
    ...names('gone').map((name) => [name, gone]),
  ]);
  const config = { clients };
  const { code, stdout } = await runWaybill(['check'], { config });
  expect(code).toBe(3);
  expect(stdout.slice(stdout.indexOf('24 clients\n  '))).toMatch(
    /^24 clients\n( {2}error {4}gone-\d: the endpoint for .*ECONNREFUSED.*\n){5} {2}error {4}and 7 more like these \(refused\)\n {2}ok {7}12 of 24 clients are well; .*\n\n12 errors, 0 warnings\n$/,
  );
  const { lines } = await check({ config });
  expect(lines.filter((line) => line.startsWith('error'))).toHaveLength(12);
});

test('many clients are checked side by side, and no more than 128 at once', async () => {
  let [open, most] = [0, 0];
  const { port } = await rawServer((socket) => {
    open += 1;
    most = Math.max(most, open);
    socket
      .resume()
      .on('error', () => {})
      .once('close', () => {
        open -= 1;
      });
  });
  const hanging = {
    baseUrl: `https://127.0.0.1:${port}`,
    endpoints,
    allowPrivateNetwork: true,
    timeoutMs: 2_000,
  };
  const names = Array.from({ length: 200 }, (_, n) => `c-${n}`);
  const { code, bad } = await check({
    config: { clients: Object.fromEntries(names.map((name) => [name, hanging])) },
  });
  expect({ code, bad: bad.length }).toEqual({ code: 3, bad: 200 });
  // What a client closes is noticed a moment later than the next one opens.
  expect(most).toBeGreaterThan(100);
  expect(most).toBeLessThan(200);
});

test('a public address without TLS is a warning, and some refused addresses are notes', async () => {
  const client = { allowPrivateNetwork: false } as ResolvedClient;
  const remarks = await checkHost(new URL('http://acme.test'), 'the endpoint', client, async () => [
    '203.0.114.1',
    '10.0.0.1',
  ]);
  expect(remarks.map(({ level, message }) => `${level} ${message}`)).toEqual([
    'ok the endpoint: acme.test resolves to 203.0.114.1, 10.0.0.1',
    expect.stringMatching(
      /^note the endpoint: acme\.test resolves to 10\.0\.0\.1, which is a private address/,
    ),
    expect.stringMatching(/^warning the endpoint: http:\/\/acme\.test is not encrypted/),
  ]);
});

test('after the deadline no name is asked for', async () => {
  const resolveHost = createResolveHost(performance.now() - 1);
  expect(await resolveHost('localhost')).toBe('there was no time to ask');
  expect(await resolveHost('127.0.0.1')).toEqual(['127.0.0.1']);
});

test('receipts that are never new, and timestamps without a zone, are notes', async () => {
  const server = await startOwnRedis();
  const redis = server.connect();
  await redis.ping();
  const event = (id: string, timestamp: string) => ({
    ...{ id, type: 'disposition_update', unit: 'LP1', body: JSON.stringify({ timestamp }) },
  });
  const commit = (client: string, id: string, timestamp: string) =>
    commitBatches(redis, { client, type: 'disposition_update' }, [{ id, events: [event(id, timestamp)] }], 0);
  await commit('acme', 'b1', '2026-03-01T14:03:07');
  await commit('zoned', 'b2', '2026-03-01T14:03:07Z');
  for (const [client, statuses] of [
    ['acme', { 200: 100 }],
    ['zoned', { 200: 100, 201: 1 }],
  ] as const) {
    for (const [status, count] of Object.entries(statuses)) {
      await redis.hset(`{wb:${client}}:stats`, `delivered:inventory_receipt:${status}`, count);
    }
  }
  const company = await testSandbox().company('acme');
  const clients = { acme: company.clientSettings(), zoned: company.clientSettings() };
  const { lines } = await check({ config: { redis: { url: server.socketPath }, clients } });
  expect(lines.filter((line) => line.startsWith('note clients.'))).toEqual([
    'note clients.acme: all 100 events of type inventory_receipt were answered with 200 and none with 201: by 200 the client says that it had them already',
    'note clients.acme: events of type disposition_update have timestamps without a zone, such as 2026-03-01T14:03:07: they are sent as they came; the contract means UTC, and the client may read its own time',
  ]);
});
