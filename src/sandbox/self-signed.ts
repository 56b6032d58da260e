import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** A certificate and its key, as PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

const DAY_MS = 86_400_000;
const VALID_DAYS = 365;

/** Tags of ASN.1 (X.690), and those that RFC 5280 gives to parts of a certificate. */
const TAG = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  sequence: 0x30,
  set: 0x31,
  dnsName: 0x82,
  ipAddress: 0x87,
  version: 0xa0,
  extensions: 0xa3,
} as const;

const OID = {
  commonName: Buffer.from('550403', 'hex'),
  subjectAltName: Buffer.from('551d11', 'hex'),
  ecdsaWithSha256: Buffer.from('2a8648ce3d040302', 'hex'),
} as const;

const VERSION_3 = Buffer.of(2);
const NO_UNUSED_BITS = Buffer.of(0);

/**
 * Makes a certificate that signs itself (RFC 5280), and its key, both as PEM: who is to connect trusts it by name.
 * It is good for a year, and since yesterday: clocks differ.
 *
 * @param hosts the names and IP addresses that it is for
 * @param now milliseconds since the epoch
 */
export function makeSelfSigned(commonName: string, hosts: readonly string[], now: number): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = der('sequence', der('oid', OID.ecdsaWithSha256));
  const name = nameOf(commonName);
  const content = der(
    'sequence',
    der('version', der('integer', VERSION_3)),
    // Its first bit is not set: the number is positive.
    der('integer', Buffer.of(1), randomBytes(15)),
    algorithm,
    name,
    der('sequence', timeOf(now - DAY_MS), timeOf(now + VALID_DAYS * DAY_MS)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der('extensions', der('sequence', altNames(hosts))),
  );
  const signature = sign('sha256', content, privateKey);
  const certificate = der('sequence', content, algorithm, der('bitString', NO_UNUSED_BITS, signature));
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { cert: toPem(certificate), key };
}

/** A value by its tag, its length and its content, which may be values itself. */
function der(tag: keyof typeof TAG, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(TAG[tag], ...head), content]);
}

function nameOf(commonName: string): Buffer {
  const value = der('utf8String', Buffer.from(commonName));
  return der('sequence', der('set', der('sequence', der('oid', OID.commonName), value)));
}

/** RFC 5280, section 4.1.2.5.1: two digits of the year, until 2049. */
function timeOf(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/\D/g, '').slice(2, 14);
  return der('utcTime', Buffer.from(`${digits}Z`));
}

function altNames(hosts: readonly string[]): Buffer {
  const names = hosts.map((host) =>
    isIP(host) === 0
      ? der('dnsName', Buffer.from(host))
      : der('ipAddress', Buffer.from(ipaddr.parse(host).toByteArray())),
  );
  const value = der('octetString', der('sequence', ...names));
  return der('sequence', der('oid', OID.subjectAltName), value);
}

function toPem(bytes: Buffer): string {
  const lines = bytes.toString('base64').replace(/.{1,64}/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`;
}
