import { expect, test } from 'vitest';
import { readTokenBody } from '../../src/auth/token-post.ts';

const LIMIT = 65_536;

function read(bytes: Uint8Array, more: Partial<Parameters<typeof readTokenBody>[0]> = {}) {
  return readTokenBody({ bytes, complete: true, ...more });
}

test('a body is read without a byte order mark', () => {
  expect(read(Buffer.from('{"a":"é"}'))).toEqual({ text: '{"a":"é"}' });
  expect(read(Buffer.from('\ufeff{}'))).toEqual({ text: '{}' });
  expect(read(Buffer.alloc(0), { contentEncoding: 'gzip' })).toEqual({ text: '' });
});

test('a body of more than 64 KiB is none', () => {
  const tooLong = { problem: ' with more than 64 KiB', again: false };
  expect(read(Buffer.alloc(LIMIT, 0x20))).toEqual({ text: ' '.repeat(LIMIT) });
  expect(read(Buffer.alloc(LIMIT + 1))).toEqual(tooLong);
  expect(read(Buffer.alloc(LIMIT + 1), { complete: false })).toEqual(tooLong);
});

test('a body that cannot be read is a problem that stays, but for one that was cut', () => {
  const notGzip = { problem: ' with a body that is not gzip, as it says', again: false };
  expect(read(Buffer.from('{}'), { contentEncoding: 'gzip', fault: 'broken' })).toEqual(notGzip);
  expect(read(Buffer.from('{}'), { contentEncoding: 'gzip', fault: 'cut' })).toEqual(notGzip);
  expect(read(Buffer.from('{}'), { contentEncoding: 'zstd', fault: 'unknown' })).toEqual({
    problem: ' in a Content-Encoding that Waybill does not read',
    again: false,
  });
  expect(read(Buffer.from('{'), { complete: false })).toEqual({
    problem: ', and the connection ended in the middle of the body',
    again: true,
  });
});
