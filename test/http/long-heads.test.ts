import { expect, test } from 'vitest';
import { client, MESSAGE, serve } from './http-fixture.ts';

/** The head of an answer of about so many bytes, of cookies of a kibibyte each. */
function headOf(kib: number): string {
  const cookie = `Set-Cookie: c=${'x'.repeat(1_000)}; Path=/; HttpOnly\r\n`;
  return `HTTP/1.1 200 OK\r\n${cookie.repeat(kib)}content-length: 2\r\n\r\n{}`;
}

test.each([20, 62])('an answer with a head of %i KiB is read, again and again', async (kib) => {
  const server = await serve(({ socket }) => socket.write(headOf(kib)));
  const http = client();
  for (let n = 0; n < 3; n += 1) {
    const result = await http.post({ url: server.url, ...MESSAGE });
    expect(result).toEqual({ kind: 'answer', status: 200, body: '' });
  }
  expect(server.sockets).toHaveLength(1);
});

test('an answer with a longer head is none', async () => {
  const server = await serve(({ socket }) => socket.write(headOf(66)));
  const detail = `127.0.0.1:${server.port} answered, but not in HTTP/1.1: headers beyond 64 KiB (UND_ERR_HEADERS_OVERFLOW)`;
  const result = await client().post({ url: server.url, ...MESSAGE });
  expect(result).toEqual({ kind: 'no_answer', failureClass: 'not_http', detail });
  await server.allClosed();
});
