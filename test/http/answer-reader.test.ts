import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AnswerReader } from '../../src/http/answer-reader.ts';
import { anyAnswer, changedAnswer } from './any-answer.ts';
import { cutAt, type PiecesRead, readPieces, singleBytes } from './read-pieces.ts';

const OK = 'HTTP/1.1 200 OK\r\n';
const EMPTY = 'content-length: 0\r\n\r\n';
const CHUNKED = 'transfer-encoding: chunked\r\n\r\n';
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
const HINTS = 'HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n';
const EVERY_BYTE = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString('latin1');
const MOST_HEAD_BYTES = 16_384;

/** Of so many bytes, without the empty line at its end. */
function longHead(length: number): string {
  const start = `${OK}content-length: 3\r\nx-a: `;
  return start + 'y'.repeat(length - start.length);
}

function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** Where it was found to be faulty, and in which words, may differ with the pieces: that it is faulty may not. */
function withoutFaultsPlace({ end, head, body, bytesRead }: PiecesRead): object {
  return end === 'fault' ? { end, head, body } : { end, head, body, bytesRead };
}

describe('in one piece, in two at every byte, and byte by byte', () => {
  test.each([
    ['a length', `${OK}content-length: 5\r\n\r\nhello`, 200, 'hello', 'over'],
    ['no body', `${OK}${EMPTY}`, 200, '', 'over'],
    ['204', 'HTTP/1.1 204 No Content\r\n\r\n', 204, '', 'over'],
    [
      '304 with the length of what it does not bring',
      `HTTP/1.1 304 X\r\ncontent-length: 5\r\n\r\n`,
      304,
      '',
      'over',
    ],
    ['no headers', 'HTTP/1.1 500\r\n\r\noops', 500, 'oops', 'at_close'],
    ['until the connection ends', `${OK}x-a: b\r\n\r\nhello\r\n\r\n`, 200, 'hello\r\n\r\n', 'at_close'],
    ['until the connection ends, at once', `${OK}\r\n`, 200, '', 'at_close'],
    ['chunks', `${OK}${CHUNKED}3\r\nabc\r\n0A;x=y\r\n0123456789\r\n0\r\n\r\n`, 200, 'abc0123456789', 'over'],
    ['a trailer', `${OK}${CHUNKED}3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n`, 200, 'abc', 'over'],
    ['100 before', `${CONTINUE}${OK}content-length: 2\r\n\r\nhi`, 200, 'hi', 'over'],
    ['103 and 100 before', `${HINTS}${CONTINUE}${CONTINUE}HTTP/1.0 503 X\r\n${EMPTY}`, 503, '', 'over'],
    [
      'an interim answer with a length',
      `HTTP/1.1 102 X\r\ncontent-length: 3\r\n\r\n${OK}${EMPTY}`,
      200,
      '',
      'over',
    ],
    ['empty lines before', `\r\n\n${CONTINUE}\r\n${OK}${EMPTY}`, 200, '', 'over'],
    [
      'a body that looks like an answer',
      `${OK}content-length: 38\r\n\r\n${OK}${EMPTY}`,
      200,
      `${OK}${EMPTY}`,
      'over',
    ],
    ['a body of every byte', `${OK}content-length: 256\r\n\r\n${EVERY_BYTE}`, 200, EVERY_BYTE, 'over'],
    ['nothing', '', undefined, '', 'open'],
    ['empty lines alone', '\r\n\r\n', undefined, '', 'open'],
    ['an interim answer alone', CONTINUE, undefined, '', 'open'],
    ['half a head', `${OK}content-length: 5\r\n`, undefined, '', 'open'],
    ['half a body', `${OK}content-length: 5\r\n\r\nhe`, 200, 'he', 'open'],
    ['half a chunk', `${OK}${CHUNKED}5\r\nhe`, 200, 'he', 'open'],
    ['chunks without an end', `${OK}${CHUNKED}2\r\nhe\r\n`, 200, 'he', 'open'],
  ])('%s', (_name, text, status, body, end) => {
    const bytes = latin1(text);
    const whole = readPieces([bytes]);
    expect(whole).toMatchObject({ body, end, bytesRead: bytes.length });
    expect(whole.head?.status).toBe(status);
    expect(readPieces(singleBytes(bytes))).toEqual(whole);
    for (let at = 1; at < bytes.length; at += 1) expect(readPieces(cutAt(bytes, [at]))).toEqual(whole);
    // What comes behind the end is left to whoever reads next.
    if (end === 'over') expect(readPieces([Buffer.concat([bytes, bytes])])).toEqual(whole);
  });
});

