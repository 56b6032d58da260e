import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { createLookup, guardSocket, refuseAddress } from '../../src/http/address-guard.ts';
import type { Lookup } from '../../src/http/share-questions.ts';
import { client, MESSAGE, serve } from './http-fixture.ts';
import { respond } from './scripted-server.ts';

type Addresses = { address: string; family: number }[];

function answering(...answers: Addresses[]): Lookup {
  let next = 0;
  return (_hostname, _options, callback) => {
    const addresses = answers[Math.min(next, answers.length - 1)] ?? [];
    next += 1;
    process.nextTick(callback, null, addresses);
  };
}

const PUBLIC = { address: '93.184.216.34', family: 4 };
const PRIVATE = { address: '10.1.2.3', family: 4 };
const PRIVATE_6 = { address: 'fd12::1', family: 6 };

function ask(lookup: ReturnType<typeof createLookup>, all: boolean): Promise<unknown> {
  return new Promise((resolve) => {
    lookup('returns.acme.example', { all }, (error, address, family) => {
      resolve(error ?? (all ? address : { address, family }));
    });
  });
}

describe('addresses in URLs', () => {
  test.each([
    ['http://127.0.0.1:PORT/', '127.0.0.1 is a loopback address (127.0.0.0/8)'],
    ['http://2130706433:PORT/', '127.0.0.1 is a loopback address'],
    ['http://0x7f.1:PORT/', '127.0.0.1 is a loopback address'],
    ['http://0177.0.0.1:PORT/', '127.0.0.1 is a loopback address'],
    ['http://127.0.0.1.:PORT/', '127.0.0.1 is a loopback address'],
    ['http://[::1]:PORT/', '::1 is a loopback address (::1/128)'],
    ['http://[::ffff:127.0.0.1]:PORT/', '::ffff:7f00:1 is a loopback address (127.0.0.0/8)'],
    ['http://169.254.169.254/latest', '169.254.169.254 is a cloud metadata address'],
    ['https://10.0.0.5/', '10.0.0.5 is a private address (10.0.0.0/8)'],
    // Every way of writing that the URL parser takes for an address.
    ['http://127.1:PORT/', '127.0.0.1 is a loopback address'],
    ['http://127.0.1:PORT/', '127.0.0.1 is a loopback address'],
    ['http://0x7f000001:PORT/', '127.0.0.1 is a loopback address'],
    ['http://0X7F.0x0.0.0x1:PORT/', '127.0.0.1 is a loopback address'],
    ['http://017700000001:PORT/', '127.0.0.1 is a loopback address'],
    ['http://0177.1:PORT/', '127.0.0.1 is a loopback address'],
    ['http://0x7f.1.:PORT/', '127.0.0.1 is a loopback address'],
    ['http://127.0.0.1:PORT/', '127.0.0.1 is a loopback address'],
    ['http://①②⑦.⓪.⓪.①:PORT/', '127.0.0.1 is a loopback address'],
    ['http://127。0。0.1:PORT/', '127.0.0.1 is a loopback address'],
    ['http://%31%32%37.0.0.1:PORT/', '127.0.0.1 is a loopback address'],
    ['http://1\u00ad27.0.0.1:PORT/', '127.0.0.1 is a loopback address'],
    ['http://0:PORT/', '0.0.0.0 is a "this network" address'],
    ['http://0x0:PORT/', '0.0.0.0 is a "this network" address'],
    ['http://2852039166/latest', '169.254.169.254 is a cloud metadata address'],
    ['http://0251.0376.0251.0376/latest', '169.254.169.254 is a cloud metadata address'],
    ['http://[fd00:ec2::254]/latest', 'fd00:ec2::254 is a cloud metadata address'],
    ['http://100.64.0.1/', '100.64.0.1 is a shared (carrier-grade NAT) address'],
    ['http://224.0.0.1/', '224.0.0.1 is a multicast address'],
    ['http://[ff02::1]/', 'ff02::1 is a multicast address'],
    ['http://[fe80::1]/', 'fe80::1 is a link-local address'],
    ['http://[0:0:0:0:0:0:0:1]:PORT/', '::1 is a loopback address'],
    ['http://[::]:PORT/', ':: is an unspecified address'],
    ['http://[::127.0.0.1]:PORT/', '::7f00:1 is an IPv4-compatible address'],
    ['http://[::ffff:7f00:1]:PORT/', '::ffff:7f00:1 is a loopback address'],
    ['http://[::ffff:0:127.0.0.1]:PORT/', 'is an IPv4-translated address'],
    ['http://[64:ff9b::10.0.0.1]/', '64:ff9b::a00:1 is a private address'],
    ['http://[64:ff9b:1::10.0.0.1]/', 'is a local-use NAT64 address'],
    ['http://[2002:7f00:1::]/', '2002:7f00:1:: is a 6to4 address'],
    ['http://[2001::7f00:1]/', '2001::7f00:1 is a Teredo address'],
    ['http://[2600:1900::5efe:10.0.0.1]/', 'is a private address'],
  ])('%s', async (url, sentence) => {
    const server = await serve((received) => respond(received, 200));
    const http = client({ allowPrivateNetwork: false });
    const result = await http.post({ url: url.replace('PORT', String(server.port)), ...MESSAGE });
    expect(result).toMatchObject({ kind: 'unsent', failureClass: 'address' });
    expect(result).toMatchObject({ detail: expect.stringContaining(sentence) });
    expect(server.sockets).toHaveLength(0);
  });
});

test.each(['http://[fe80::1%25lo]/', 'http://[fe80::1%lo]/', 'http://127.0.0.1.1/', 'http://0x100000000/'])(
  'what the URL parser takes for no address is not sent to: %s',
  async (url) => {
    const http = client({ allowPrivateNetwork: true });
    await expect(http.post({ url, ...MESSAGE })).rejects.toMatchObject({ code: 'HTTP_REQUEST_INVALID' });
  },
);

