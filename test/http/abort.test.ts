import { describe, expect, test } from 'vitest';
import { CallOff } from '../../src/core/call-off.ts';
import { client, MESSAGE, serve } from './http-fixture.ts';
import { respond } from './scripted-server.ts';

const ABORTED = { kind: 'aborted' };
/** It was written, and may have arrived. */
const CALLED_OFF = { ...ABORTED, repeats: ['called_off'] };

describe('a request that is called off', () => {
  test('before it is sent', async () => {
    const server = await serve((received) => respond(received, 200));
    const result = await client().post({ url: server.url, ...MESSAGE }, AbortSignal.abort());
    expect(result).toEqual(ABORTED);
    expect(server.sockets).toHaveLength(0);
  });

  test('with all others of the same signal, without a warning, and their connections are closed', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on('warning', onWarning);
    const abort = new AbortController();
    const server = await serve((received) => {
      if (received.number === 50) abort.abort();
    });
    const http = client({ connections: 50 });
    const posts = Array.from({ length: 60 }, () => http.post({ url: server.url, ...MESSAGE }, abort.signal));
    const expected = [...Array(50).fill(CALLED_OFF), ...Array(10).fill(ABORTED)];
    expect(await Promise.all(posts)).toEqual(expected);
    await server.allClosed();
    expect(server.requests).toHaveLength(50);
    await new Promise(setImmediate);
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });

  test('leaves those of other signals alone', async () => {
    const abort = new AbortController();
    const server = await serve((received) => {
      if (received.number !== 2) return;
      abort.abort();
      for (const request of server.requests) respond(request, 200);
    });
    const http = client();
    const results = await Promise.all([
      http.post({ url: server.url, ...MESSAGE }, abort.signal),
      http.post({ url: server.url, ...MESSAGE }, new AbortController().signal),
    ]);
    expect(results).toEqual([CALLED_OFF, { kind: 'answer', status: 200, body: '' }]);
  });

  test('while it is connecting', async () => {
    const abort = new AbortController();
    const http = client({ lookup: () => queueMicrotask(() => abort.abort()) });
    expect(await http.post({ url: 'https://acme.example/x', ...MESSAGE }, abort.signal)).toEqual(ABORTED);
  });

  test('without a word, once it is connected: nothing is written', async () => {
    const server = await serve((received) => respond(received, 200));
    let mayGoOn = true;
    const http = client({
      lookup: (_hostname, _options, answer) => {
        mayGoOn = false;
        process.nextTick(answer, null, [{ address: '127.0.0.1', family: 4 }]);
      },
    });
    const url = server.url.replace('127.0.0.1', 'localhost');
    expect(await http.post({ url, ...MESSAGE }, new CallOff(() => mayGoOn))).toEqual(ABORTED);
    await server.allClosed();
    expect(server.requests).toEqual([]);
  });

  test('after its status: the status stands', async () => {
    const abort = new AbortController();
    const server = await serve(({ socket }) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab');
    });
    const http = client();
    const posted = http.post({ url: server.url, ...MESSAGE, keepBodyBytes: 10 }, abort.signal);
    while ((server.sockets[0]?.bytesWritten ?? 0) === 0) await new Promise(setImmediate);
    // The client runs in this process: some turns later it has read what was written.
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    abort.abort();
    expect(await posted).toMatchObject({ status: 200, body: 'ab', whole: { complete: false } });
  });

  test('when the client is closed, and nothing is sent afterwards', async () => {
    const server = await serve(() => void http.close());
    const http = client({ connections: 1 });
    const posts = [1, 2].map(() => http.post({ url: server.url, ...MESSAGE }));
    expect(await Promise.all(posts)).toEqual([CALLED_OFF, ABORTED]);
    expect(await http.post({ url: server.url, ...MESSAGE })).toEqual(ABORTED);
    await server.allClosed();
    expect(server.requests).toHaveLength(1);
  });
});
