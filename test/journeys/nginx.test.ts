import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ClientSettings } from '../../src/sandbox/company.ts';
import { certificates } from '../http/certificates.ts';
import { check } from '../support/check.ts';
import { testEngine } from '../support/engine.ts';
import { numberedEvent, numberedEvents } from '../support/events.ts';
import { startForeignServer, whyNoServer } from '../support/foreign-server.ts';
import { testRedisPath } from '../support/redis.ts';
import { testDirectory } from '../support/waybill-process.ts';

const ACME = await certificates();

/** Starts nginx with TLS that asks for a certificate of ours. @returns a client that reaches it by name */
async function startNginx(locations: string) {
  const directory = testDirectory();
  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  const [ca, cert, key] = [
    file('ca.pem', ACME.ca),
    file('server.pem', ACME.server.cert),
    file('server.key', ACME.server.key),
  ];
  mkdirSync(join(directory, 'temp'));
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${directory}/temp/${name};`)
    .join('\n');
  const server = await startForeignServer('nginx', (port) => {
    const config = `
      daemon off; master_process off; pid ${directory}/nginx.pid; error_log stderr;
      events {}
      http {
        access_log off; ${temp}
        server {
          listen 127.0.0.1:${port} ssl; server_name localhost;
          ssl_certificate ${cert}; ssl_certificate_key ${key};
          ssl_client_certificate ${ca}; ssl_verify_client on;
          ${locations}
        }
      }`;
    return ['-p', directory, '-e', 'stderr', '-c', file('nginx.conf', config)];
  });
  const ours = { cert: file('ours.pem', ACME.client.cert), key: file('ours.key', ACME.client.key) };
  const settings = (
    path: string,
    tls: object = ours,
    more: Partial<ClientSettings> = {},
  ): ClientSettings => ({
    baseUrl: `https://localhost:${server.port}`,
    endpoints: { disposition_update: path },
    allowPrivateNetwork: true,
    tls: { ca, ...tls },
    retry: { retries: 0 },
    ...more,
  });
  return { settings };
}

describe.skipIf(whyNoServer('nginx') !== undefined)('nginx', () => {
  test('with a certificate of ours events are delivered, and without one its page says what is missing', async () => {
    const { settings } = await startNginx('location / { return 200; }');
    const engine = await testEngine({ known: settings('/d'), unknown: settings('/d', {}) });
    const [known, unknown] = [engine.client('known'), engine.client('unknown')];
    await Promise.all(
      [known, unknown].map((client) => client.submit(numberedEvents('disposition_update', 20))),
    );
    await known.settled({ delivered: 20 });
    await unknown.settled({ dead: 20 });
    expect(await known.status()).toMatchObject({ delivered: 20, failedAttempts: {} });
    expect(await unknown.status()).toMatchObject({ failedAttempts: { client_error: 20 } });
    const [letter] = await unknown.deadLetters();
    expect(letter?.history?.[0]).toMatchObject([expect.any(Number), 400, 'client_error', expect.any(Number)]);
    expect(letter?.response).toContain('No required SSL certificate was sent');
  });

  test('a body beyond client_max_body_size is a failed attempt with 413 and its page', async () => {
    const { settings } = await startNginx('client_max_body_size 1k; location / { return 200; }');
    const engine = await testEngine({ acme: settings('/d') });
    const client = engine.client();
    const long = { ...numberedEvent('disposition_update', 1), store_identifier: 'x'.repeat(100_000) };
    await client.submit([numberedEvent('disposition_update', 0), long]);
    await client.settled({ delivered: 1, dead: 1 });
    const [letter] = await client.deadLetters();
    expect(letter?.history?.[0]?.[1]).toBe(413);
    expect(letter?.response).toMatch(/<title>413 Request Entity Too Large<\/title>/);
  });

  test('an answer that comes slowly is delivered by its status, and is not waited for', async () => {
    // 60 KB, in words of a length that nginx takes.
    const body = `set $word "${'x'.repeat(4_000)}"; return 200 "${'$word'.repeat(15)}";`;
    const slow = `location / { limit_rate 1k; ${body} }`;
    const { settings } = await startNginx(slow);
    const engine = await testEngine({ acme: settings('/d') });
    const client = engine.client();
    await client.submit(numberedEvents('disposition_update', 3));
    await client.settled({ delivered: 3 });
    // At this rate the body alone takes a minute.
    for (const { ms } of client.attempts()) expect(ms).toBeLessThan(15_000);
    expect(await client.status()).toMatchObject({ delivered: 3, failedAttempts: {} });
  });

  test('check tells the certificate, and that a handshake alone shows nothing of a certificate of ours', async () => {
    const { settings } = await startNginx('location / { return 200; }');
    const clients = { known: settings('/d'), unknown: settings('/d', {}) };
    const { code, bad, lines } = await check({ config: { redis: { url: testRedisPath() }, clients } });
    expect({ code, bad: bad.filter((line) => line.includes('clients.')) }).toEqual({ code: 0, bad: [] });
    for (const name of ['known', 'unknown']) {
      expect(lines).toContainEqual(
        expect.stringMatching(
          `^ok clients.${name}: .*: certificate of endpoint, issued by acme test authority, `,
        ),
      );
    }
  });
});
