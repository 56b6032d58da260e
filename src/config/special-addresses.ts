import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** A block of addresses that no client's endpoint can have on the public internet. */
export interface SpecialRange {
  readonly cidr: string;
  /** What the block is for, to stand in a sentence: "10.0.0.1 is a private address". */
  readonly name: string;
}

/**
 * The IANA IPv4 Special-Purpose Address Registry in full, multicast, and one public address that a cloud
 * answers on its hosts. What the registry calls globally reachable (anycast services) is no endpoint either.
 */
export const SPECIAL_IPV4_RANGES: readonly SpecialRange[] = [
  { cidr: '0.0.0.0/8', name: 'a "this network" address' },
  { cidr: '10.0.0.0/8', name: 'a private address' },
  { cidr: '100.64.0.0/10', name: 'a shared (carrier-grade NAT) address' },
  { cidr: '127.0.0.0/8', name: 'a loopback address' },
  { cidr: '168.63.129.16/32', name: 'a cloud metadata address' },
  { cidr: '169.254.169.254/32', name: 'a cloud metadata address' },
  { cidr: '169.254.0.0/16', name: 'a link-local address' },
  { cidr: '172.16.0.0/12', name: 'a private address' },
  { cidr: '192.0.0.0/24', name: 'an IETF protocol assignment' },
  { cidr: '192.0.2.0/24', name: 'a documentation address' },
  { cidr: '192.31.196.0/24', name: 'an AS112 address' },
  { cidr: '192.52.193.0/24', name: 'an AMT relay address' },
  { cidr: '192.88.99.0/24', name: 'a 6to4 relay address' },
  { cidr: '192.168.0.0/16', name: 'a private address' },
  { cidr: '192.175.48.0/24', name: 'an AS112 address' },
  { cidr: '198.18.0.0/15', name: 'a benchmarking address' },
  { cidr: '198.51.100.0/24', name: 'a documentation address' },
  { cidr: '203.0.113.0/24', name: 'a documentation address' },
  { cidr: '224.0.0.0/4', name: 'a multicast address' },
  { cidr: '255.255.255.255/32', name: 'a broadcast address' },
  { cidr: '240.0.0.0/4', name: 'a reserved address' },
];

/**
 * The IANA IPv6 Special-Purpose Address Registry, and all that lies outside of 2000::/3, the one block that
 * IANA assigns global unicast addresses from. The first range that holds an address names it.
 */
export const SPECIAL_IPV6_RANGES: readonly SpecialRange[] = [
  { cidr: '::1/128', name: 'a loopback address' },
  { cidr: '::/128', name: 'an unspecified address' },
  { cidr: '::/96', name: 'an IPv4-compatible address' },
  { cidr: '::ffff:0:0:0/96', name: 'an IPv4-translated address' },
  { cidr: '64:ff9b:1::/48', name: 'a local-use NAT64 address' },
  { cidr: '100::/64', name: 'a discard-only address' },
  { cidr: '100:0:0:1::/64', name: 'a dummy prefix address' },
  { cidr: '2001::/32', name: 'a Teredo address' },
  { cidr: '2001:2::/48', name: 'a benchmarking address' },
  { cidr: '2001:3::/32', name: 'an AMT relay address' },
  { cidr: '2001:4:112::/48', name: 'an AS112 address' },
  { cidr: '2001:10::/28', name: 'an ORCHID identifier' },
  { cidr: '2001:20::/28', name: 'an ORCHIDv2 identifier' },
  { cidr: '2001:30::/28', name: 'a drone remote identification tag' },
  { cidr: '2001::/23', name: 'an IETF protocol assignment' },
  { cidr: '2001:db8::/32', name: 'a documentation address' },
  { cidr: '2002::/16', name: 'a 6to4 address' },
  { cidr: '2620:4f:8000::/48', name: 'an AS112 address' },
  { cidr: '3fff::/20', name: 'a documentation address' },
  { cidr: '5f00::/16', name: 'a segment routing identifier' },
  { cidr: 'fd00:ec2::254/128', name: 'a cloud metadata address' },
  { cidr: 'fc00::/7', name: 'a unique local (private) address' },
  { cidr: 'fe80::/10', name: 'a link-local address' },
  { cidr: 'fec0::/10', name: 'a site-local address' },
  { cidr: 'ff00::/8', name: 'a multicast address' },
  { cidr: '::/3', name: 'a reserved address' },
  { cidr: '4000::/2', name: 'a reserved address' },
  { cidr: '8000::/1', name: 'a reserved address' },
];

/** IPv6 blocks whose last 32 bits are the IPv4 address that is reached: mapped (RFC 4291), NAT64 (RFC 6052). */
export const EMBEDDING_RANGES: readonly string[] = ['::ffff:0:0/96', '64:ff9b::/96'];

const NOT_AN_ADDRESS: SpecialRange = { cidr: '', name: 'not an IP address' };

type Address = ipaddr.IPv4 | ipaddr.IPv6;

const SPECIAL_BLOCKS = [...SPECIAL_IPV4_RANGES, ...SPECIAL_IPV6_RANGES].map((range) => ({
  range,
  block: ipaddr.parseCIDR(range.cidr),
}));
const EMBEDDING_BLOCKS = EMBEDDING_RANGES.map((cidr) => ipaddr.parseCIDR(cidr));

/**
 * The special range that an address belongs to; `undefined`: an ordinary public address. An IPv6 address
 * that embeds an IPv4 one is judged by that, an ISATAP one by both. What is not an IP address is in a range
 * of its own: not allowed.
 */
export function specialRangeOf(text: string): SpecialRange | undefined {
  // Node connects to what it takes for an address; the library reads more (octal, hexadecimal, fewer parts).
  const family = isIP(text);
  if (family === 0) return NOT_AN_ADDRESS;
  const address = family === 4 ? ipaddr.IPv4.parse(text) : ipaddr.IPv6.parse(toHexadecimal(text));
  if (EMBEDDING_BLOCKS.some((block) => isIn(address, block))) return rangeOf(embeddedIpv4(address));
  return rangeOf(address) ?? (isIsatap(address) ? rangeOf(embeddedIpv4(address)) : undefined);
}

/** An IPv6 address without its zone and without decimals: the library reads ::8.8.8.8 as ::ffff:8.8.8.8. */
function toHexadecimal(text: string): string {
  return new URL(`http://[${text.replace(/%.*$/, '')}]`).hostname.slice(1, -1);
}

function rangeOf(address: Address): SpecialRange | undefined {
  return SPECIAL_BLOCKS.find(({ block }) => isIn(address, block))?.range;
}

function isIn(address: Address, [base, length]: readonly [Address, number]): boolean {
  return address.kind() === base.kind() && address.match(base, length);
}

/** The last 32 bits. */
function embeddedIpv4(address: Address): ipaddr.IPv4 {
  return new ipaddr.IPv4(address.toByteArray().slice(-4));
}

/**
 * ISATAP (RFC 5214, section 6.1) puts an IPv4 address behind the interface identifier 0:5efe, below any prefix;
 * 200:5efe says that the address is unique in the world.
 */
function isIsatap(address: Address): boolean {
  if (address.kind() === 'ipv4') return false;
  const { parts } = address as ipaddr.IPv6;
  return (parts[4] === 0 || parts[4] === 0x200) && parts[5] === 0x5efe;
}
