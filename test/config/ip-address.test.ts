import { isIP } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { specialRangeOf } from '../../src/config/special-addresses.ts';

const NOT_AN_ADDRESS = 'not an IP address';

test.each([
  ['::', '::/128'],
  ['0:0:0:0:0:0:0:0', '::/128'],
  ['::1', '::1/128'],
  ['0:0::0:1', '::1/128'],
  ['fc00::', 'fc00::/7'],
  ['::ffff:1.2.3.4', undefined],
  ['::FFFF:0102:0304', undefined],
  ['::ffff:10.2.3.4', '10.0.0.0/8'],
  ['0:0:0:0:0:ffff:10.2.3.4%eth0', '10.0.0.0/8'],
  ['FE80::A%eth0', 'fe80::/10'],
  ['fe80::a%eth0.1:2', 'fe80::/10'],
  ['2001:0DB8::1:2', '2001:db8::/32'],
])('%s is read as Node reads it', (text, cidr) => {
  expect(specialRangeOf(text)?.cidr).toBe(cidr);
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
    '%a.b:c',
  );
  const almost = fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), almost), (text) => {
      expect(specialRangeOf(text)?.name === NOT_AN_ADDRESS).toBe(isIP(text) === 0);
    }),
    { numRuns: 5_000 },
  );
});