describe('names', () => {
  test.each([
    '127.0.0.1',
    '0.0.0.0',
    '169.254.169.254',
    '100.64.0.1',
    '::1',
    '::',
    'fe80::1%lo',
    'fd00:ec2::254',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '64:ff9b::7f00:1',
    '2600:1900::5efe:7f00:1',
    // What no resolver should answer.
    '0177.0.0.1',
    '2130706433',
    '',
  ])('that resolve to %j are not connected to', async (address) => {
    const lookup = answering([{ address, family: address.includes(':') ? 6 : 4 }]);
    const http = client({ allowPrivateNetwork: false, lookup });
    const result = await http.post({ url: 'http://returns.acme.example:9/', ...MESSAGE });
    expect(result).toMatchObject({ kind: 'unsent', failureClass: 'address' });
  });

  test.each(['localhost', 'localhost.', 'LOCALHOST', 'api.localhost'])('%s is loopback', async (host) => {
    const lookup = answering([{ address: '127.0.0.1', family: 4 }]);
    const http = client({ allowPrivateNetwork: false, lookup });
    const result = await http.post({ url: `http://${host}:9/`, ...MESSAGE });
    expect(result).toMatchObject({ kind: 'unsent', failureClass: 'address' });
  });

  test('that resolve to private addresses are not connected to', async () => {
    const server = await serve((received) => respond(received, 200));
    const loopback = [{ address: '127.0.0.1', family: 4 }];
    for (const protocol of ['http', 'https']) {
      const http = client({ allowPrivateNetwork: false, lookup: answering(loopback) });
      const url = `${protocol}://returns.acme.example:${server.port}/x`;
      const detail =
        'returns.acme.example resolves to 127.0.0.1, which is a loopback address (127.0.0.0/8): ' +
        'not connected to without allowPrivateNetwork: true';
      for (let n = 0; n < 3; n += 1) {
        expect(await http.post({ url, ...MESSAGE })).toEqual({
          kind: 'unsent',
          failureClass: 'address',
          detail,
        });
      }
    }
    expect(server.sockets).toHaveLength(0);
  });

  test('localhost is one of them', async () => {
    const result = await client({ allowPrivateNetwork: false }).post({
      url: 'http://localhost:9/',
      ...MESSAGE,
    });
    expect(result).toMatchObject({ kind: 'unsent', failureClass: 'address' });
  });

  test('that resolve to both kinds are connected to at the allowed one', async () => {
    const mixed = answering([PRIVATE, PUBLIC, PRIVATE_6]);
    expect(await ask(createLookup(mixed, refuseAddress), true)).toEqual([PUBLIC]);
    expect(await ask(createLookup(mixed, refuseAddress), false)).toEqual(PUBLIC);
  });

  test('that resolve to something else later are judged by each answer', async () => {
    const lookup = createLookup(answering([PUBLIC], [PRIVATE]), refuseAddress);
    expect(await ask(lookup, true)).toEqual([PUBLIC]);
    expect(await ask(lookup, true)).toMatchObject({ code: 'ADDRESS_REFUSED' });
    expect(await ask(lookup, false)).toMatchObject({ code: 'ADDRESS_REFUSED' });
  });

  test('without an address are not found', async () => {
    expect(await ask(createLookup(answering([]), refuseAddress), true)).toMatchObject({ code: 'ENOTFOUND' });
  });

  test('that are allowed to be private are delivered to', async () => {
    const server = await serve((received) => respond(received, 200));
    const loopback = [{ address: '127.0.0.1', family: 4 }];
    const http = client({ lookup: answering(loopback) });
    const url = `http://returns.acme.example:${server.port}/x`;
    expect(await http.post({ url, ...MESSAGE })).toMatchObject({ status: 200 });
    expect(server.requests[0]?.text).toContain(`host: returns.acme.example:${server.port}\r\n`);
  });
});

test('a socket that is connected to a private address all the same is closed before anything is sent', async () => {
  const server = await serve(() => {});
  const socket = connect(server.port, '127.0.0.1');
  let handedOver = false;
  socket.on('connect', () => {
    handedOver = !socket.destroyed;
  });
  guardSocket(socket, 'returns.acme.example');
  const [error] = await once(socket, 'error');
  expect(error).toMatchObject({ code: 'ADDRESS_REFUSED' });
  expect(handedOver).toBe(false);
});

test('a TLS socket that is connected to one is closed before a byte of its handshake is sent', async () => {
  let received = 0;
  const server = createServer((socket) => {
    socket.on('data', (bytes) => {
      received += bytes.length;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const arrived = once(server, 'connection');
  const socket = tlsConnect({ port, host: '127.0.0.1', servername: 'returns.acme.example' });
  guardSocket(socket, 'returns.acme.example');
  const [error] = await once(socket, 'error');
  expect(error).toMatchObject({ code: 'ADDRESS_REFUSED' });
  const [other] = (await arrived) as [Socket];
  if (!other.closed) await once(other, 'close');
  server.close();
  expect(received).toBe(0);
});

test('every connection asks anew what its name resolves to', async () => {
  const server = await serve((received) => respond(received, 200, '', ['connection: close']));
  let asked = 0;
  const lookup: Lookup = (_hostname, _options, callback) => {
    asked += 1;
    process.nextTick(callback, null, [{ address: '127.0.0.1', family: 4 }]);
  };
  const http = client({ lookup });
  for (const n of [1, 2, 3]) {
    const url = `http://returns.acme.example:${server.port}/`;
    expect(await http.post({ url, ...MESSAGE })).toMatchObject({ status: 200 });
    expect(asked).toBe(n);
  }
});
