import { networkInterfaces } from 'node:os';
import type { TLSSocket } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { certificates, encrypted } from './certificates.ts';
import { client, MESSAGE, serve } from './http-fixture.ts';
import { respond } from './scripted-server.ts';

const ACME = await certificates();
const OTHER_NAME = await certificates(['other.acme.example']);
const EXPIRED = await certificates(['localhost'], new Date(Date.now() - 3_600_000));

/** Containers often have none. */
const HAS_IPV6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
);

const named = (url: string): string => url.replace('127.0.0.1', 'localhost');

describe('TLS', () => {
  test('delivers where the authority is known, by name and with session', async () => {
    const server = await serve((received) => respond(received, 200), ACME.server);
    const http = client({ tls: { ca: ACME.ca } });
    expect(await http.post({ url: named(server.url), ...MESSAGE })).toMatchObject({ status: 200 });
    const socket = server.sockets[0] as TLSSocket & { servername: string };
    expect(socket.servername).toBe('localhost');
    expect(socket.getProtocol()).toBe('TLSv1.3');
  });

  test.each([
    ['an unknown authority', ACME, undefined, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['another name', OTHER_NAME, OTHER_NAME.ca, 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['an expired certificate', EXPIRED, EXPIRED.ca, 'CERT_HAS_EXPIRED'],
  ])('%s: no request is sent, again and again', async (_name, { server: serverTls }, ca, code) => {
    const server = await serve((received) => respond(received, 200), serverTls);
    const http = client(ca === undefined ? {} : { tls: { ca } });
    const detail = expect.stringMatching(
      `^no TLS connection to localhost:${server.port}: its .* \\(${code}\\)$`,
    );
    for (let n = 0; n < 6; n += 1) {
      const result = await http.post({ url: named(server.url), ...MESSAGE });
      expect(result).toEqual({ kind: 'no_answer', failureClass: 'tls', detail });
    }
    expect(server.requests).toHaveLength(0);
  });

  test.each<readonly [string, string, boolean]>([
    ['127.0.0.1', '127.0.0.1', true],
    ...(HAS_IPV6 ? [['::1', '[::1]', true] as const] : []),
    ['127.0.0.2', '127.0.0.1', false],
    ['localhost', '127.0.0.1', false],
  ])('a certificate for %s, at the address %s', async (name, address, fits) => {
    const certified = await certificates([name]);
    const host = address.replace(/[[\]]/g, '');
    const server = await serve((received) => respond(received, 200), certified.server, 0, host);
    const http = client({ tls: { ca: certified.ca } });
    const where = `${address}:${server.port}`;
    // The second time on the session of the first.
    for (let n = 0; n < 2; n += 1) {
      const result = await http.post({ url: `https://${where}/`, ...MESSAGE });
      const words = `its certificate is for another name: "${name}"`;
      const detail = `no TLS connection to ${where}: ${words} (ERR_TLS_CERT_ALTNAME_INVALID)`;
      expect(result).toMatchObject(fits ? { status: 200 } : { failureClass: 'tls', detail });
      for (const socket of server.sockets) socket.destroy();
      await server.allClosed();
    }
    expect(server.requests).toHaveLength(fits ? 2 : 0);
    for (const { text } of server.requests) expect(text).toContain(`host: ${where}\r\n`);
    // A server name is a name, not an address.
    for (const socket of server.sockets) expect(socket).toHaveProperty('servername', false);
  });

  test('a self-signed certificate', async () => {
    const server = await serve((received) => respond(received, 200), {
      ...ACME.server,
      cert: ACME.ca,
      key: ACME.caKey,
    });
    const result = await client().post({ url: named(server.url), ...MESSAGE });
    expect(result).toMatchObject({ failureClass: 'tls', detail: expect.stringContaining('SELF_SIGNED') });
  });

  test('a server that speaks no TLS', async () => {
    const server = await serve(() => {});
    const posted = client().post({ url: named(server.url).replace('http:', 'https:'), ...MESSAGE });
    while (server.sockets.length === 0) await new Promise(setImmediate);
    server.sockets[0]?.write('HTTP/1.1 400 Bad Request\r\n\r\n');
    expect(await posted).toMatchObject({ kind: 'no_answer', failureClass: 'tls' });
  });

  test('nothing below TLS 1.2', async () => {
    const old = {
      ...ACME.server,
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    } as const;
    const server = await serve((received) => respond(received, 200), old);
    const result = await client({ tls: { ca: ACME.ca } }).post({ url: named(server.url), ...MESSAGE });
    expect(result).toMatchObject({ kind: 'no_answer', failureClass: 'tls' });
  });

  test('shows the client’s certificate where one is asked for', async () => {
    const strict = { ...ACME.server, ca: ACME.ca, requestCert: true, rejectUnauthorized: true };
    const server = await serve((received) => respond(received, 200), strict);
    const known = client({ tls: { ca: ACME.ca, ...ACME.client } });
    expect(await known.post({ url: named(server.url), ...MESSAGE })).toMatchObject({ status: 200 });
    const unknown = client({ tls: { ca: ACME.ca } });
    const result = await unknown.post({ url: named(server.url), ...MESSAGE });
    expect(result).toMatchObject({
      kind: 'no_answer',
      detail: expect.stringContaining('client certificate'),
    });
    expect(server.requests).toHaveLength(1);
  });

  test('minVersion 1.3 refuses a server that speaks 1.2 and nothing newer', async () => {
    const old = { ...ACME.server, maxVersion: 'TLSv1.2' } as const;
    const server = await serve((received) => respond(received, 200), old);
    const post = (minVersion: '1.2' | '1.3') =>
      client({ tls: { ca: ACME.ca, minVersion } }).post({ url: named(server.url), ...MESSAGE });
    expect(await post('1.3')).toMatchObject({ kind: 'no_answer', failureClass: 'tls' });
    expect(server.requests).toHaveLength(0);
    expect(await post('1.2')).toMatchObject({ status: 200 });
  });

  test('an encrypted key is used with its passphrase', async () => {
    const strict = { ...ACME.server, ca: ACME.ca, requestCert: true, rejectUnauthorized: true };
    const server = await serve((received) => respond(received, 200), strict);
    const key = encrypted(ACME.client.key, 'correct horse');
    const http = client({ tls: { ca: ACME.ca, cert: ACME.client.cert, key, passphrase: 'correct horse' } });
    expect(await http.post({ url: named(server.url), ...MESSAGE })).toMatchObject({ status: 200 });
  });

  test('settings that are no certificate are refused at once', () => {
    expect(() => client({ tls: { cert: 'x', key: 'y' } })).toThrow(
      expect.objectContaining({ code: 'TLS_SETTINGS_INVALID' }),
    );
  });
});
