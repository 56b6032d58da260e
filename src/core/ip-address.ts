/** An IP address as a number. */
export interface IpAddress {
  /** 32: IPv4, 128: IPv6. */
  readonly bits: 32 | 128;
  readonly value: bigint;
}

const GROUPS = 8;

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
