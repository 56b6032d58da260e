import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChunkedBody } from '../../src/http/chunked-body.ts';
import { cutAt, singleBytes } from './read-pieces.ts';

const NO_SIZE = 'a chunk without a size';
const NO_EXTENSION = 'a chunk extension that is none';
const WRONG_END = 'a chunk that does not end where it should';
const WRONG_LINE = 'a line that does not end as in HTTP';
const NO_TRAILER = 'a trailer that is none';
const LAST = '0\r\n\r\n';
/** What lies behind the bytes that were read must not count, whatever it is. */
const STALE = [`\r\n${LAST}`, `a\r\n${LAST}`].map((text) => Buffer.from(text));

/** Reads a body that comes in these pieces. */
function readChunks(pieces: readonly Buffer[], [stale] = STALE) {
  const chunks = new ChunkedBody();
  let body = '';
  let bytesRead = 0;
  for (const piece of pieces) {
    const bytes = Buffer.concat([Buffer.from('##'), piece, stale as Buffer]);
    const end = 2 + piece.length;
    const at = chunks.read(bytes, 2, end, (taken, from, to) => {
      expect(to).toBeGreaterThan(from);
      body += taken.toString('latin1', from, to);
    });
    bytesRead += at - 2;
    if (at < end || chunks.over || chunks.fault !== undefined) break;
  }
  return { body, over: chunks.over, fault: chunks.fault, bytesRead };
}

/** Reads it in one piece, and holds single bytes to the same. */
function read(text: string) {
  const bytes = Buffer.from(text, 'latin1');
  const whole = readChunks([bytes]);
  for (const stale of STALE) {
    expect(readChunks([bytes], [stale])).toEqual(whole);
    expect(readChunks(singleBytes(bytes), [stale])).toEqual(whole);
  }
  return whole;
}

/** That it is read to its end, which is that of the text. */
function expectBody(text: string, body: string): void {
  const whole = { body, over: true, fault: undefined, bytesRead: text.length };
  expect(read(text)).toEqual(whole);
  // What comes behind it is not read.
  expect(read(`${text}${text}`)).toEqual(whole);
}

describe('size', () => {
  test.each([
    ['3', 'abc'],
    ['03', 'abc'],
    ['0000000000003', 'abc'],
    ['a', '0123456789'],
    ['A', '0123456789'],
    ['1f', 'x'.repeat(31)],
    ['1F', 'x'.repeat(31)],
    ['100', 'x'.repeat(256)],
    ['3  ', 'abc'],
    ['3 \t', 'abc'],
  ])('%j', (size, content) => {
    expectBody(`${size}\r\n${content}\r\n${LAST}`, content);
    expectBody(`1\r\n#\r\n${size}\r\n${content}\r\n${LAST}`, `#${content}`);
  });

  test.each([
    ['zero', '0\r\n\r\n'],
    ['many zeros', '0000000000000\r\n\r\n'],
    ['blanks behind', '0 \r\n\r\n'],
  ])('of the end: %s', (_name, text) => {
    expectBody(text, '');
    expectBody(`3\r\nabc\r\n${text}`, 'abc');
  });

  test.each([
    ['none', '\r\nabc\r\n'],
    ['a line feed', '\nabc\r\n'],
    ['an extension alone', ';a\r\n'],
    ['a sign', '+3\r\nabc\r\n'],
    ['a negative one', '-3\r\nabc\r\n'],
    ['a prefix', '0x3\r\nabc\r\n'],
    ['a blank in front', ' 3\r\nabc\r\n'],
    ['no digit', 'g\r\n'],
    ['a fraction', '3.0\r\nabc\r\n'],
    ['a second one', '3 3\r\nabc\r\n'],
    ['a line feed behind it', '3\nabc\r\n'],
    ['a line feed behind blanks', '3 \nabc\r\n'],
    ['a NUL', '3\0\r\nabc\r\n'],
    ['14 digits', '00000000000003\r\nabc\r\n'],
    ['17 digits', 'fffffffffffffffff\r\nabc\r\n'],
    ['what is below the digits', '/\r\n'],
    ['what is above them', ':\r\n'],
    ['what is below the letters', '@\r\n'],
    ['letters of another alphabet', '\xc1\r\n'],
  ])('%s: a fault', (_name, text) => {
    expect(read(text)).toMatchObject({ over: false, fault: NO_SIZE, body: '' });
    expect(read(`1\r\n#\r\n${text}`)).toMatchObject({ over: false, fault: NO_SIZE, body: '#' });
  });

  test('the longest is a number that holds it', () => {
    const pieces = [Buffer.from('fffffffffffff\r\n'), Buffer.from('abc')];
    expect(readChunks(pieces)).toEqual({ body: 'abc', over: false, fault: undefined, bytesRead: 18 });
  });

  test('does not hand on to the next chunk', () => {
    expectBody(`fff\r\n${'x'.repeat(0xfff)}\r\n1\r\na\r\n${LAST}`, `${'x'.repeat(0xfff)}a`);
  });
});