test('whatever comes, in whatever pieces, is read the same', () => {
  const anyCuts = fc.array(fc.noBias(fc.nat(400)), { maxLength: 10 });
  fc.assert(
    fc.property(fc.oneof(anyAnswer, changedAnswer), anyCuts, (text, cuts) => {
      const bytes = latin1(text);
      const whole = withoutFaultsPlace(readPieces([bytes]));
      expect(withoutFaultsPlace(readPieces(cutAt(bytes, cuts)))).toEqual(whole);
      expect(withoutFaultsPlace(readPieces(singleBytes(bytes)))).toEqual(whole);
    }),
    { numRuns: 500 },
  );
});

describe('answers of one connection', () => {
  test('none is mixed up with the one before, whatever their pieces', () => {
    const anyCuts = fc.array(fc.noBias(fc.nat(400)), { maxLength: 6 });
    const anyAnswers = fc.array(fc.tuple(anyAnswer, anyCuts), { maxLength: 6 });
    fc.assert(
      fc.property(anyAnswers, fc.boolean(), (answers, twice) => {
        const reader = new AnswerReader();
        for (const [text, cuts] of answers) {
          const bytes = latin1(text);
          const alone = readPieces([bytes]);
          expect(readPieces(cutAt(bytes, cuts), reader)).toEqual(alone);
          expect(reader.idleMs).toBe(alone.head?.idleMs);
          // The same head again, which is not parsed again.
          if (twice) expect(readPieces([bytes], reader)).toEqual(alone);
        }
      }),
    );
  });

  test('the rest of what was read belongs to the next', () => {
    const bytes = latin1(`${OK}content-length: 2\r\n\r\nhi${CONTINUE}HTTP/1.1 500 X\r\n${EMPTY}`);
    const reader = new AnswerReader();
    const first = readPieces([bytes], reader);
    expect(first).toMatchObject({ body: 'hi', end: 'over' });
    const second = readPieces([bytes.subarray(first.bytesRead)], reader);
    expect(second).toMatchObject({ head: { status: 500 }, end: 'over' });
    expect(first.bytesRead + second.bytesRead).toBe(bytes.length);
  });

  test('one that was broken off leaves nothing to the next', () => {
    const reader = new AnswerReader();
    const next = latin1(`HTTP/1.1 503 X\r\ncontent-length: 1\r\n\r\n!`);
    for (const text of [
      'HTT',
      `${OK}content-le`,
      `${OK}content-length: 9\r\n\r\nab`,
      `${OK}${CHUNKED}9\r\nab`,
    ]) {
      expect(readPieces([latin1(text)], reader)).toMatchObject({ end: 'open' });
      expect(readPieces([next], reader)).toMatchObject({ head: { status: 503 }, body: '!', end: 'over' });
    }
  });

  test('a head that was faulty is faulty again', () => {
    const reader = new AnswerReader();
    const bytes = latin1(`${OK}content-length: -1\r\n\r\n`);
    for (let n = 0; n < 3; n += 1) expect(readPieces([bytes], reader)).toMatchObject({ end: 'fault' });
  });

  test('nothing is read before an answer is asked for, nor after it was stopped', () => {
    const reader = new AnswerReader();
    const bytes = latin1(`${OK}\r\nab`);
    expect(reader.read(bytes, bytes.length)).toBe(0);
    expect(reader.endOfInput()).toBe(false);
    let taken = 0;
    reader.begin({
      onHead: () => {},
      onBody: () => {
        taken += 1;
        reader.stop();
      },
    });
    reader.read(bytes, bytes.length);
    expect(reader.read(bytes, bytes.length)).toBe(0);
    expect(taken).toBe(1);
    expect(reader.endOfInput()).toBe(false);
  });

  test('one whose taker stops at the head has no body', () => {
    const reader = new AnswerReader();
    let taken = 0;
    const onBody = (): void => {
      taken += 1;
    };
    reader.begin({ onHead: () => reader.stop(), onBody });
    const bytes = latin1(`${OK}content-length: 2\r\n\r\nab`);
    expect(reader.read(bytes, bytes.length)).toBe(bytes.length - 2);
    expect([taken, reader.done]).toEqual([0, true]);
  });
});

