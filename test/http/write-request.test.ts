import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type RequestParts, writeRequest } from '../../src/http/write-request.ts';
import { certificates } from './certificates.ts';
import { client, opened } from './http-fixture.ts';

const ACME = await certificates();

const PARTS: RequestParts = {
  method: 'POST',
  path: '/x?y=z',
  host: 'acme.example:8080',
  headers: [],
  body: '',
};
const START = 'POST /x?y=z HTTP/1.1\r\nhost: acme.example:8080\r\nconnection: keep-alive\r\n';

/** The bytes of a request, as Latin-1, in whatever form they are written. */
function written(parts: Partial<RequestParts>): string {
  const request = writeRequest({ ...PARTS, ...parts });
  return typeof request === 'string' ? request : request.toString('latin1');
}

/** The error with which a header is refused. */
function refusal(name: string, value: string): unknown {
  try {
    writeRequest({ ...PARTS, headers: ['x-first', 'a', name, value, 'x-last', 'b'] });
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('the bytes of a request', () => {
  test.each<[string, Partial<RequestParts>, string]>([
    ['an empty body', { body: '' }, 'content-length: 0\r\n\r\n'],
    ['no body', { body: null }, '\r\n'],
    ['a body', { body: '{"a":1}' }, 'content-length: 7\r\n\r\n{"a":1}'],
    ['control characters in a body', { body: '\0\r\n\x7f' }, 'content-length: 4\r\n\r\n\0\r\n\x7f'],
    ['a body of two bytes a character', { body: 'é' }, 'content-length: 2\r\n\r\n\xc3\xa9'],
    ['of four', { body: '\u{1f4e6}' }, 'content-length: 4\r\n\r\n\xf0\x9f\x93\xa6'],
    ['half a character', { body: 'a\ud83d' }, 'content-length: 4\r\n\r\na\xef\xbf\xbd'],
    [
      'headers, in their order, with their spelling',
      { headers: ['X-B', '1', 'x-a', '', 'X-B', '2'] },
      'X-B: 1\r\nx-a: \r\nX-B: 2\r\ncontent-length: 0\r\n\r\n',
    ],
    [
      'a value of Latin-1 before a body of ASCII',
      { headers: ['x-name', 'Zo\xeb\t\x80\xff'], body: 'a' },
      'x-name: Zo\xeb\t\x80\xff\r\ncontent-length: 1\r\n\r\na',
    ],
    [
      'a value of Latin-1 before a body of UTF-8',
      { headers: ['x-name', 'Zo\xeb'], body: '\xeb' },
      'x-name: Zo\xeb\r\ncontent-length: 2\r\n\r\n\xc3\xab',
    ],
    [
      'a value of Latin-1 and no body',
      { headers: ['x-name', 'Zo\xeb'], body: null },
      'x-name: Zo\xeb\r\n\r\n',
    ],
  ])('%s', (_name, parts, rest) => {
    expect(written(parts)).toBe(START + rest);
  });

  test('method, path and host are those of the request', () => {
    const parts = { method: 'GET', path: '/', host: '[::1]', body: null };
    expect(written(parts)).toBe('GET / HTTP/1.1\r\nhost: [::1]\r\nconnection: keep-alive\r\n\r\n');
  });

  test('whatever the body is, its length is that of its bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (body) => {
        const bytes = Buffer.from(body).toString('latin1');
        expect(written({ body })).toBe(`${START}content-length: ${bytes.length}\r\n\r\n${bytes}`);
      }),
    );
  });
});

