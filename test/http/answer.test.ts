import { setImmediate } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { isWebPage } from '../../src/http/read-answer.ts';
import { client, MESSAGE, serve } from './http-fixture.ts';
import { respond } from './scripted-server.ts';

/** A small part of what a second would let through. */
const MOST_WRITTEN = 64 * 1_048_576;

describe('an answer', () => {
  test('sends headers and body as they are', async () => {
    const server = await serve((received) => respond(received, 200));
    await client().post({ url: server.url, ...MESSAGE });
    const [head, body] = server.requests[0]?.text.split('\r\n\r\n') ?? [];
    expect(head).toContain('POST /dispositions?key=query-secret HTTP/1.1');
    expect(head).toContain(`host: 127.0.0.1:${server.port}`);
    expect(head).toContain('authorization: Bearer header-secret');
    expect(head?.match(/content-type/gi)).toHaveLength(1);
    expect(body).toBe(MESSAGE.body);
  });

  test.each([200, 201, 204, 299])('of %i is known without its body', async (status) => {
    const server = await serve((received) =>
      respond(received, status, status === 204 ? '' : '{"message":"Success"}'),
    );
    expect(await client().post({ url: server.url, ...MESSAGE })).toEqual({
      kind: 'answer',
      status,
      body: '',
    });
  });

  test.each([302, 400, 401, 422, 500, 503])('of %i comes with its body', async (status) => {
    const server = await serve((received) =>
      respond(received, status, '{"message":"Nö"}', ['location: /else']),
    );
    const result = await client().post({ url: server.url, ...MESSAGE });
    const location = status === 302 ? { location: '/else' } : {};
    expect(result).toEqual({ kind: 'answer', status, body: '{"message":"Nö"}', ...location });
    expect(server.requests).toHaveLength(1);
  });

  test('hands Retry-After on as it came', async () => {
    const server = await serve((received) =>
      respond(received, 503, '', ['Retry-After: Fri, 31 Dec 2027 23:59:59 GMT']),
    );
    const result = await client().post({ url: server.url, ...MESSAGE });
    expect(result).toMatchObject({ status: 503, retryAfter: 'Fri, 31 Dec 2027 23:59:59 GMT' });
  });

  test('keeps 2 KiB of a body, cut between two characters, and the connection', async () => {
    const server = await serve((received) => respond(received, 500, `x${'ö'.repeat(3_000)}`));
    const http = client();
    const result = await http.post({ url: server.url, ...MESSAGE });
    expect(result).toMatchObject({ status: 500, body: `x${'ö'.repeat(1_023)}` });
    await http.post({ url: server.url, ...MESSAGE });
    expect(server.sockets).toHaveLength(1);
  });

  test('keeps as much of a body as is asked for, of a 200 as well', async () => {
    const body = JSON.stringify({ access_token: 'a'.repeat(5_000) });
    const server = await serve((received) => respond(received, received.number === 1 ? 200 : 400, body));
    const http = client();
    const request = { url: server.url, ...MESSAGE, keepBodyBytes: 65_536 };
    const whole = { bytes: Buffer.from(body), complete: true };
    expect(await http.post(request)).toMatchObject({ status: 200, body, whole });
    expect(await http.post(request)).toMatchObject({ status: 400, body, whole });
    const short = { bytes: Buffer.from(body.slice(0, 11)), complete: true };
    expect(await http.post({ ...request, keepBodyBytes: 10 })).toMatchObject({
      body: body.slice(0, 10),
      whole: short,
    });
  });

  test('that is kept whole comes unpacked, with its Content-Encoding and Location', async () => {
    const packed = gzipSync('{"a":1}');
    const server = await serve(({ socket }) => {
      socket.write(
        `HTTP/1.1 302 X\r\ncontent-encoding: gzip\r\nlocation: /else\r\ncontent-length: ${packed.length}\r\n\r\n`,
      );
      socket.write(packed);
    });
    const result = await client().post({ url: server.url, ...MESSAGE, keepBodyBytes: 65_536 });
    const whole = {
      bytes: Buffer.from('{"a":1}'),
      complete: true,
      contentEncoding: 'gzip',
      location: '/else',
    };
    expect(result).toMatchObject({ status: 302, whole });
  });

  test('that ends before its Content-Length is not complete', async () => {
    const server = await serve(({ socket }) => {
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"a":1}');
    });
    const result = await client().post({ url: server.url, ...MESSAGE, keepBodyBytes: 65_536 });
    expect(result).toMatchObject({ status: 200, whole: { bytes: Buffer.from('{"a":1}'), complete: false } });
  });

  test('comes with the headers that help its support, and no others', async () => {
    const headers = [
      'Server: nginx',
      'X-Request-Id: r-1',
      'Content-Type: text/html',
      'Set-Cookie: a=b',
      'Retry-After: 5',
    ];
    const server = await serve((received) => respond(received, 503, '', headers));
    expect(await client().post({ url: server.url, ...MESSAGE })).toMatchObject({
      headers: { 'x-request-id': 'r-1', server: 'nginx', 'content-type': 'text/html', 'retry-after': '5' },
    });
  });

  test('hands WWW-Authenticate on, several headers as one', async () => {
    const headers = ['WWW-Authenticate: Basic realm="x"', 'www-authenticate: Bearer error="invalid_token"'];
    const server = await serve((received) => respond(received, 403, '', headers));
    expect(await client().post({ url: server.url, ...MESSAGE })).toEqual({
      kind: 'answer',
      status: 403,
      body: '',
      wwwAuthenticate: 'Basic realm="x", Bearer error="invalid_token"',
      headers: { 'www-authenticate': 'Basic realm="x", Bearer error="invalid_token"' },
    });
  });

  test('waits for a body that is asked for until the deadline', async () => {
    const server = await serve(({ socket }) =>
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"a":'),
    );
    const result = await client().post({ url: server.url, ...MESSAGE, keepBodyBytes: 100, timeoutMs: 3_000 });
    expect(result).toMatchObject({ status: 200, body: '{"a":', whole: { complete: false } });
  });

  test('ignores informational responses before it', async () => {
    const server = await serve((received) => {
      received.socket.write('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n');
      respond(received, 201);
    });
    expect(await client().post({ url: server.url, ...MESSAGE })).toMatchObject({ status: 201 });
  });
});

