import { describe, expect, test } from 'vitest';
import { parseAnswerHead } from '../../src/http/answer-head.ts';

/** The head of an answer with these headers. */
function parse(...headers: string[]) {
  return parseAnswerHead(['HTTP/1.1 200 OK', ...headers].join('\r\n'));
}

const NOT_A_LENGTH = { fault: 'a Content-Length that is no number of bytes' };
const TWO_LENGTHS = { fault: 'two lengths of the body' };
const BOTH = { fault: 'both Content-Length and Transfer-Encoding' };

describe('length', () => {
  test.each([
    ['0', 0],
    ['1', 1],
    ['007', 7],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    [`${'0'.repeat(400)}1`, 1],
    ['\t 5 \t', 5],
  ])('%j is %d', (value, length) => {
    expect(parse(`content-length:${value}`)).toMatchObject({ length });
    expect(parse(`CONTENT-Length: ${value}`)).toMatchObject({ length });
  });

  test.each([
    [''],
    ['-1'],
    ['+1'],
    ['1.0'],
    ['1e3'],
    ['0x10'],
    ['1 2'],
    ['1,1'],
    ['1;'],
    ['"1"'],
    ['9007199254740992'],
    ['9'.repeat(400)],
    ['five'],
    // A no-break space is no blank of HTTP.
    ['5\xa0'],
    ['\xa05'],
    ['\xb2'],
  ])('%j is none', (value) => {
    expect(parse(`content-length: ${value}`)).toEqual(NOT_A_LENGTH);
  });

  test.each([
    [['content-length: 1', 'content-length: 2'], TWO_LENGTHS],
    [['content-length: 1', 'x-a: b', 'Content-Length: 1'], TWO_LENGTHS],
    [['content-length: 1', 'transfer-encoding: chunked'], BOTH],
    [['transfer-encoding: chunked', 'content-length: 1'], BOTH],
    [['transfer-encoding: gzip', 'content-length: 0'], BOTH],
    [['transfer-encoding:', 'content-length: 0'], BOTH],
  ])('%j: a fault', (headers, fault) => {
    expect(parse(...headers)).toEqual(fault);
  });

  test.each([100, 103, 199, 204, 304])('%d has no body, whatever its headers say', (status) => {
    const line = `HTTP/1.1 ${status} Text`;
    for (const header of ['x-a: b', 'content-length: 5', 'transfer-encoding: chunked']) {
      expect(parseAnswerHead(`${line}\r\n${header}`)).toMatchObject({ status, length: 0 });
    }
    expect(parseAnswerHead(`${line}\r\ncontent-length: five`)).toEqual(NOT_A_LENGTH);
  });

  test.each([200, 205, 300, 305])('%d has one', (status) => {
    expect(parseAnswerHead(`HTTP/1.1 ${status} Text\r\ncontent-length: 5`)).toMatchObject({ length: 5 });
    expect(parseAnswerHead(`HTTP/1.1 ${status} Text`)).toMatchObject({ length: 'until_close' });
  });
});

describe('codings', () => {
  test.each([
    [['chunked']],
    [['Chunked']],
    [['\tchunked \t']],
    [['gzip, chunked']],
    [['gzip,chunked']],
    [['gzip ,\t chunked']],
    [[', chunked']],
    [['chunked, chunked']],
    [['gzip', 'chunked']],
    [['', 'chunked']],
  ])('%j: in chunks', (values) => {
    expect(parse(...values.map((value) => `Transfer-Encoding: ${value}`))).toMatchObject({
      length: 'chunked',
    });
  });

  test.each([
    [['']],
    [['gzip']],
    [['identity']],
    [['chunked, gzip']],
    [['chunked,']],
    [['chunked', 'gzip']],
    [['xchunked']],
    [['x-chunked']],
    [['gzip chunked']],
    [['gzip\tchunked']],
    [['chunked;q=1']],
    [['"chunked"']],
    [['chunked\xa0']],
    [['\xa0chunked']],
    [['chun', 'ked']],
  ])('%j: until the connection ends, after which it cannot be used', (values) => {
    const head = parse(...values.map((value) => `transfer-encoding: ${value}`));
    expect(head).toMatchObject({ length: 'until_close', idleMs: 0 });
  });
});