describe('extension', () => {
  test.each([
    [';'],
    [';a'],
    [';a=b'],
    [' ; a = b'],
    [';a="b c";d'],
    [';a="b'],
    [';\t\x80\xff'],
    [`;${'x'.repeat(70_000)}`],
  ])('%j is read over', (extension) => {
    expectBody(`3${extension}\r\nabc\r\n0${extension}\r\n\r\n`, 'abc');
  });

  test.each([[';\n'], [';a\nb'], [';a\0'], [';\x1b[31m'], [';\x7f']])('%j is none', (extension) => {
    expect(read(`3${extension}\r\nabc\r\n${LAST}`)).toMatchObject({ fault: NO_EXTENSION, body: '' });
  });

  test('a carriage return alone does not end it', () => {
    expect(read(`3;a\rb\r\nabc\r\n${LAST}`)).toMatchObject({ fault: WRONG_END, body: '' });
  });
});

describe('the end of a chunk', () => {
  test.each([
    ['too soon', '4\r\nabc\r\n0\r\n\r\n'],
    ['too late', '2\r\nabc\r\n0\r\n\r\n'],
    ['a line feed alone', '3\r\nabc\n0\r\n\r\n'],
    ['a carriage return alone', '3\r\nabc\r0\r\n\r\n'],
    ['missing', '3\r\nabc0\r\n\r\n'],
    ['a carriage return behind the size', '3\rabc\r\n'],
    ['two of them', '3\r\r\nabc\r\n'],
  ])('%s: a fault', (_name, text) => {
    expect(read(text)).toMatchObject({ over: false, fault: WRONG_END });
  });

  test('chunks that hold ends of chunks are not ended by them', () => {
    expectBody(`7\r\n\r\n${LAST}\r\n${LAST}`, `\r\n${LAST}`);
  });
});

describe('trailer', () => {
  test.each([
    ['one', 'x-sum: 1\r\n'],
    ['two', 'x-sum: 1\r\nx-b:\xe9\r\n'],
    ['one without a value', 'x-sum:\r\n'],
    ['a length, which has no say any more', 'content-length: 5\r\n'],
    ['close to 16 KiB', `x-a: ${'y'.repeat(16_370)}\r\n`],
  ])('%s: read over', (_name, trailer) => {
    expectBody(`3\r\nabc\r\n0\r\n${trailer}\r\n`, 'abc');
  });

  test.each([
    ['a line feed alone at its end', 'x-sum: 1\n\r\n', WRONG_LINE],
    ['a line feed alone behind it', 'x-sum: 1\r\n\n', WRONG_LINE],
    ['a line feed instead of it', '\n', WRONG_LINE],
    ['a carriage return alone', 'x-sum: 1\rx', WRONG_LINE],
    ['two carriage returns', '\r\r\n', WRONG_LINE],
    ['no colon', 'x-sum\r\n\r\n', NO_TRAILER],
    ['no name', ': 1\r\n\r\n', NO_TRAILER],
    ['a continued line', 'x-sum: 1\r\n 2\r\n\r\n', NO_TRAILER],
    ['a control character', 'x-sum: \x1b\r\n\r\n', NO_TRAILER],
    ['the next answer', 'HTTP/1.1 200 OK\r\n\r\n', NO_TRAILER],
    ['16 KiB in one line', `x-a: ${'y'.repeat(16_384)}\r\n\r\n`, 'a trailer beyond 16 KiB'],
    ['16 KiB in many lines', `${'x-a: y\r\n'.repeat(2_049)}\r\n`, 'a trailer beyond 16 KiB'],
  ])('%s: a fault', (_name, trailer, fault) => {
    expect(read(`3\r\nabc\r\n0\r\n${trailer}`)).toMatchObject({ body: 'abc', over: false, fault });
  });
});

test('a body that is cut off anywhere is neither over nor faulty, whatever lies behind its bytes', () => {
  const text = '3;a="b"\r\nabc\r\n0A \r\n0123456789\r\n0;x\r\nx-sum: 1\r\n\r\n';
  for (let length = 0; length < text.length; length += 1) {
    expect(read(text.slice(0, length))).toMatchObject({ over: false, fault: undefined, bytesRead: length });
  }
  expectBody(text, 'abc0123456789');
});

test('any bytes in any chunks, which come in any pieces, are what was sent', () => {
  const anyChunk = fc.record({
    content: fc.uint8Array({ minLength: 1, maxLength: 40 }),
    zeros: fc.nat(3),
    upper: fc.boolean(),
    behind: fc.constantFrom('', '', ' ', ';a', ';a="b"'),
  });
  const anyTrailers = fc.array(fc.constantFrom('x-a: b\r\n', 'x-sum:\r\n'), { maxLength: 2 });
  const anyCuts = fc.array(fc.nat(300), { maxLength: 12 });
  fc.assert(
    fc.property(fc.array(anyChunk, { maxLength: 6 }), anyTrailers, anyCuts, (chunks, trailers, cuts) => {
      const parts = chunks.flatMap(({ content, zeros, upper, behind }) => {
        const digits = content.length.toString(16).padStart(zeros, '0');
        return [`${upper ? digits.toUpperCase() : digits}${behind}\r\n`, content, '\r\n'];
      });
      const all = [...parts, '0\r\n', ...trailers, '\r\n'];
      const bytes = Buffer.concat(all.map((part) => Buffer.from(part as string)));
      const body = Buffer.concat(chunks.map(({ content }) => content)).toString('latin1');
      const expected = { body, over: true, fault: undefined, bytesRead: bytes.length };
      expect(readChunks(cutAt(Buffer.concat([bytes, Buffer.from('HTTP')]), cuts))).toEqual(expected);
      expect(readChunks(singleBytes(bytes))).toEqual(expected);
    }),
  );
});