describe.each([200, 500])('a body that goes wrong after %i', (status) => {
  const head = `HTTP/1.1 ${status} Text\r\n`;

  test('never over: the status stands within about a second', async () => {
    const endless = await serve(({ socket }) => socket.write(`${head}transfer-encoding: chunked\r\n\r\n`));
    const cut = await serve(({ socket }) => socket.write(`${head}content-length: 10\r\n\r\nabc`));
    const http = client({ timeoutMs: 60_000 });
    const results = await Promise.all([endless, cut].map(({ url }) => http.post({ url, ...MESSAGE })));
    expect(results).toMatchObject([
      { kind: 'answer', status },
      { kind: 'answer', status },
    ]);
    await Promise.all([endless.allClosed(), cut.allClosed()]);
    expect(endless.requests.length + cut.requests.length).toBe(2);
  });

  test('not over by the deadline: the status stands', async () => {
    const server = await serve(({ socket }) => socket.write(`${head}content-length: 10\r\n\r\nabc`));
    const result = await client({ timeoutMs: 900 }).post({ url: server.url, ...MESSAGE });
    expect(result).toEqual({ kind: 'answer', status, body: status === 200 ? '' : 'abc' });
  });

  test('oversized: the connection is closed', async () => {
    let written = 0;
    const server = await serve(async ({ socket }) => {
      socket.write(`${head}transfer-encoding: chunked\r\n\r\n`);
      const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
      while (!socket.destroyed && socket.writable) {
        written = socket.bytesWritten - socket.writableLength;
        socket.write(chunk);
        await setImmediate();
      }
    });
    const result = await client().post({ url: server.url, ...MESSAGE });
    // Not by the time that it takes: so much, and what the system holds of a connection.
    expect(written).toBeLessThan(MOST_WRITTEN);
    expect(result).toEqual({ kind: 'answer', status, body: status === 200 ? '' : 'x'.repeat(2_048) });
    await server.allClosed();
  });

  test.each([
    ['reset', 'content-length: 10\r\n\r\nabc'],
    ['broken', 'transfer-encoding: chunked\r\n\r\nnot a chunk size\r\n'],
  ])('%s: the status stands, and nothing is sent again', async (name, rest) => {
    const server = await serve((received) => {
      if (received.number === 1) return respond(received, 200);
      received.socket.write(head + rest, () => name === 'reset' && received.reset());
    });
    const http = client();
    await http.post({ url: server.url, ...MESSAGE });
    expect(await http.post({ url: server.url, ...MESSAGE })).toMatchObject({ kind: 'answer', status });
    expect(server.requests).toHaveLength(2);
    expect(server.sockets).toHaveLength(1);
  });
});

test.each([
  [['content-type', 'text/html'], true],
  [['server', 'x', 'Content-Type', 'Text/HTML; charset=utf-8'], true],
  [['content-type', 'application/json'], false],
  [['content-type', 'text/plain'], false],
  [['content-type', 'text/h'], false],
  [['x-request-id', 'text/html'], false],
  [['content-type', ''], false],
  [['content-type'], false],
  [[], false],
])('the headers %j say that an answer is a web page: %s', (headers, isPage) => {
  expect(isWebPage(headers.map((text) => Buffer.from(text)))).toBe(isPage);
});

test.each([200, 500])('of %i with a web page: a delivery says so', async (status) => {
  const server = await serve((received) => respond(received, status, '<p>', ['content-type: text/html']));
  const result = await client().post({ url: server.url, ...MESSAGE });
  if (status === 200) expect(result).toEqual({ kind: 'answer', status, body: '', isWebPage: true });
  else expect(result).not.toHaveProperty('isWebPage');
});
