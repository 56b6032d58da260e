import { isIP } from 'node:net';
import { describe, expect, test } from 'vitest';
import { specialRangeOf } from '../../src/config/special-addresses.ts';

type Verdict = 'ordinary' | 'refused';
type Row = readonly [
  block: string,
  name: string,
  rfc: string,
  /** The neighbours just outside; `none`: there is no such address. */
  before: Verdict | 'none',
  after: Verdict | 'none',
];

/*
 * IANA's registries row by row. All of them are refused, those too that are globally reachable: an anycast
 * address of PCP, TURN, AMT or AS112 is nobody's endpoint. A neighbour that is refused lies in another row's
 * block, or outside of 2000::/3.
 */
const IPV4_REGISTRY: readonly Row[] = [
  ['0.0.0.0/8', 'This network', 'RFC 791', 'none', 'ordinary'],
  ['0.0.0.0/32', 'This host on this network', 'RFC 1122', 'none', 'refused'],
  ['10.0.0.0/8', 'Private-Use', 'RFC 1918', 'ordinary', 'ordinary'],
  ['100.64.0.0/10', 'Shared Address Space', 'RFC 6598', 'ordinary', 'ordinary'],
  ['127.0.0.0/8', 'Loopback', 'RFC 1122', 'ordinary', 'ordinary'],
  ['169.254.0.0/16', 'Link Local', 'RFC 3927', 'ordinary', 'ordinary'],
  ['172.16.0.0/12', 'Private-Use', 'RFC 1918', 'ordinary', 'ordinary'],
  ['192.0.0.0/24', 'IETF Protocol Assignments', 'RFC 6890', 'ordinary', 'ordinary'],
  ['192.0.0.0/29', 'IPv4 Service Continuity Prefix', 'RFC 7335', 'ordinary', 'refused'],
  ['192.0.0.8/32', 'IPv4 dummy address', 'RFC 7600', 'refused', 'refused'],
  ['192.0.0.9/32', 'Port Control Protocol Anycast', 'RFC 7723', 'refused', 'refused'],
  ['192.0.0.10/32', 'Traversal Using Relays around NAT Anycast', 'RFC 8155', 'refused', 'refused'],
  ['192.0.0.170/32', 'NAT64/DNS64 Discovery', 'RFC 8880, RFC 7050', 'refused', 'refused'],
  ['192.0.0.171/32', 'NAT64/DNS64 Discovery', 'RFC 8880, RFC 7050', 'refused', 'refused'],
  ['192.0.2.0/24', 'Documentation (TEST-NET-1)', 'RFC 5737', 'ordinary', 'ordinary'],
  ['192.31.196.0/24', 'AS112-v4', 'RFC 7535', 'ordinary', 'ordinary'],
  ['192.52.193.0/24', 'AMT', 'RFC 7450', 'ordinary', 'ordinary'],
  ['192.88.99.0/24', 'Deprecated (6to4 Relay Anycast)', 'RFC 7526', 'ordinary', 'ordinary'],
  ['192.88.99.2/32', '6a44-relay anycast address', 'RFC 6751', 'refused', 'refused'],
  ['192.168.0.0/16', 'Private-Use', 'RFC 1918', 'ordinary', 'ordinary'],
  ['192.175.48.0/24', 'Direct Delegation AS112 Service', 'RFC 7534', 'ordinary', 'ordinary'],
  ['198.18.0.0/15', 'Benchmarking', 'RFC 2544', 'ordinary', 'ordinary'],
  ['198.51.100.0/24', 'Documentation (TEST-NET-2)', 'RFC 5737', 'ordinary', 'ordinary'],
  ['203.0.113.0/24', 'Documentation (TEST-NET-3)', 'RFC 5737', 'ordinary', 'ordinary'],
  ['240.0.0.0/4', 'Reserved', 'RFC 1112', 'refused', 'none'],
  ['255.255.255.255/32', 'Limited Broadcast', 'RFC 8190, RFC 919', 'refused', 'none'],
];

