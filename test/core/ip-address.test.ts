import { isIP } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseIpAddress } from '../../src/core/special-addresses.ts';

test.each([
  ['1.2.3.4', 32, 0x01020304n],
  ['255.255.255.255', 32, 0xffff_ffffn],
  ['::', 128, 0n],
  ['::1', 128, 1n],
  ['1::', 128, 1n << 112n],
  ['::ffff:1.2.3.4', 128, 0xffff_0102_0304n],
  ['1:2:3:4:5:6:7:8', 128, 0x0001_0002_0003_0004_0005_0006_0007_0008n],
  ['FE80::A%eth0', 128, (0xfe80n << 112n) + 10n],
])('%s', (text, bits, value) => {
  expect(parseIpAddress(text)).toEqual({ bits, value });
});

test('reads what Node takes for an address, and nothing else', () => {
  const pieces = fc.constantFrom(
    ':',
    '::',
    '.',
    '0',
    '1',
    '12',
    '255',
    '256',
    '00',
    'ffff',
    '1.2.3.4',
    'g',
    '%a',
  );
  const almost = fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), almost), (text) => {
      expect(parseIpAddress(text)?.bits ?? 0).toBe({ 0: 0, 4: 32, 6: 128 }[isIP(text)]);
    }),
    { numRuns: 5_000 },
  );
});
