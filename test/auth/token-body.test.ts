import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { readTokenBody } from '../../src/auth/token-post.ts';

const LIMIT = 65_536;

function read(bytes: Uint8Array, contentEncoding?: string, complete = true) {
  return readTokenBody({ bytes, complete, contentEncoding });
}

test.each([
  ['gzip', gzipSync],
  ['X-GZIP', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
  ['identity', Buffer.from],
  [undefined, Buffer.from],
] as const)('a body in %s is read', (coding, pack) => {
  expect(read(pack(Buffer.from('{"a":"é"}')), coding)).toEqual({ text: '{"a":"é"}' });
  expect(read(pack(Buffer.from('\ufeff{}')), coding)).toEqual({ text: '{}' });
});

test('a packed body is unpacked up to 64 KiB and no further', () => {
  expect(read(gzipSync(Buffer.alloc(LIMIT, 0x20)), 'gzip')).toEqual({ text: ' '.repeat(LIMIT) });
  const tooLong = { problem: ' with more than 64 KiB', again: false };
  expect(read(gzipSync(Buffer.alloc(LIMIT + 1)), 'gzip')).toEqual(tooLong);
  expect(read(Buffer.alloc(LIMIT + 1), undefined, false)).toEqual(tooLong);
});

test('a body that cannot be read is a problem that stays, but for one that was cut', () => {
  expect(read(Buffer.from('{}'), 'gzip')).toEqual({
    problem: ' with a body that is not gzip, as it says',
    again: false,
  });
  expect(read(Buffer.from('{}'), 'zstd')).toEqual({
    problem: ' in a Content-Encoding that Waybill does not read',
    again: false,
  });
  expect(read(Buffer.from('{}'), '__proto__')).toHaveProperty('problem');
  expect(read(Buffer.from('{'), undefined, false)).toEqual({
    problem: ', and the connection ended in the middle of the body',
    again: true,
  });
  expect(read(Buffer.alloc(0), 'gzip')).toEqual({ text: '' });
});
