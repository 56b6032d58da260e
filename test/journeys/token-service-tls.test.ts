import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
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
