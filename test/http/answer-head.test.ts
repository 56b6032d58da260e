import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isHeader, parseAnswerHead } from '../../src/http/answer-head.ts';

const OK = 'HTTP/1.1 200 OK';

/** The head of an answer with these headers. */
function parse(...headers: string[]) {
  return parseAnswerHead([OK, ...headers].join('\r\n'));
}

test('a head says what status, body, connection and next attempt are', () => {
  const headers = ['Content-Length: 12', 'Keep-Alive: timeout=5', 'Retry-After: 120', 'x-other: a'];
  expect(parse(...headers)).toEqual({ status: 200, retryAfter: '120', length: 12, idleMs: 3_000 });
  expect(parse()).toEqual({ status: 200, retryAfter: undefined, length: 'until_close', idleMs: 0 });
});

describe('status line', () => {
  test.each([
    ['HTTP/1.1 200 OK', 200],
    ['HTTP/1.0 200 OK', 200],
    ['HTTP/1.1 200', 200],
    ['HTTP/1.1 200 ', 200],
    ['HTTP/1.1 200  two  blanks\t', 200],
    ['HTTP/1.1 429 Überlastet', 429],
    ['HTTP/1.1 500 \x80\xff', 500],
    ['HTTP/1.1 100 Continue', 100],
    ['HTTP/1.1 999 Text', 999],
  ])('%j', (line, status) => {
    expect(parseAnswerHead(line)).toMatchObject({ status });
  });

  test.each([
    [''],
    ['HTTP/1.1'],
    ['HTTP/1.1 '],
    ['HTTP/1.1 20'],
    ['HTTP/1.1 2000'],
    ['HTTP/1.1 200OK'],
    ['HTTP/1.1 000 OK'],
    ['HTTP/1.1 099 OK'],
    ['HTTP/1.1 -20 OK'],
    ['HTTP/1.1 2x0 OK'],
    ['HTTP/1.1  200 OK'],
    ['HTTP/1.1\t200 OK'],
    ['HTTP/1.1 200\tOK'],
    [' HTTP/1.1 200 OK'],
    ['HTTP/1.2 200 OK'],
    ['HTTP/1.10 200 OK'],
    ['HTTP/2 200'],
    ['HTTP/2.0 200 OK'],
    ['HTTP/0.9 200 OK'],
    ['http/1.1 200 OK'],
    ['ICY 200 OK'],
    ['HTTP/1.1 200 O\0K'],
    ['HTTP/1.1 200 O\x1bK'],
    ['HTTP/1.1 200 O\x7fK'],
    ['HTTP/1.1 200 O\rK'],
    ['HTTP/1.1 200 O\nK'],
  ])('%j is none', (line) => {
    expect(parseAnswerHead(line)).toEqual({ fault: 'no status line of HTTP/1.1' });
  });
});

describe('header', () => {
  test.each([
    ['x-a: b'],
    ['x-a:b'],
    ['x-a:'],
    ['x-a: \t '],
    ['x-a: b: c'],
    ['x-a: \xe9\xa0\xff'],
    ["!#$%&'*+-.^_`|~09azAZ: b"],
  ])('%j', (line) => {
    expect(parse(line)).toMatchObject({ status: 200 });
    expect(isHeader(line)).toBe(true);
  });

  test.each([
    [''],
    ['x-a'],
    [': b'],
    ['x a: b'],
    ['x-a : b'],
    [' x-a: b'],
    ['\tx-a: b'],
    ['x\xe9: b'],
    ['x(a): b'],
    ['x-a: b\0'],
    ['x-a: b\x01c'],
    ['x-a: b\x0bc'],
    ['x-a: b\x7f'],
    ['x-a: b\rc'],
    ['x-a: b\nc: d'],
    ['x-a: b\r'],
    ['x\0a: b'],
    ['\nx-a: b'],
  ])('%j is none', (line) => {
    expect(parse(line)).toEqual({ fault: 'a header that is none' });
    expect(parse('x-a: b', line, 'x-c: d')).toEqual({ fault: 'a header that is none' });
    expect(isHeader(line)).toBe(false);
  });

  test('a value that goes on in the next line is none', () => {
    expect(parse('x-a: b', ' c')).toEqual({ fault: 'a header that is none' });
  });

  test.each([
    ['in front of a value', `${' '.repeat(16_000)}\x01`],
    ['in the middle of one', `a${' \t'.repeat(8_000)}\x01`],
    ['and commas, in a list of codings', `${', '.repeat(8_000)}\x01`],
  ])('thousands of blanks %s cost no more than their number', (_where, value) => {
    const head = `${OK}\r\ntransfer-encoding:${value}`;
    const fault = { fault: 'a header that is none' };
    // The square of their number, a hundred times, would take half a minute of processor time.
    const before = process.cpuUsage();
    for (let n = 0; n < 100; n += 1) expect(parseAnswerHead(head)).toEqual(fault);
    const { user } = process.cpuUsage(before);
    expect(user).toBeLessThan(5_000_000);
  });
});

