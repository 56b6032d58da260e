import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { type DnsAnswer, type DnsServer, startDnsServer } from './dns-server.ts';
import { client, MESSAGE, opened, serve } from './http-fixture.ts';
import { respond } from './scripted-server.ts';

const LOOPBACK = ['127.0.0.1'];

async function nameServer(...answers: readonly DnsAnswer[]): Promise<DnsServer> {
  const server = await startDnsServer((question) => answers[question - 1] ?? answers.at(-1) ?? 'silence');
  opened.push(server);
  return server;
}

describe('a name', () => {
  test.each([
    ['NXDOMAIN', 'ENOTFOUND'],
    ['SERVFAIL', 'ESERVFAIL'],
    ['REFUSED', 'EREFUSED'],
    ['garbage', 'EBADRESP'],
    ['silence', 'ETIMEOUT'],
  ] as const)(
    'that is answered with %s fails, and is asked for again at the next attempt',
    async (answer, code) => {
      const server = await serve((received) => respond(received, 200));
      const dns = await nameServer(answer, LOOPBACK);
      const http = client({ lookup: dns.lookup });
      const url = `http://returns.acme.example:${server.port}/x`;
      const detail = `the name in returns.acme.example:${server.port} could not be resolved (${code})`;
      expect(await http.post({ url, ...MESSAGE })).toEqual({
        kind: 'no_answer',
        failureClass: 'dns',
        detail,
      });
      expect(await http.post({ url, ...MESSAGE })).toMatchObject({ status: 200 });
      expect(dns.asked).toEqual(['returns.acme.example', 'returns.acme.example']);
    },
  );

  test('that has no address', async () => {
    const dns = await nameServer([]);
    const result = await client({ lookup: dns.lookup }).post({ url: 'https://acme.example/x', ...MESSAGE });
    expect(result).toMatchObject({ kind: 'no_answer', failureClass: 'dns' });
  });

  test('that is not answered by the deadline', async () => {
    const dns = await nameServer('silence');
    const http = client({ lookup: dns.lookup, timeoutMs: 30 });
    const detail = 'no connection to acme.example:443 within 30 ms';
    const result = await http.post({ url: 'https://acme.example/x', ...MESSAGE });
    expect(result).toEqual({ kind: 'no_answer', failureClass: 'timeout', detail });
  });

  test('that moves is followed by the next connection, and by none before', async () => {
    const old = await serve((received) => respond(received, 200));
    const moved = await serve((received) => respond(received, 201), undefined, old.port, '127.0.0.2');
    const dns = await nameServer(LOOPBACK, ['127.0.0.2']);
    const http = client({ lookup: dns.lookup });
    const post = () => http.post({ url: `http://returns.acme.example:${old.port}/x`, ...MESSAGE });
    expect(await post()).toMatchObject({ status: 200 });
    expect(await post()).toMatchObject({ status: 200 });
    const socket = old.sockets[0] as Socket;
    socket.destroy();
    await once(socket, 'close');
    expect(await post()).toMatchObject({ status: 201 });
    expect(old.requests).toHaveLength(2);
    expect(moved.requests).toHaveLength(1);
    expect(dns.asked).toHaveLength(2);
  });

  test('that moves while a kept connection is closed under a request: the free resend follows it', async () => {
    const old = await serve((received) => {
      if (received.number === 1) respond(received, 200);
      else received.socket.destroy();
    });
    const moved = await serve((received) => respond(received, 201), undefined, old.port, '127.0.0.2');
    const http = client({ lookup: (await nameServer(LOOPBACK, ['127.0.0.2'])).lookup });
    const post = () => http.post({ url: `http://returns.acme.example:${old.port}/x`, ...MESSAGE });
    expect(await post()).toMatchObject({ status: 200 });
    expect(await post()).toMatchObject({ status: 201 });
    expect(moved.requests).toHaveLength(1);
  });
});

describe('a name that leads to where it must not', () => {
  test.each([
    ['at once', [LOOPBACK]],
    ['the second time', ['NXDOMAIN', LOOPBACK]],
    ['among several, all of them private', [['10.0.0.1', '127.0.0.1', '169.254.169.254']]],
  ] as const)('%s: nothing is connected to', async (_name, answers) => {
    const server = await serve((received) => respond(received, 200));
    const dns = await nameServer(...answers);
    const http = client({ lookup: dns.lookup, allowPrivateNetwork: false });
    const url = `http://returns.acme.example:${server.port}/x`;
    for (let n = 1; n < answers.length; n += 1) {
      expect(await http.post({ url, ...MESSAGE })).toMatchObject({ failureClass: 'dns' });
    }
    for (let n = 0; n < 3; n += 1) {
      expect(await http.post({ url, ...MESSAGE })).toMatchObject({ kind: 'unsent', failureClass: 'address' });
    }
    expect(server.sockets).toHaveLength(0);
    expect(dns.asked).toHaveLength(answers.length + 2);
  });
});
