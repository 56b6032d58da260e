import { generate } from 'selfsigned';

/** A certificate and its key, as PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** One certificate authority, and certificates for 127.0.0.1 and localhost that differ in what is wrong with them. */
export interface TestCertificates {
  /** The authority's own certificate: what a client has to trust. */
  readonly ca: string;
  readonly valid: KeyPair;
  /** Was good until yesterday. */
  readonly expired: KeyPair;
  /** Made out to another host. */
  readonly wrongHost: KeyPair;
  /** Signed by itself instead of the authority. */
  readonly selfSigned: KeyPair;
  /** For a client that has to show a certificate of its own. */
  readonly client: KeyPair;
}

type Options = NonNullable<Parameters<typeof generate>[1]>;
type Extensions = NonNullable<Options['extensions']>;

const DAY_MS = 86_400_000;
let made: Promise<TestCertificates> | undefined;

/** The certificates, made once in each test process. */
export function testCertificates(): Promise<TestCertificates> {
  made ??= makeCertificates();
  return made;
}

async function makeCertificates(): Promise<TestCertificates> {
  const ca = await pair('Acme Test Authority', [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
  ]);
  const loopback = server([
    { type: 2, value: 'localhost' },
    { type: 7, ip: '127.0.0.1' },
  ]);
  const past = { notBeforeDate: daysFromNow(-30), notAfterDate: daysFromNow(-1) };
  const [valid, expired, wrongHost, selfSigned, client] = await Promise.all([
    pair('localhost', loopback, { ca }),
    pair('localhost', loopback, { ca, ...past }),
    pair('returns.acme.example', server([{ type: 2, value: 'returns.acme.example' }]), { ca }),
    pair('localhost', loopback),
    pair('waybill', [{ name: 'extKeyUsage', clientAuth: true }], { ca }),
  ]);
  return { ca: ca.cert, valid, expired, wrongHost, selfSigned, client };
}

function server(altNames: Extract<Extensions[number], { name: 'subjectAltName' }>['altNames']): Extensions {
  return [
    { name: 'basicConstraints', cA: false },
    { name: 'keyUsage', digitalSignature: true, critical: true },
    { name: 'extKeyUsage', serverAuth: true },
    { name: 'subjectAltName', altNames },
  ];
}

async function pair(commonName: string, extensions: Extensions, options: Options = {}): Promise<KeyPair> {
  const made = await generate([{ name: 'commonName', value: commonName }], {
    keyType: 'ec',
    algorithm: 'sha256',
    // A little in the past, so that a clock that is corrected meanwhile does no harm.
    notBeforeDate: daysFromNow(-1),
    extensions,
    ...options,
  });
  return { cert: made.cert, key: made.private };
}

function daysFromNow(days: number): Date {
  return new Date(Date.now() + days * DAY_MS);
}
