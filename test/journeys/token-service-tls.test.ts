import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { stringify } from 'yaml';
import type { Authorization } from '../../src/auth/authorizer.ts';
import { Authorizers } from '../../src/auth/authorizers.ts';
import type { ResolvedClient } from '../../src/config/config-schema.ts';
import { parseConfig } from '../../src/config/load-config.ts';
import { withTlsContents } from '../../src/config/named-tls-files.ts';
import { CallOff } from '../../src/core/call-off.ts';
import { openClientParts } from '../../src/service/client-parts.ts';
import { certificates, encrypted } from '../http/certificates.ts';
import { check } from '../support/check.ts';
import { testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { testSandbox } from '../support/sandbox.ts';
import { testDirectory } from '../support/waybill-process.ts';

failOnLeaks();

const PASSPHRASE = 'correct horse';

/** An endpoint and a token service whose authorities differ; the latter asks for a certificate. */
async function twoAuthorities() {
  const [ofEndpoint, ofService] = await Promise.all([
    certificates(['127.0.0.1']),
    certificates(['127.0.0.1']),
  ]);
  const directory = testDirectory();
  const fileOf = (name: string, pem: string): string => {
    const file = join(directory, name);
    writeFileSync(file, pem);
    return file;
  };
  const sandbox = testSandbox();
  const endpoint = await sandbox.company('acme', { tls: ofEndpoint.server });
  const service = await sandbox.company('idp', {
    auth: { type: 'oauth2' },
    tls: { ...ofService.server, ca: ofService.ca, requestCert: true, rejectUnauthorized: true },
  });
  const authTls = {
    ca: fileOf('idp-ca.pem', ofService.ca),
    cert: fileOf('own.pem', ofService.client.cert),
    key: fileOf('own-key.pem', encrypted(ofService.client.key, PASSPHRASE)),
    passphrase: PASSPHRASE,
  };
  const tls = { ca: fileOf('acme-ca.pem', ofEndpoint.ca) };
  const settings = (own: object) => {
    const auth = { ...service.clientSettings().auth, ...own } as never;
    return endpoint.clientSettings({ tls, auth, pace: { holdMs: 0 } });
  };
  return { endpoint, service, settings, authTls };
}

test('auth.tls reaches the token service, tls the endpoint', async () => {
  const { endpoint, service, settings, authTls } = await twoAuthorities();
  const client = (await testEngine({ acme: settings({ tls: authTls }) })).client();
  await client.submit(numberedEvents('disposition_update', 3));
  await client.settled({ delivered: 3 });
  expect([endpoint.tally.received, service.tokenTally.received]).toEqual([3, 1]);
});

test('new contents of the files of auth.tls hold for the token service, those of tls for the endpoint', async () => {
  const { endpoint, settings, authTls } = await twoAuthorities();
  const text = stringify({ clients: { acme: { ...settings({ tls: authTls }), connectionMaxAgeMs: 1 } } });
  const config = parseConfig(text, join(testDirectory(), 'waybill.yaml'), {});
  const authorizers = new Authorizers({});
  const parts = openClientParts(config.clients['acme'] as ResolvedClient, 1, authorizers);
  onTestFinished(async () => {
    await authorizers.close();
    await parts.close();
  });
  const { authorizer, post } = parts.attempt;
  const first = (await authorizer.authorize()) as Authorization;
  const request = { url: `${endpoint.baseUrl}/d`, headers: first.headers, body: '{}', timeoutMs: 10_000 };
  expect(first.version).toBe(1);
  const other = await certificates();
  const { changed } = withTlsContents(config, new Map([[authTls.ca, other.ca]]));
  for (const client of changed) parts.renewTls(client);
  expect(await authorizer.renew(first, 'event')).toMatchObject({ failure: expect.stringContaining('TLS') });
  expect(await post(request, new CallOff())).toMatchObject({ kind: 'answer' });
});

test('check asks for the token with auth.tls, and without it with the tls of the client', async () => {
  const { service, settings, authTls } = await twoAuthorities();
  const server = await startOwnRedis({ appendonly: 'yes', appendfsync: 'always' });
  const clients = {
    own: settings({ tls: authTls }),
    shared: settings({}),
    public: settings({ tls: {} }),
  };
  const { lines, bad } = await check({ config: { redis: { url: server.socketPath }, clients } });
  const name = `token service ${service.tokenUrl}`;
  expect(lines.filter((line) => line.startsWith('ok clients.own: token service'))).toHaveLength(1);
  expect(bad).toEqual([
    expect.stringContaining(`error clients.shared: ${name} did not answer`),
    expect.stringContaining(`error clients.public: ${name} did not answer`),
  ]);
  expect(service.tokenTally.received).toBe(1);
});
