import { createHash } from 'node:crypto';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { readTokenBody } from '../../src/auth/token-post.ts';
import type { Answer, WholeAnswer } from '../../src/core/attempt-result.ts';
import { client, MESSAGE, serve } from './http-fixture.ts';
import { respond } from './scripted-server.ts';

const LONG = `${'what is wrong with the event, '.repeat(4_000)}`;

/** What is kept of an answer whose body is packed so. */
async function bodyOf(
  coding: string,
  body: Buffer,
  { status = 500, length = body.length } = {},
): Promise<string> {
  const head = `HTTP/1.1 ${status} Text\r\ncontent-encoding: ${coding}\r\ncontent-length: ${length}\r\n\r\n`;
  const server = await serve(({ socket }) => {
    socket.write(Buffer.concat([Buffer.from(head), body]));
    if (length !== body.length) socket.end();
  });
  const result = await client().post({ url: server.url, ...MESSAGE });
  expect(result).toMatchObject({ kind: 'answer', status });
  expect(server.requests[0]?.text).not.toMatch(/accept-encoding/i);
  return (result as { body: string }).body;
}

const PACKERS = [
  ['gzip', gzipSync],
  ['X-GZIP', gzipSync],
  ['deflate', deflateSync],
  ['deflate', deflateRawSync],
  ['br', brotliCompressSync],
] as const;

describe.each(PACKERS)('a body in %s', (coding, pack) => {
  test('is unpacked', async () => {
    expect(await bodyOf(coding, pack('{"message":"Nö"}'))).toBe('{"message":"Nö"}');
  });

  test('is unpacked to 2 KiB', async () => {
    expect(await bodyOf(coding, pack(LONG))).toBe(LONG.slice(0, 2_048));
  });

  test('that ends too early is told as cut', async () => {
    const packed = pack(`${'x'.repeat(50)}${LONG.slice(0, 1_000)}`);
    const cut = await bodyOf(coding, packed.subarray(0, packed.length - 8));
    expect(cut).toMatch(/^\(its body in (?:x-)?(?:gzip|deflate|br) was cut off\)(?:\nx+.*)?$/);
  });

  test('that the connection ends too early is told as cut', async () => {
    const packed = pack('{"message":"cut"}');
    const cut = await bodyOf(coding, packed.subarray(0, packed.length - 6), { length: packed.length });
    expect(cut).toMatch(/^\(its body in .* was cut off\)/);
  });

  test('is not unpacked after 200', async () => {
    expect(await bodyOf(coding, pack(LONG), { status: 200 })).toBe('');
  });
});

describe('a body that is not what it says', () => {
  test.each([
    [
      'text',
      Buffer.from('<h1>Bad\tGateway</h1>\n'),
      '(a body that is not gzip, as its Content-Encoding says)\n<h1>Bad\tGateway</h1>\n',
    ],
    [
      'garbage',
      Buffer.from([0x1f, 0x8b, 0xff, 0xff, 1, 2, 3, 4, 5, 6, 7, 8]),
      '(a body that is not gzip, as its Content-Encoding says)',
    ],
    ['nothing', Buffer.alloc(0), ''],
  ])('%s: is told', async (_name, bytes, told) => {
    expect(await bodyOf('gzip', bytes)).toBe(told);
  });

  test.each(['zstd', 'gzip, br', '__proto__'])('packed in %s: is told', async (coding) => {
    expect(await bodyOf(coding, Buffer.from('abc'))).toBe(
      `(a body in the Content-Encoding ${coding}, which is not unpacked)`,
    );
  });
});

test('a gzip bomb after a 500 costs next to nothing, and the connection goes on', async () => {
  const bomb = gzipSync(Buffer.alloc(48 * 1_048_576, 'a'));
  expect(bomb.length).toBeLessThan(65_536);
  const head = `HTTP/1.1 500 Text\r\ncontent-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`;
  const server = await serve((received) => {
    if (received.number % 2 === 1) received.socket.write(Buffer.concat([Buffer.from(head), bomb]));
    else respond(received, 200);
  });
  const http = client();
  const before = process.cpuUsage();
  for (let n = 0; n < 20; n += 1) {
    expect(await http.post({ url: server.url, ...MESSAGE })).toMatchObject({
      status: 500,
      body: 'a'.repeat(2_048),
    });
    expect(await http.post({ url: server.url, ...MESSAGE })).toMatchObject({ status: 200 });
  }
  const { user, system } = process.cpuUsage(before);
  // To unpack one alone takes some 100 ms.
  expect((user + system) / 1_000).toBeLessThan(1_000);
  expect(server.sockets).toHaveLength(1);
});

/** What comes back if so much of an answer in gzip, with status 200, is kept. */
async function keptOf(text: string | Buffer, keepBodyBytes: number) {
  const packed = gzipSync(text);
  const server = await serve(({ socket }) => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${packed.length}\r\n\r\n`);
    socket.write(packed);
  });
  return client().post({ url: server.url, ...MESSAGE, keepBodyBytes });
}

/** Bytes that no packing makes fewer. */
const dense = (length: number): Buffer => createHash('shake256', { outputLength: length }).digest();

test('a token service’s answer is unpacked to what is asked for, and a byte more', async () => {
  const result = await keptOf('x'.repeat(100_000), 65_536);
  expect(result).toMatchObject({ status: 200, whole: { bytes: Buffer.alloc(65_537, 'x'), complete: true } });
});

test('an answer that is longer than what is kept of it even while packed is unpacked as far as it was read', async () => {
  const text = dense(8_192).toString('hex');
  expect(await keptOf(text, 2_048)).toMatchObject({ status: 200, body: text.slice(0, 2_048) });
});

test('a token service’s answer that is too long even while packed is told as too long, not as cut', async () => {
  const { whole } = (await keptOf(dense(70_000), 65_536)) as Answer;
  expect(readTokenBody(whole as WholeAnswer)).toEqual({ problem: ' with more than 64 KiB', again: false });
});
