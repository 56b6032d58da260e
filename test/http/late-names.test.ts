import { describe, expect, test } from 'vitest';
import type { Lookup } from '../../src/http/share-questions.ts';
import { client, MESSAGE, serve } from './http-fixture.ts';
import { type Received, respond } from './scripted-server.ts';

type Found = Parameters<Lookup>[2];

/** Answers once by itself; further questions wait for the test. */
function lateAfterTheFirst(first = '127.0.0.1') {
  const waiting: Found[] = [];
  let asked = 0;
  const lookup: Lookup = (_hostname, _options, found) => {
    asked += 1;
    if (asked === 1) process.nextTick(found, null, [{ address: first, family: 4 }]);
    else waiting.push(found);
  };
  return { lookup, waiting };
}

/** The connection is closed after each answer, so that each request opens one. */
function once200(received: Received): void {
  respond(received, 200, '', ['connection: close']);
}

describe('a resolver that has become slow', () => {
  test('leaves the address as it was found last, and one question open', async () => {
    const server = await serve(once200);
    const { lookup, waiting } = lateAfterTheFirst();
    const http = client({ lookup, timeoutMs: 60_000 });
    const url = `http://returns.acme.example:${server.port}/x`;
    for (let n = 1; n <= 4; n += 1) {
      expect(await http.post({ url, ...MESSAGE })).toMatchObject({ status: 200 });
    }
    expect(server.requests).toHaveLength(4);
    expect(waiting).toHaveLength(1);
  });

  test('is followed as soon as it answers', async () => {
    const old = await serve(once200);
    const moved = await serve((received) => respond(received, 201), undefined, old.port, '127.0.0.2');
    const { lookup, waiting } = lateAfterTheFirst();
    const http = client({ lookup, timeoutMs: 60_000 });
    const post = () => http.post({ url: `http://returns.acme.example:${old.port}/x`, ...MESSAGE });
    expect(await post()).toMatchObject({ status: 200 });
    expect(await post()).toMatchObject({ status: 200 });
    waiting[0]?.(null, [{ address: '127.0.0.9', family: 4 }]);
    const posted = post();
    while (waiting.length < 2) await new Promise(setImmediate);
    waiting[1]?.(null, [{ address: '127.0.0.2', family: 4 }]);
    expect(await posted).toMatchObject({ status: 201 });
    expect(moved.requests).toHaveLength(1);
  });

  test('that says at last that there is no such name is believed', async () => {
    const server = await serve(once200);
    const { lookup, waiting } = lateAfterTheFirst();
    const http = client({ lookup });
    const url = `http://returns.acme.example:${server.port}/x`;
    const post = (timeoutMs = 60_000) => http.post({ url, ...MESSAGE, timeoutMs });
    expect(await post()).toMatchObject({ status: 200 });
    expect(await post()).toMatchObject({ status: 200 });
    waiting[0]?.(Object.assign(new Error('none'), { code: 'ENOTFOUND' }), []);
    expect(await post(2_000)).toMatchObject({ failureClass: 'timeout' });
    expect(server.requests).toHaveLength(2);
  });

  test('does not get a private address past the guard', async () => {
    const server = await serve(once200);
    const { lookup } = lateAfterTheFirst();
    const http = client({ lookup, allowPrivateNetwork: false, timeoutMs: 60_000 });
    const url = `http://returns.acme.example:${server.port}/x`;
    for (let n = 0; n < 3; n += 1) {
      expect(await http.post({ url, ...MESSAGE })).toMatchObject({ kind: 'unsent', failureClass: 'address' });
    }
    expect(server.sockets).toHaveLength(0);
  });
});
