import { expect, test } from 'vitest';
import { oddCharactersIn } from '../../src/incidents/odd-characters.ts';

test.each([
  [{ sku: 'a\0b' }, ['a NUL character in $.sku']],
  [{ items: [{ upc: '\ud800' }] }, ['half of a character (a lone surrogate) in $.items[0].upc']],
  [{ sku: '\0\udfff' }, ['a NUL character in $.sku', 'half of a character (a lone surrogate) in $.sku']],
  [{ 'a\0': 1 }, ['a NUL character in a name in $']],
  [{ sku: '🏭 \\u0000 \u001f' }, []],
])('%j holds %j', (payload, odd) => {
  expect(oddCharactersIn(JSON.stringify(payload))).toEqual(odd);
});

test('whole characters that are escaped are not odd', () => {
  expect(oddCharactersIn('{"sku":"\\ud83c\\udfed"}')).toEqual([]);
});

test('five are named', () => {
  expect(oddCharactersIn(JSON.stringify(Array(9).fill('\0')))).toHaveLength(5);
});
