import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { client, MESSAGE, serve } from './http-fixture.ts';
import { type Received, respond } from './scripted-server.ts';

async function postTo(answer: (received: Received) => void, timeoutMs = 5_000) {
  const server = await serve(answer);
  const result = await client({ timeoutMs }).post({ url: server.url, ...MESSAGE });
  return { server, result, where: `127.0.0.1:${server.port}` };
}

describe('no status', () => {
  test('refused', async () => {
    const server = await serve(() => {});
    await server.close();
    const result = await client().post({ url: server.url, ...MESSAGE });
    const detail = `no connection to 127.0.0.1:${server.port} (ECONNREFUSED)`;
    expect(result).toEqual({ kind: 'no_answer', failureClass: 'refused', detail });
  });

  test.each([
    ['reset', (received: Received) => received.reset()],
    ['closed', ({ socket }: Received) => socket.end()],
    [
      'closed in the middle of the headers',
      ({ socket }: Received) => socket.end('HTTP/1.1 200 OK\r\ncontent-'),
    ],
  ])('%s on a new connection: exactly one request', async (_name, answer) => {
    const { server, result, where } = await postTo(answer);
    expect(result).toMatchObject({ kind: 'no_answer', failureClass: 'reset' });
    expect(result).toMatchObject({ detail: expect.stringContaining(`${where} closed the connection`) });
    expect(server.requests).toHaveLength(1);
  });

  test.each([
    ['garbage', 'SSH-2.0-OpenSSH_9.2p1\r\n'],
    ['another version of HTTP', 'HTTP/7.3 200 OK\r\n\r\n'],
    ['a status below 100', 'HTTP/1.1 042 What\r\ncontent-length: 0\r\n\r\n'],
    ['an upgrade nobody asked for', 'HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: tls\r\n\r\n'],
    ['an invalid header', 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\nbad header\r\n\r\n'],
    ['headers beyond 64 KiB', `HTTP/1.1 200 OK\r\nx-long: ${'x'.repeat(65_536)}\r\n\r\n`],
  ])('%s is not HTTP', async (_name, bytes) => {
    const { server, result } = await postTo(({ socket }) => socket.write(bytes));
    expect(result).toMatchObject({ kind: 'no_answer', failureClass: 'not_http' });
    await server.allClosed();
    expect(server.requests).toHaveLength(1);
  });

  test('a status that no answer to a POST has is named', async () => {
    const { result, where } = await postTo(({ socket }) => socket.write('HTTP/1.1 101 Switching\r\n\r\n'));
    const detail = `${where} answered, but not in HTTP/1.1: status 101`;
    expect(result).toEqual({ kind: 'no_answer', failureClass: 'not_http', detail });
  });

  test('no answer within the time', async () => {
    const server = await serve((received) => {
      if (received.number === 1) respond(received, 200);
    });
    const http = client();
    // The connection stands: what is waited for is the answer, however slow connecting is.
    await http.post({ url: server.url, ...MESSAGE });
    const result = await http.post({ url: server.url, ...MESSAGE, timeoutMs: 80 });
    const detail = `no answer from 127.0.0.1:${server.port} within 80 ms`;
    expect(result).toEqual({ kind: 'no_answer', failureClass: 'timeout', detail });
    await server.allClosed();
  });

  test('headers that come byte by byte', async () => {
    const { server, result } = await postTo(async ({ socket }) => {
      socket.write('HTTP/1.1 200 OK\r\nx-slow: ');
      while (!socket.destroyed) {
        socket.write('x');
        await setImmediate();
      }
    }, 80);
    expect(result).toMatchObject({ failureClass: 'timeout' });
    await server.allClosed();
  });

  test('endless informational responses', async () => {
    const { server, result } = await postTo(async ({ socket }) => {
      while (!socket.destroyed) {
        socket.write('HTTP/1.1 102 Processing\r\n\r\n');
        await setImmediate();
      }
    }, 80);
    expect(result).toMatchObject({ failureClass: 'timeout' });
    await server.allClosed();
  });

  test('a connect that takes too long', async () => {
    // The name is never resolved, so the socket stays in connecting.
    const http = client({ timeoutMs: 50, lookup: () => {} });
    const result = await http.post({ url: 'http://returns.acme.example/x', ...MESSAGE });
    const detail = 'no connection to returns.acme.example:80 within 50 ms';
    expect(result).toEqual({ kind: 'no_answer', failureClass: 'timeout', detail });
  });

  test.each(['ENOTFOUND', 'EAI_AGAIN'])('the name is not resolved: %s', async (code) => {
    const asked: string[] = [];
    const http = client({
      lookup: (hostname, _options, callback) => {
        asked.push(hostname);
        process.nextTick(callback, Object.assign(new Error('lookup failed'), { code }), []);
      },
    });
    const post = () => http.post({ url: 'https://returns.acme.example/x', ...MESSAGE });
    const detail = `the name in returns.acme.example:443 could not be resolved (${code})`;
    for (const result of await Promise.all([post(), post(), post()])) {
      expect(result).toEqual({ kind: 'no_answer', failureClass: 'dns', detail });
    }
    expect(asked).toHaveLength(1);
  });

  test('a request that cannot be written is the caller’s mistake', async () => {
    const post = (url: string, headers: string[]) => client().post({ url, headers, body: '{}' });
    const code = 'HTTP_REQUEST_INVALID';
    await expect(post('http://127.0.0.1:9/x', ['x-key', 'a\nb'])).rejects.toMatchObject({ code });
    await expect(post('ftp://acme.example/', [])).rejects.toMatchObject({ code });
    await expect(post('acme', [])).rejects.toMatchObject({ code });
  });

  test('gives nothing of the request away', async () => {
    for (const bytes of ['garbage', '']) {
      const { result } = await postTo(({ socket }) => socket.end(bytes));
      expect(JSON.stringify(result)).not.toContain('secret');
    }
  });
});
