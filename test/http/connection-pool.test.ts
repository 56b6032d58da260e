import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import type { HttpRequest } from '../../src/http/exchange.ts';
import type { Lookup } from '../../src/http/share-questions.ts';
import { blackHole } from './black-hole.ts';
import { client, MESSAGE, opened, serve } from './http-fixture.ts';
import { respond } from './scripted-server.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const DELIVERED = { kind: 'answer', status: 200, body: '' };

/** Passes the time by the clock that connections are aged by. */
async function pass(ms: number): Promise<void> {
  const end = performance.now() + ms;
  while (performance.now() < end) await new Promise(setImmediate);
}

/** Resolves to the addresses that it holds. */
function resolver(addresses: string[]): Lookup {
  return (_hostname, _options, found) =>
    process.nextTick(
      found,
      null,
      addresses.map((address) => ({ address, family: 4 })),
    );
}

describe('a connection', () => {
  test('is used until it is too old, and then for nothing more', async () => {
    const server = await serve((received) => respond(received, 200));
    const http = client({ connectionMaxAgeMs: 2_000 });
    const post = () => http.post({ url: server.url, ...MESSAGE });
    const [first, second] = [await post(), await post()];
    expect([first, second]).toEqual([DELIVERED, DELIVERED]);
    expect(server.sockets).toHaveLength(1);
    await pass(2_000);
    expect(await post()).toEqual(DELIVERED);
    expect(server.sockets).toHaveLength(2);
  });

  test('that was never idle is left as well, once its name has moved', async () => {
    const old = await serve((received) => respond(received, 503));
    const moved = await serve((received) => respond(received, 200), undefined, old.port, '127.0.0.2');
    const addresses = ['127.0.0.1'];
    const http = client({ connections: 1, connectionMaxAgeMs: 100, lookup: resolver(addresses) });
    const post = () => http.post({ url: `http://acme.example:${old.port}/`, ...MESSAGE });
    expect(await post()).toMatchObject({ status: 503 });
    addresses[0] = '127.0.0.2';
    while (moved.requests.length === 0) await post();
    await old.allClosed();
    expect(await post()).toEqual(DELIVERED);
  });

  test('is the one that was used last, so that spare ones close', async () => {
    const server = await serve((received) => {
      const { requests } = server;
      if (requests.length > 3) respond(received, 200);
      else if (requests.length === 3) for (const one of requests) respond(one, 200);
    });
    const http = client();
    const post = () => http.post({ url: server.url, ...MESSAGE });
    await Promise.all([post(), post(), post()]);
    for (let n = 0; n < 5; n += 1) expect(await post()).toEqual(DELIVERED);
    expect(server.sockets).toHaveLength(3);
    expect(new Set(server.requests.slice(3).map(({ socket }) => socket)).size).toBe(1);
  });

  test('that is idle holds on to nothing of the request that it carried', async () => {
    const server = await serve((received) => respond(received, 200));
    const http = client();
    const carry = async () => {
      const request: HttpRequest = { ...MESSAGE, url: server.url, headers: [...MESSAGE.headers] };
      await http.post(request);
      return new WeakRef(request.headers);
    };
    const carried = await carry();
    // What was looked at through it is kept until the present turn is over.
    for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
    collectGarbage();
    expect(carried.deref()).toBeUndefined();
    expect(server.sockets[0]?.closed).toBe(false);
  });
});

test('the address that answered last is tried first', async () => {
  const server = await serve((received) => respond(received, 200, '', ['connection: close']));
  opened.push(await blackHole('127.0.0.9', server.port));
  const http = client({ lookup: resolver(['127.0.0.9', '127.0.0.1']) });
  const post = async () => {
    const started = performance.now();
    expect(await http.post({ url: `http://acme.example:${server.port}/`, ...MESSAGE })).toEqual(DELIVERED);
    return performance.now() - started;
  };
  // Each address has two seconds to connect.
  expect(await post()).toBeGreaterThan(1_900);
  expect(await post()).toBeLessThan(1_900);
});