describe('a fault', () => {
  test.each([
    ['another protocol', 'S'],
    ['a page', '<'],
    ['lower case', 'h'],
    ['another version', 'HTTP/2'],
    ['no status', 'HTTP/1.1\r'],
    ['the settings of HTTP/2', '\0'],
    ['a NUL in the status line', 'HTTP/1.1 200\0'],
    ['a line feed alone', 'HTTP/1.1 200 OK\n'],
    ['a carriage return alone', 'HTTP/1.1 200 OK\rx'],
    ['two carriage returns', 'HTTP/1.1 200 OK\r\r'],
    ['a line feed alone in the headers', `${OK}x-a: b\n`],
    ['a carriage return alone in the headers', `${OK}x-a: b\rc`],
    ['two line feeds', `${OK}\n`],
    ['an escape sequence', `${OK}x-a: \x1b`],
    ['one behind an interim answer', `${CONTINUE}<`],
    ['101', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
    ['a length that is none', `${OK}content-length: -1\r\n\r\n`],
    ['a chunk without a size', `${OK}${CHUNKED}x`],
    ['a chunk that is too long', `${OK}${CHUNKED}1\r\nab`],
    ['a trailer that is none', `${OK}${CHUNKED}0\r\nab\r\n`],
  ])('%s: found with its last byte, not later and not before', (_name, text) => {
    const bytes = latin1(text);
    expect(readPieces([bytes])).toMatchObject({ end: 'fault' });
    expect(readPieces(singleBytes(bytes))).toMatchObject({ end: 'fault', bytesRead: bytes.length - 1 });
    for (let at = 1; at < bytes.length; at += 1) {
      expect(readPieces(cutAt(bytes, [at]))).toMatchObject({ end: 'fault', bytesRead: at });
      expect(readPieces([bytes.subarray(0, at)])).toMatchObject({ end: 'open' });
    }
  });
});

describe('a head of 16 KiB', () => {
  const longest = latin1(`${longHead(MOST_HEAD_BYTES)}\r\n\r\nabc`);
  const tooLong = latin1(`${longHead(MOST_HEAD_BYTES + 1)}\r\n\r\nabc`);
  const places = [1, 100, 8_192, ...[-1, 0, 1, 2, 3, 4, 5].map((n) => MOST_HEAD_BYTES + n)];

  test('is one, wherever it is cut; one byte more is a fault', () => {
    for (const before of ['', CONTINUE]) {
      const [one, none] = [longest, tooLong].map((bytes) => Buffer.concat([latin1(before), bytes]));
      const whole = readPieces([one as Buffer]);
      expect(whole).toMatchObject({ body: 'abc', end: 'over', bytesRead: one?.length });
      for (const at of places) {
        const cut = before.length + at;
        expect(readPieces(cutAt(one as Buffer, [cut]))).toEqual(whole);
        expect(readPieces(cutAt(none as Buffer, [cut]))).toMatchObject({
          end: 'fault',
          fault: 'headers beyond 16 KiB',
        });
      }
    }
    expect(readPieces(singleBytes(longest))).toMatchObject({ body: 'abc', end: 'over' });
  });

  test.each([
    ['byte by byte', 1],
    ['in small pieces', 1_000],
    ['in large ones', 65_536],
  ])('without an end: given up at once, %s', (_how, size) => {
    const endless = Buffer.alloc(4 * 65_536, 'y');
    latin1(`${OK}x-a: `).copy(endless);
    const pieces = Array.from({ length: Math.ceil(endless.length / size) }, (_, n) =>
      endless.subarray(n * size, (n + 1) * size),
    );
    const { end, fault, bytesRead } = readPieces(pieces);
    expect({ end, fault }).toEqual({ end: 'fault', fault: 'headers beyond 16 KiB' });
    expect(bytesRead).toBeLessThan(MOST_HEAD_BYTES + 4);
  });
});
