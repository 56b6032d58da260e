import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TokenCipher } from '../../src/auth/token-cipher.ts';

const KEY_NAME = 'wb:token:1';
const cipher = new TokenCipher('a key of the fleet');

test('what was sealed is opened, by the same secret and under the same name only', () => {
  const other = new TokenCipher('another key');
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const sealed = cipher.seal(text, KEY_NAME);
      expect(cipher.open(sealed, KEY_NAME)).toBe(text);
      expect(cipher.open(sealed, 'wb:token:2')).toBeUndefined();
      expect(other.open(sealed, KEY_NAME)).toBeUndefined();
    }),
  );
  expect(new TokenCipher('a key of the fleet').open(cipher.seal('text', KEY_NAME), KEY_NAME)).toBe('text');
});

test('the same text is never sealed to the same twice', () => {
  expect(new Set(Array.from({ length: 100 }, () => cipher.seal('text', KEY_NAME))).size).toBe(100);
});

test('what was changed, cut or never sealed is not opened', () => {
  const bytes = Buffer.from(cipher.seal('text', KEY_NAME).slice('wb1:'.length), 'base64');
  for (const index of bytes.keys()) {
    const changed = Buffer.from(bytes);
    changed[index] = (changed[index] ?? 0) ^ 1;
    expect(cipher.open(`wb1:${changed.toString('base64')}`, KEY_NAME)).toBeUndefined();
    expect(cipher.open(`wb1:${bytes.subarray(0, index).toString('base64')}`, KEY_NAME)).toBeUndefined();
  }
  for (const text of ['', 'wb1:', '{"id":"1"}', 'wb2:AAAA', `wb1:${'A'.repeat(40)}`]) {
    expect(cipher.open(text, KEY_NAME)).toBeUndefined();
  }
});
