import { constants } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer, type SecureVersion, type TlsOptions } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { certificates } from './certificates.ts';
import { client, MESSAGE, opened, serve, serveRaw } from './http-fixture.ts';
import { respond } from './scripted-server.ts';

const ACME = await certificates();
/** Offers what OpenSSL has long ceased to offer by itself. */
const ANY_CIPHER = 'DEFAULT@SECLEVEL=0';

const secure = (url: string): string => url.replace('http:', 'https:').replace('127.0.0.1', 'localhost');

describe('a handshake', () => {
  test.each([
    ['that is never answered', () => {}],
    ['that stops in the first record', (socket: Socket) => socket.write(record(122))],
    ['that comes byte by byte', (socket: Socket) => dripRecord(socket)],
  ])('%s ends at the deadline', async (_name, answer) => {
    const server = await serveRaw((socket) => socket.once('data', () => answer(socket)));
    const result = await client({ timeoutMs: 2_000 }).post({ url: secure(server.url), ...MESSAGE });
    const detail = `no end of the TLS handshake with localhost:${server.port} within 2000 ms`;
    expect(result).toEqual({ kind: 'no_answer', failureClass: 'timeout', detail });
    await until(async () => server.sockets.length === 1);
    await server.allClosed();
  });

  test.each([
    ['reset', (socket: Socket) => socket.resetAndDestroy()],
    ['closed', (socket: Socket) => socket.destroy()],
    ['half closed', (socket: Socket) => socket.end()],
  ])('that is %s: no second connection', async (_name, end) => {
    const server = await serveRaw((socket) => socket.once('data', () => end(socket)));
    const result = await client().post({ url: secure(server.url), ...MESSAGE });
    const detail = `localhost:${server.port} closed the connection during the TLS handshake`;
    expect(result).toMatchObject({ kind: 'no_answer', failureClass: 'reset' });
    expect(result).toMatchObject({ detail: expect.stringContaining(detail) });
    expect(server.sockets).toHaveLength(1);
    await server.allClosed();
  });

  test.each([
    ['HTTP without TLS', 'HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n'],
    ['garbage', 'garbage, garbage'],
    ['NUL bytes', '\0'.repeat(1_000)],
    ['an alert', Buffer.from('15030300020228', 'hex')],
  ])('that is answered with %s', async (_name, bytes) => {
    const server = await serveRaw((socket) => socket.once('data', () => socket.write(bytes)));
    const result = await client().post({ url: secure(server.url), ...MESSAGE });
    expect(result).toMatchObject({ kind: 'no_answer', failureClass: 'tls' });
    expect(server.sockets).toHaveLength(1);
    await server.allClosed();
  });
});

describe('a server', () => {
  const versions: readonly SecureVersion[] = ['TLSv1', 'TLSv1.1', 'TLSv1.2'];

  test.each(versions)('that speaks %s and nothing newer', async (version) => {
    const only = { ...ACME.server, minVersion: version, maxVersion: version, ciphers: ANY_CIPHER } as const;
    const server = await serve((received) => respond(received, 200), only);
    expect(await spokenTo(server.port, version)).toBe(version);
    const result = await client({ tls: { ca: ACME.ca } }).post({ url: secure(server.url), ...MESSAGE });
    expect(result).toMatchObject(
      version === 'TLSv1.2' ? { status: 200 } : { kind: 'no_answer', failureClass: 'tls' },
    );
    expect(server.requests).toHaveLength(version === 'TLSv1.2' ? 1 : 0);
  });

  test('that speaks HTTP/2 and nothing else', async () => {
    const options: TlsOptions = { ...ACME.server, ALPNProtocols: ['h2'] };
    const server = await serve((received) => respond(received, 200), options);
    const result = await client({ tls: { ca: ACME.ca } }).post({ url: secure(server.url), ...MESSAGE });
    expect(result).toMatchObject({ kind: 'no_answer', failureClass: 'tls' });
    expect(server.requests).toHaveLength(0);
  });

  test('whose certificate is replaced by a bad one fails from its next connection on', async () => {
    const bogus = await certificates();
    const good = await serve((received) => respond(received, 200), ACME.server);
    const http = client({ tls: { ca: ACME.ca } });
    const url = secure(good.url);
    expect(await http.post({ url, ...MESSAGE })).toMatchObject({ status: 200 });
    await good.close();
    const bad = await serve((received) => respond(received, 200), bogus.server, good.port);
    for (let n = 0; n < 3; n += 1) {
      expect(await http.post({ url, ...MESSAGE })).toMatchObject({ failureClass: 'tls' });
    }
    expect(bad.requests).toHaveLength(0);
  });
});

test('a session that the server cannot take up again is not offered to it twice', async () => {
  // As servers do that share a name and not their keys, or that ask for certificates and keep no sessions apart.
  const server = createServer({
    ...ACME.server,
    maxVersion: 'TLSv1.2',
    secureOptions: constants.SSL_OP_NO_TICKET,
  });
  const sessions: string[] = [];
  let offered = 0;
  server.on('newSession', (id: Buffer, _data, done) => {
    sessions.push(id.toString('hex'));
    done();
  });
  server.on('resumeSession', (id: Buffer, done) => {
    const isKnown = sessions.includes(id.toString('hex'));
    if (isKnown) offered += 1;
    done(isKnown ? new Error('not that one') : null, null);
  });
  server.on('tlsClientError', () => {});
  server.on('secureConnection', (socket) => {
    const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n';
    socket.on('error', () => {}).once('data', () => socket.end(answer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push({ close: async () => void (await once(server.close(), 'close')) });
  const http = client({ tls: { ca: ACME.ca } });
  const url = `https://localhost:${(server.address() as AddressInfo).port}/`;
  expect(await http.post({ url, ...MESSAGE })).toMatchObject({ status: 200 });
  expect(await http.post({ url, ...MESSAGE })).toMatchObject({ failureClass: 'reset' });
  expect(await http.post({ url, ...MESSAGE })).toMatchObject({ status: 200 });
  expect(offered).toBe(1);
});

/** The start of a handshake record that announces so many bytes. */
function record(length: number): Buffer {
  return Buffer.from([0x16, 0x03, 0x03, length >> 8, length & 0xff, 0x02]);
}

/** So slowly that the record is never whole while anyone waits for it: 16,000 bytes take over a minute. */
function dripRecord(socket: Socket): void {
  socket.write(record(16_000));
  const dripping = setInterval(() => socket.write('\0'), 5);
  socket.once('close', () => clearInterval(dripping));
}

/** The version that a client without scruples comes to with the server: so it can be spoken to. */
async function spokenTo(port: number, version: SecureVersion): Promise<string | null> {
  const named = { port, host: '127.0.0.1', servername: 'localhost', ca: ACME.ca };
  const socket = connect({ ...named, minVersion: version, ciphers: ANY_CIPHER });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  const protocol = socket.getProtocol();
  socket.destroy();
  await once(socket, 'close');
  return protocol;
}