/** Those whose last 32 bits are the IPv4 address that is reached are judged by it: see below. */
const IPV6_REGISTRY: readonly Row[] = [
  ['::1/128', 'Loopback Address', 'RFC 4291', 'refused', 'refused'],
  ['::/128', 'Unspecified Address', 'RFC 4291', 'none', 'refused'],
  ['64:ff9b:1::/48', 'IPv4-IPv6 Translat.', 'RFC 8215', 'refused', 'refused'],
  ['100::/64', 'Discard-Only Address Block', 'RFC 6666', 'refused', 'refused'],
  ['100:0:0:1::/64', 'Dummy IPv6 Prefix', 'RFC 9780', 'refused', 'refused'],
  ['2001::/23', 'IETF Protocol Assignments', 'RFC 2928', 'ordinary', 'ordinary'],
  ['2001::/32', 'TEREDO', 'RFC 4380, RFC 8190', 'ordinary', 'refused'],
  ['2001:1::1/128', 'Port Control Protocol Anycast', 'RFC 7723', 'refused', 'refused'],
  ['2001:1::2/128', 'Traversal Using Relays around NAT Anycast', 'RFC 8155', 'refused', 'refused'],
  ['2001:1::3/128', 'DNS-SD Service Registration Protocol Anycast', 'RFC 9665', 'refused', 'refused'],
  ['2001:2::/48', 'Benchmarking', 'RFC 5180', 'refused', 'refused'],
  ['2001:3::/32', 'AMT', 'RFC 7450', 'refused', 'refused'],
  ['2001:4:112::/48', 'AS112-v6', 'RFC 7535', 'refused', 'refused'],
  ['2001:10::/28', 'Deprecated (previously ORCHID)', 'RFC 4843', 'refused', 'refused'],
  ['2001:20::/28', 'ORCHIDv2', 'RFC 7343', 'refused', 'refused'],
  ['2001:30::/28', 'Drone Remote ID Protocol Entity Tags', 'RFC 9374', 'refused', 'refused'],
  ['2001:db8::/32', 'Documentation', 'RFC 3849', 'ordinary', 'ordinary'],
  ['2002::/16', '6to4', 'RFC 3056', 'ordinary', 'ordinary'],
  ['2620:4f:8000::/48', 'Direct Delegation AS112 Service', 'RFC 7534', 'ordinary', 'ordinary'],
  ['3fff::/20', 'Documentation', 'RFC 9637', 'ordinary', 'ordinary'],
  ['5f00::/16', 'Segment Routing (SRv6) SIDs', 'RFC 9602', 'refused', 'refused'],
  ['fc00::/7', 'Unique-Local', 'RFC 4193', 'refused', 'refused'],
  ['fe80::/10', 'Link-Local Unicast', 'RFC 4291', 'refused', 'refused'],
];

/** What stands in registries of its own, or in none, and is no endpoint either. */
const BESIDES: readonly Row[] = [
  ['224.0.0.0/4', 'Multicast', 'RFC 5771', 'ordinary', 'refused'],
  ['168.63.129.16/32', 'a cloud host’s own services', '-', 'ordinary', 'ordinary'],
  ['169.254.169.254/32', 'cloud metadata', '-', 'refused', 'refused'],
  ['100.100.100.200/32', 'cloud metadata', '-', 'refused', 'refused'],
  ['ff00::/8', 'Multicast', 'RFC 4291', 'refused', 'none'],
  ['fec0::/10', 'Site-Local (deprecated)', 'RFC 3879', 'refused', 'refused'],
  ['fd00:ec2::254/128', 'cloud metadata', '-', 'refused', 'refused'],
  ['fd20:ce::254/128', 'cloud metadata', '-', 'refused', 'refused'],
  ['::/96', 'IPv4-compatible (deprecated)', 'RFC 4291', 'none', 'refused'],
  ['::ffff:0:0:0/96', 'IPv4-translated', 'RFC 2765', 'refused', 'refused'],
];

