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

/**
 * ISATAP (RFC 5214, section 6.1) puts an IPv4 address behind this interface identifier, below any prefix; the
 * bit that is left out says whether that address is unique in the world.
 */
const ISATAP_IDENTIFIER = 0x0000_5efen;
const ISATAP_MASK = 0xfdff_ffffn;
const LOW_32_BITS = 0xffff_ffffn;
/** Of 16 bits, in an IPv6 address. */
const GROUPS = 8;

const NOT_AN_ADDRESS: SpecialRange = { cidr: '', name: 'not an IP address' };

interface Block {
  readonly bits: number;
  /** How far an address is shifted right until only the block's prefix is left. */
  readonly shift: bigint;
  readonly prefix: bigint;
}

function toBlock(cidr: string): Block {
  const [base = '', length = ''] = cidr.split('/');
  const address = parseIpAddress(base);
  if (address === undefined) throw new TypeError(`${cidr} is not a block of addresses`);
  const shift = BigInt(address.bits - Number(length));
  return { bits: address.bits, shift, prefix: address.value >> shift };
}

const SPECIAL_BLOCKS = [...SPECIAL_IPV4_RANGES, ...SPECIAL_IPV6_RANGES].map((range) => ({
  range,
  block: toBlock(range.cidr),
}));
const EMBEDDING_BLOCKS = EMBEDDING_RANGES.map(toBlock);

/**
 * The special range that an address belongs to; `undefined`: an ordinary public address. An IPv6 address
 * that embeds an IPv4 one is judged by that, an ISATAP one by both. What is not an IP address is in a range
 * of its own: not allowed.
 */
export function specialRangeOf(address: string): SpecialRange | undefined {
  const parsed = parseIpAddress(address);
  if (parsed === undefined) return NOT_AN_ADDRESS;
  const { bits, value } = parsed;
  if (EMBEDDING_BLOCKS.some((block) => holds(block, bits, value))) return rangeOf(32, value & LOW_32_BITS);
  const range = rangeOf(bits, value);
  return range === undefined && isIsatap(bits, value) ? rangeOf(32, value & LOW_32_BITS) : range;
}

function rangeOf(bits: number, value: bigint): SpecialRange | undefined {
  return SPECIAL_BLOCKS.find(({ block }) => holds(block, bits, value))?.range;
}

function isIsatap(bits: number, value: bigint): boolean {
  return bits === 128 && ((value >> 32n) & ISATAP_MASK) === ISATAP_IDENTIFIER;
}

function holds(block: Block, bits: number, value: bigint): boolean {
  return block.bits === bits && value >> block.shift === block.prefix;
}

/** An IP address as a number. */
export interface IpAddress {
  /** 32: IPv4, 128: IPv6. */
  readonly bits: 32 | 128;
  readonly value: bigint;
}

/**
 * Reads an IP address: dotted decimal without leading zeros, or IPv6 (RFC 4291, section 2.2) with or without
 * a zone. `undefined`: it is neither.
 */
export function parseIpAddress(text: string): IpAddress | undefined {
  if (!text.includes(':')) {
    const value = parseIpv4(text);
    return value === undefined ? undefined : { bits: 32, value: BigInt(value) };
  }
  const value = parseIpv6(text.replace(/%[\w.:-]+$/, ''));
  return value === undefined ? undefined : { bits: 128, value };
}

function parseIpv4(text: string): number | undefined {
  const octets = text.split('.');
  if (octets.length !== 4) return undefined;
  let value = 0;
  for (const octet of octets) {
    if (!/^(0|[1-9]\d{0,2})$/.test(octet) || Number(octet) > 255) return undefined;
    value = value * 256 + Number(octet);
  }
  return value;
}

function parseIpv6(text: string): bigint | undefined {
  const hexOnly = text.replace(/(?<=:)[\d.]+\.[\d.]+$/, toHexGroups);
  const halves = hexOnly.split('::');
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? '');
  const tail = parseGroups(halves[1] ?? '');
  if (head === undefined || tail === undefined) return undefined;
  const zeros = GROUPS - head.length - tail.length;
  if (halves.length === 2 ? zeros < 1 : zeros !== 0) return undefined;
  const groups = [...head, ...new Array<number>(zeros).fill(0), ...tail];
  return groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

/** The last 32 bits may be written as an IPv4 address. */
function toHexGroups(ipv4: string): string {
  const value = parseIpv4(ipv4);
  return value === undefined ? ipv4 : `${(value >>> 16).toString(16)}:${(value & 0xffff).toString(16)}`;
}

function parseGroups(text: string): number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return groups.map((group) => Number.parseInt(group, 16));
}
