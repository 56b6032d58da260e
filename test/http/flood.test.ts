import { describe, expect, test } from 'vitest';
import { client, MESSAGE, serve } from './http-fixture.ts';
import { flood } from './raw-server.ts';

/** Far beyond the test's own time limit: whatever ends here was not ended by the deadline. */
const NEVER_MS = 600_000;

const CHUNKED = 'transfer-encoding: chunked\r\n\r\n';

async function postToFlood(head: string, bytes: string) {
  const server = await serve(({ socket }) => {
    socket.write(head);
    flood(socket, bytes);
  });
  const result = await client({ timeoutMs: NEVER_MS }).post({ url: server.url, ...MESSAGE });
  await server.allClosed();
  expect(server.requests).toHaveLength(1);
  return { result, where: `127.0.0.1:${server.port}` };
}

describe('a flood that never comes to a status is not HTTP, long before the deadline', () => {
  test.each([
    ['interim answers', '', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(500)],
    ['interim answers with headers', '', `HTTP/1.1 103 Hints\r\n${'a: b\r\n'.repeat(500)}\r\n`],
    ['empty lines', '', '\r\n'.repeat(8_192)],
    ['a reason phrase', 'HTTP/1.1 200 ', 'x'.repeat(16_384)],
  ])('of %s', async (_name, head, bytes) => {
    const { result, where } = await postToFlood(head, bytes);
    const detail = `${where} sent more than a mebibyte without coming to an answer`;
    expect(result).toEqual({ kind: 'no_answer', failureClass: 'not_http', detail });
  });

  test.each([
    ['one header', 'HTTP/1.1 200 OK\r\nx-long: ', 'x'.repeat(16_384)],
    ['many headers', 'HTTP/1.1 200 OK\r\n', 'x-many: headers\r\n'.repeat(1_024)],
    ['empty headers', 'HTTP/1.1 200 OK\r\n', 'x:\r\n'.repeat(4_096)],
    ['the headers of an interim answer', 'HTTP/1.1 103 Hints\r\n', 'x-many: headers\r\n'.repeat(1_024)],
  ])('of %s', async (_name, head, bytes) => {
    const { result, where } = await postToFlood(head, bytes);
    const detail = `${where} answered, but not in HTTP/1.1: headers beyond 64 KiB (UND_ERR_HEADERS_OVERFLOW)`;
    expect(result).toEqual({ kind: 'no_answer', failureClass: 'not_http', detail });
  });
});

describe.each([200, 500])('a flood after a status of %i: the status stands', (status) => {
  test.each([
    ['a body', 'content-length: 99999999999\r\n\r\n', 'x'.repeat(16_384), true],
    ['chunks', CHUNKED, `4000\r\n${'x'.repeat(0x4000)}\r\n`, true],
    ['chunks of one byte', CHUNKED, '1\r\nx\r\n'.repeat(2_048), true],
    ['a chunk extension', `${CHUNKED}5;x=`, 'x'.repeat(16_384), false],
    ['chunk extensions', CHUNKED, `1;x=${'x'.repeat(16_384)}\r\nx\r\n`, true],
    ['a trailer', `${CHUNKED}0\r\nx: `, 'x'.repeat(16_384), false],
    ['trailers', `${CHUNKED}0\r\n`, 'x-many: trailers\r\n'.repeat(1_024), false],
  ])('%s', async (_name, head, bytes, hasBody) => {
    const server = await serve(({ socket }) => {
      socket.write(`HTTP/1.1 ${status} Text\r\n${head}`);
      flood(socket, bytes);
    });
    const result = await client().post({ url: server.url, ...MESSAGE });
    expect(result).toMatchObject({ kind: 'answer', status });
    const { body } = result as { body: string };
    if (status === 200) expect(body).toBe('');
    else expect(body).toMatch(hasBody ? /^x+$/ : /^$/);
    expect(body.length).toBeLessThanOrEqual(2_048);
    await server.allClosed();
  });

  test('a body that is asked for: it is ended, and what was kept of it stands', async () => {
    const server = await serve(({ socket }) => {
      socket.write(`HTTP/1.1 ${status} Text\r\n${CHUNKED}1\r\ny\r\n5;x=`);
      flood(socket, 'x'.repeat(16_384));
    });
    const request = { url: server.url, ...MESSAGE, keepBodyBytes: 65_536, timeoutMs: NEVER_MS };
    expect(await client().post(request)).toMatchObject({ status, body: 'y', whole: { complete: false } });
    await server.allClosed();
  });
});

test('a long body that is asked for, in chunks of one byte, is kept whole', async () => {
  const server = await serve(({ socket }) => {
    socket.write(`HTTP/1.1 200 OK\r\n${CHUNKED}${'1\r\nx\r\n'.repeat(65_536)}0\r\n\r\n`);
  });
  const request = { url: server.url, ...MESSAGE, keepBodyBytes: 65_536 };
  const body = 'x'.repeat(65_536);
  expect(await client().post(request)).toMatchObject({ status: 200, body, whole: { complete: true } });
});
