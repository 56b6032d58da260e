import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { createLookup, guardSocket, type Lookup, refuseAddress } from '../../src/http/address-guard.ts';
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
  ])('%s', async (url, sentence) => {
    const server = await serve((received) => respond(received, 200));
    const http = client({ allowPrivateNetwork: false });
    const result = await http.post({ url: url.replace('PORT', String(server.port)), ...MESSAGE });
    expect(result).toMatchObject({ kind: 'unsent', failureClass: 'address' });
    expect(result).toMatchObject({ detail: expect.stringContaining(sentence) });
    expect(server.sockets).toHaveLength(0);
  });
});

describe('names', () => {
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

  test('that resolve to both are connected to where it is allowed', async () => {
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