/** Blocks in which the IPv4 address is reached that stands in the last 32 bits. */
const EMBEDDING = [
  ['::ffff:0:0/96', '::ffff:', 'IPv4-mapped Address', 'RFC 4291'],
  ['64:ff9b::/96', '64:ff9b::', 'IPv4-IPv6 Translat.', 'RFC 6052'],
  ['2600:1900::5efe:0:0/96', '2600:1900::5efe:', 'ISATAP', 'RFC 5214'],
  ['2600:1900::200:5efe:0:0/96', '2600:1900::200:5efe:', 'ISATAP, unique in the world', 'RFC 5214'],
] as const;

const verdictOf = (address: string): Verdict =>
  specialRangeOf(address) === undefined ? 'ordinary' : 'refused';

/** The first and the last address of a block, and those beside it; written out here a second time on purpose. */
function edgesOf(block: string) {
  const [base = '', length = ''] = block.split('/');
  const bits = isIP(base) === 6 ? 128n : 32n;
  const write = bits === 32n ? toIpv4 : toIpv6;
  const first = bits === 32n ? fromIpv4(base) : fromIpv6(base);
  const last = first + 2n ** (bits - BigInt(length)) - 1n;
  return {
    first: write(first),
    last: write(last),
    before: first === 0n ? undefined : write(first - 1n),
    after: last === 2n ** bits - 1n ? undefined : write(last + 1n),
  };
}

function fromIpv4(text: string): bigint {
  return text.split('.').reduce((value, octet) => value * 256n + BigInt(octet), 0n);
}

function toIpv4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
}

function fromIpv6(text: string): bigint {
  const [head = [], tail = []] = text
    .split('::')
    .map((half) => half.split(':').filter((group) => group !== ''));
  const zeros = new Array<string>(8 - head.length - tail.length).fill('0');
  return BigInt(`0x${[...head, ...zeros, ...tail].map((group) => group.padStart(4, '0')).join('')}`);
}

function toIpv6(value: bigint): string {
  const digits = value.toString(16).padStart(32, '0');
  return (digits.match(/.{4}/g) ?? []).join(':');
}

const ROWS = [...IPV4_REGISTRY, ...IPV6_REGISTRY, ...BESIDES];

describe('IANA’s special-purpose addresses', () => {
  test.each(ROWS)('%s, %s (%s): refused; before it %s, after it %s', (block, _name, _rfc, before, after) => {
    const edges = edgesOf(block);
    expect(verdictOf(edges.first)).toBe('refused');
    expect(verdictOf(edges.last)).toBe('refused');
    expect(edges.before === undefined ? 'none' : verdictOf(edges.before)).toBe(before);
    expect(edges.after === undefined ? 'none' : verdictOf(edges.after)).toBe(after);
  });

  test.each(EMBEDDING)('%s, %s…, %s (%s): as the IPv4 address in it', (_block, prefix) => {
    for (const [block, , , before, after] of [...IPV4_REGISTRY, ...BESIDES]) {
      if (block.includes(':')) continue;
      const edges = edgesOf(block);
      const verdicts = [
        [edges.first, 'refused'],
        [edges.last, 'refused'],
        [edges.before, before],
        [edges.after, after],
      ] as const;
      for (const [address, verdict] of verdicts) {
        if (address !== undefined)
          expect([address, verdictOf(`${prefix}${address}`)]).toEqual([address, verdict]);
      }
    }
    expect(verdictOf(`${prefix}8.8.8.8`)).toBe('ordinary');
  });

  test.each(['2002:808:808::', '2001:0:808:808::', '::8.8.8.8', '64:ff9b:1::808:808', 'fe80::5efe:808:808'])(
    '%s is refused, whatever IPv4 address is in it',
    (address) => expect(verdictOf(address)).toBe('refused'),
  );
});
