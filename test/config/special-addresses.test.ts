import { BlockList, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  EMBEDDING_RANGES,
  SPECIAL_IPV4_RANGES,
  SPECIAL_IPV6_RANGES,
  specialRangeOf,
} from '../../src/config/special-addresses.ts';

/** First and last address of each block in IANA's two registries, and what must not be missing besides. */
const SPECIAL: ReadonlyArray<readonly [cidr: string, first: string, last: string]> = [
  ['0.0.0.0/8', '0.0.0.0', '0.255.255.255'],
  ['10.0.0.0/8', '10.0.0.0', '10.255.255.255'],
  ['100.64.0.0/10', '100.64.0.0', '100.127.255.255'],
  ['127.0.0.0/8', '127.0.0.0', '127.255.255.255'],
  ['169.254.0.0/16', '169.254.0.0', '169.254.255.255'],
  ['169.254.169.254/32', '169.254.169.254', '169.254.169.254'],
  ['172.16.0.0/12', '172.16.0.0', '172.31.255.255'],
  ['192.0.0.0/24', '192.0.0.0', '192.0.0.255'],
  ['192.0.2.0/24', '192.0.2.0', '192.0.2.255'],
  ['192.31.196.0/24', '192.31.196.0', '192.31.196.255'],
  ['192.52.193.0/24', '192.52.193.0', '192.52.193.255'],
  ['192.88.99.0/24', '192.88.99.0', '192.88.99.255'],
  ['192.168.0.0/16', '192.168.0.0', '192.168.255.255'],
  ['192.175.48.0/24', '192.175.48.0', '192.175.48.255'],
  ['198.18.0.0/15', '198.18.0.0', '198.19.255.255'],
  ['198.51.100.0/24', '198.51.100.0', '198.51.100.255'],
  ['203.0.113.0/24', '203.0.113.0', '203.0.113.255'],
  ['224.0.0.0/4', '224.0.0.0', '239.255.255.255'],
  ['240.0.0.0/4', '240.0.0.0', '255.255.255.254'],
  ['255.255.255.255/32', '255.255.255.255', '255.255.255.255'],
  ['168.63.129.16/32', '168.63.129.16', '168.63.129.16'],
  ['::1/128', '::1', '0:0:0:0:0:0:0:1'],
  ['::/128', '::', '::0'],
  ['::/96', '::2', '::ffff:ffff'],
  ['::ffff:0:0:0/96', '::ffff:0:0:0', '::ffff:0:8.8.8.8'],
  ['64:ff9b:1::/48', '64:ff9b:1::', '64:ff9b:1:ffff:ffff:ffff:ffff:ffff'],
  ['100::/64', '100::', '100::ffff:ffff:ffff:ffff'],
  ['100:0:0:1::/64', '100:0:0:1::', '100::1:ffff:ffff:ffff:ffff'],
  ['2001::/23', '2001:1::1', '2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['2001::/32', '2001::', '2001:0:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['2001:2::/48', '2001:2::', '2001:2:0:ffff:ffff:ffff:ffff:ffff'],
  ['2001:3::/32', '2001:3::', '2001:3:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['2001:4:112::/48', '2001:4:112::', '2001:4:112:ffff:ffff:ffff:ffff:ffff'],
  ['2001:10::/28', '2001:10::', '2001:1f:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['2001:20::/28', '2001:20::', '2001:2f:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['2001:30::/28', '2001:30::', '2001:3f:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['2001:db8::/32', '2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['2002::/16', '2002::', '2002:808:808::'],
  ['2620:4f:8000::/48', '2620:4f:8000::', '2620:4f:8000:ffff:ffff:ffff:ffff:ffff'],
  ['3fff::/20', '3fff::', '3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['5f00::/16', '5f00::', '5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['fc00::/7', 'fc00::', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['fd00:ec2::254/128', 'fd00:ec2::254', 'FD00:EC2::254'],
  ['fe80::/10', 'fe80::1%eth0', 'febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['fec0::/10', 'fec0::', 'feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['ff00::/8', 'ff00::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['::/3', '64:ff9c::', '1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['4000::/2', '4000::', '7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['8000::/1', '8000::', 'fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
];

describe('special addresses', () => {
  test.each(SPECIAL)('%s from %s to %s', (cidr, first, last) => {
    expect(specialRangeOf(first)?.cidr).toBe(cidr);
    expect(specialRangeOf(last)?.cidr).toBe(cidr);
  });

  test('this test knows every block', () => {
    const blocks = [...SPECIAL_IPV4_RANGES, ...SPECIAL_IPV6_RANGES].map(({ cidr }) => cidr);
    expect(SPECIAL.map(([cidr]) => cidr).sort()).toEqual(blocks.sort());
  });

  test.each([
    ...[
      '1.1.1.1',
      '9.255.255.255',
      '11.0.0.0',
      '93.184.216.34',
      '100.63.255.255',
      '100.128.0.0',
      '126.255.255.255',
    ],
    ...[
      '128.0.0.0',
      '169.253.255.255',
      '169.255.0.0',
      '172.15.255.255',
      '172.32.0.0',
      '192.0.1.0',
      '192.167.255.255',
    ],
    ...['192.169.0.0', '198.17.255.255', '198.20.0.0', '223.255.255.255', '168.63.129.15'],
    ...[
      '2606:2800:220:1:248:1893:25c8:1946',
      '2001:4860:4860::8888',
      '2001:200::',
      '2001:db9::',
      '2003::',
      '3fff:1000::',
    ],
    ...['2a00::1', '3ffe::1', '2620:4f:8001::'],
  ])('%s is an ordinary address', (address) => {
    expect(specialRangeOf(address)).toBeUndefined();
  });

  test.each(['::ffff:', '64:ff9b::'])('%s is judged by the IPv4 address in it', (prefix) => {
    expect(specialRangeOf(`${prefix}8.8.8.8`)).toBeUndefined();
    expect(specialRangeOf(`${prefix}808:808`)).toBeUndefined();
    expect(specialRangeOf(`${prefix}127.0.0.1`)?.cidr).toBe('127.0.0.0/8');
    expect(specialRangeOf(`${prefix}a9fe:a9fe`)?.cidr).toBe('169.254.169.254/32');
    expect(specialRangeOf(`${prefix}a00:1`)?.cidr).toBe('10.0.0.0/8');
  });

  test.each([
    '',
    'acme.example',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '010.1.1.1',
    '0x7f.1',
    '::1::',
    '1:2:3',
    'g::',
  ])('what is no address is not let pass: %j', (text) => {
    expect(specialRangeOf(text)).toMatchObject({ name: 'not an IP address' });
  });

  test('agrees with Node’s block lists', () => {
    // One for each family: Node looks up an IPv4 address among the IPv6 blocks as well, as a mapped one.
    const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
    for (const { cidr } of [...SPECIAL_IPV4_RANGES, ...SPECIAL_IPV6_RANGES]) {
      const [base = '', length] = cidr.split('/');
      const family = isIPv6(base) ? 'ipv6' : 'ipv4';
      lists[family].addSubnet(base, Number(length), family);
    }
    const embedding = new BlockList();
    for (const cidr of EMBEDDING_RANGES) embedding.addSubnet(cidr.split('/')[0] ?? '', 96, 'ipv6');
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
        const family = isIPv6(address) ? 'ipv6' : 'ipv4';
        fc.pre(family === 'ipv4' || !embedding.check(address, 'ipv6'));
        expect(specialRangeOf(address) !== undefined).toBe(lists[family].check(address, family));
      }),
      { numRuns: 2_000 },
    );
  });
});