describe('a header that cannot be sent', () => {
  const SECRET = 'top-secret';

  test.each([
    ['content-length'],
    ['Content-Length'],
    ['transfer-encoding'],
    ['connection'],
    ['host'],
    ['expect'],
    ['keep-alive'],
    ['upgrade'],
    ['te'],
    ['trailer'],
    [''],
    ['x a'],
    ['x-a:'],
    [' x-a'],
    ['x-a '],
    ['x-a\r\nx-b'],
    ['x-a\n'],
    ['\nx-a'],
    ['x\0a'],
    ['x-\xe9'],
    ['x-\u0141'],
    ['(x)'],
  ])('the name %j', (name) => {
    expect(refusal(name, SECRET)).toMatchObject({
      code: 'HTTP_REQUEST_INVALID',
      message: 'request to acme.example:8080: the name of a header is not one that can be sent',
    });
  });

  test.each([
    ['a line feed', '\n'],
    ['a carriage return', '\r'],
    ['both', '\r\nx-b: c'],
    ['both, and a blank', '\r\n '],
    ['a NUL', '\0'],
    ['an escape sequence', '\x1b[31m'],
    ['DEL', '\x7f'],
    ['the first character above U+00FF', '\u0100'],
    // Its low byte is a line feed.
    ['one that Latin-1 would make a line feed', '\u010a'],
    ['one of UTF-16', '\u{1f4e6}'],
  ])('a value with %s', (_name, text) => {
    for (const value of [SECRET + text, text + SECRET, SECRET + text + SECRET]) {
      const error = refusal('x-key', value);
      expect(error).toMatchObject({
        code: 'HTTP_REQUEST_INVALID',
        message: 'request to acme.example:8080: the header x-key has a character that no header can carry',
      });
      expect(`${(error as Error).stack}`).not.toContain(SECRET);
    }
  });

  test.each([
    ['x-host', 'a'],
    ['x-te', 'a'],
    ['connection-id', 'a'],
    ["!#$%&'*+-.^_`|~", '!"\t \x7e\x80\xff'],
  ])('%j is none', (name, value) => {
    expect(refusal(name, value)).toBeUndefined();
  });

  test('whatever name and value are, a request that is written has no line more', () => {
    const anyText = fc.string({
      unit: fc.oneof(
        fc.constantFrom('\r', '\n', '\0', ':', ' ', 'a', 'é', '\u010d'),
        fc.string({ unit: 'binary' }),
      ),
    });
    fc.assert(
      fc.property(anyText, anyText, (name, value) => {
        if (refusal(`x${name}`, value) !== undefined) return;
        expect(name + value).not.toMatch(/[\r\n\0\u0100-\uffff]/);
        const line = `x${name}: ${value}\r\n`;
        expect(written({ headers: [`x${name}`, value] })).toBe(`${START}${line}content-length: 0\r\n\r\n`);
      }),
    );
  });
});

/** One after another on one connection; what is true for one must not leak into the next. */
const BODIES = [
  '{"unit":"LP1"}',
  '{"unit":"é"}',
  '{"unit":"LP2"}',
  '{"unit":"\u{1f4e6}ÿ\u0080"}',
  '',
  `{"note":"${'x'.repeat(200_000)}"}`,
  `{"note":"${'ü'.repeat(200_000)}"}`,
  '{"unit":"LP3"}',
];

/** A server of Node's own, and a client that knows it. */
async function connected(tls: typeof ACME | undefined) {
  const requests: { method: string | undefined; headers: IncomingMessage['headers']; body: string }[] = [];
  const ports = new Set<number | undefined>();
  const listener = async (request: IncomingMessage, response: { end(): void }) => {
    ports.add(request.socket.remotePort);
    const { method, headers } = request;
    requests.push({ method, headers, body: (await buffer(request)).toString() });
    response.end();
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls.server, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push({
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  const { port } = server.address() as AddressInfo;
  const url = tls === undefined ? `http://127.0.0.1:${port}/x` : `https://localhost:${port}/x`;
  return { requests, ports, url, http: client(tls === undefined ? {} : { tls: { ca: tls.ca } }) };
}

describe.each([
  ['plain', undefined],
  ['TLS', ACME],
])('over %s', (_how, tls) => {
  test('a request has its head and exactly its body, whatever characters these are of', async () => {
    const { http, url, requests, ports } = await connected(tls);
    const headers = ['content-type', 'application/json', 'x-name', 'Zoë'];
    for (const body of BODIES) {
      expect(await http.post({ url, headers, body })).toMatchObject({ status: 200 });
      expect(requests.at(-1)).toMatchObject({ method: 'POST', body });
      expect(requests.at(-1)?.headers).toMatchObject({
        'x-name': 'Zoë',
        'content-length': `${Buffer.byteLength(body)}`,
      });
    }
    expect(ports.size).toBe(1);
  });

  test('a request without a body is not given that of the one before', async () => {
    const { http, url, requests } = await connected(tls);
    await http.post({ url, headers: [], body: 'one' });
    await http.post({ url, headers: [], body: null, method: 'GET' });
    await http.post({ url, headers: [], body: 'two' });
    expect(requests.map(({ method, body }) => [method, body])).toEqual([
      ['POST', 'one'],
      ['GET', ''],
      ['POST', 'two'],
    ]);
  });
});