describe('connection', () => {
  test.each([
    ['nothing', [], 4_000],
    ['keep-alive', ['connection: keep-alive'], 4_000],
    ['another word', ['connection: closed'], 4_000],
    ['close in another header', ['x-connection: close'], 4_000],
    ['close', ['connection: close'], 0],
    ['Close', ['Connection: Close'], 0],
    ['close without a blank before it', ['connection:close'], 0],
    ['close among others', ['connection: upgrade , close,x'], 0],
    ['close in a second header', ['connection: keep-alive', 'connection: close'], 0],
    ['close, then keep-alive', ['connection: close', 'connection: keep-alive'], 0],
    ['close with a time', ['connection: close', 'keep-alive: timeout=60'], 0],
    ['5 s', ['keep-alive: timeout=5'], 3_000],
    ['5 s among others', ['keep-alive: max=100, timeout=5'], 3_000],
    ['5 s, in capitals', ['KEEP-ALIVE: Timeout=5'], 3_000],
    ['hardly any: half of it', ['keep-alive: timeout=1'], 500],
    ['less than twice the margin', ['keep-alive: timeout=3'], 1_500],
    ['nothing at all', ['keep-alive: timeout=0'], 0],
    ['a time below nothing', ['keep-alive: timeout=-5'], 4_000],
    ['no number', ['keep-alive: timeout=soon'], 4_000],
    ['more than ten minutes', ['keep-alive: timeout=86400'], 600_000],
    ['a number beyond measure', [`keep-alive: timeout=${'9'.repeat(400)}`], 600_000],
  ])('%s', (_name, headers, idleMs) => {
    expect(parse('content-length: 0', ...headers)).toMatchObject({ idleMs });
    expect(parse(...headers, 'transfer-encoding: chunked')).toMatchObject({ idleMs });
    const old = ['HTTP/1.0 200 OK', 'content-length: 0', ...headers].join('\r\n');
    expect(parseAnswerHead(old)).toMatchObject({ idleMs: 0 });
  });
});

test.each([
  [['Retry-After: 120'], '120'],
  [['retry-after:\t Fri, 31 Dec 2027 23:59:59 GMT '], 'Fri, 31 Dec 2027 23:59:59 GMT'],
  [['retry-after: soon\xe9'], 'soon\xe9'],
  [['retry-after:'], ''],
  [['retry-after: 1', 'retry-after: 2'], '1'],
  [['x-retry-after: 1'], undefined],
])('%j: Retry-After as it came', (headers, retryAfter) => {
  expect(parse(...headers)).toMatchObject({ retryAfter });
});

test('whatever comes is a head or a fault, and what is read over does not change it', () => {
  const anyText = fc.string({
    unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  });
  fc.assert(
    fc.property(anyText, anyText, (name, value) => {
      const line = `x-${name}:${value}`;
      const isOne = isHeader(line) && !line.includes('\r\n');
      const expected = isOne ? parse('content-length: 3') : { fault: 'a header that is none' };
      expect(parse(line, 'content-length: 3')).toEqual(expected);
    }),
  );
});
