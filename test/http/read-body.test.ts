import fc from 'fast-check';
import { expect, test } from 'vitest';
import { textStart } from '../../src/http/read-answer.ts';

test.each([
  ['nothing', [], 10, ''],
  ['a short text', ['abc'], 10, 'abc'],
  ['several chunks', ['ab', 'cd', 'ef'], 5, 'abcde'],
  ['a character over two chunks', [Buffer.from([0xc3]), Buffer.from([0xb6])], 10, 'ö'],
  ['a cut in a character of two bytes', ['xöö'], 4, 'xö'],
  ['a cut in a character of four bytes', ['x😀😀'], 8, 'x😀'],
  ['control characters', ['a\u0000\u001b[31m\r\n'], 20, 'a\u0000\u001b[31m\r\n'],
  ['a broken sequence', [Buffer.from([0x61, 0xff, 0x62])], 10, 'a\ufffdb'],
  ['broken sequences that grow', [Buffer.alloc(9, 0xff)], 8, '\ufffd\ufffd'],
  ['stray continuation bytes', [Buffer.alloc(9, 0x80)], 8, '\ufffd\ufffd'],
])('%s', (_name, chunks, maxBytes, text) => {
  expect(
    textStart(
      chunks.map((chunk) => Buffer.from(chunk)),
      maxBytes,
    ),
  ).toBe(text);
});

test('is never longer than allowed, and the longest start of valid text that is not', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.integer({ min: 4, max: 60 }),
      (text, maxBytes) => {
        const valid = Buffer.from(text).toString();
        const start = textStart([Buffer.from(valid)], maxBytes);
        expect(valid.startsWith(start)).toBe(true);
        expect(Buffer.byteLength(start)).toBeLessThanOrEqual(maxBytes);
        const next = [...valid.slice(start.length)][0];
        if (next !== undefined) expect(Buffer.byteLength(start + next)).toBeGreaterThan(maxBytes);
      },
    ),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.integer({ min: 4, max: 60 }), (bytes, maxBytes) => {
      expect(Buffer.byteLength(textStart([Buffer.from(bytes)], maxBytes))).toBeLessThanOrEqual(maxBytes);
    }),
  );
});
