import { createPrivateKey } from 'node:crypto';
import { isIP } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { generate } from 'selfsigned';

/** Keys and certificates in PEM. */
export interface Certificates {
  readonly ca: string;
  readonly caKey: string;
  /** For a server named localhost, or by the names or addresses given. */
  readonly server: TlsOptions & { readonly key: string; readonly cert: string };
  readonly client: { readonly key: string; readonly cert: string };
}

/** When certificates end, those that are not named in a year; and the name of the authority. */
export interface Wanted {
  readonly authority?: string;
  readonly ca?: Date | undefined;
  readonly server?: Date | undefined;
  /** From when on the server's is good; default: since yesterday, or a day before its end. */
  readonly serverFrom?: Date;
  readonly client?: Date | undefined;
}

/** Makes an authority, and a server's and a client's certificate that it signed. @param wanted or the server's end */
export async function certificates(
  names: readonly string[] = ['localhost'],
  wanted: Date | Wanted = {},
): Promise<Certificates> {
  const ends: Wanted = wanted instanceof Date ? { server: wanted } : wanted;
  const { authority: name = 'acme test authority' } = ends;
  const authority = await generate([{ name: 'commonName', value: name }], {
    ...COMMON,
    ...lifetime(ends.ca),
    extensions: [{ name: 'basicConstraints', cA: true, critical: true }],
  });
  const ca = { key: authority.private, cert: authority.cert };
  const server = await generate([{ name: 'commonName', value: 'endpoint' }], {
    ...COMMON,
    ca,
    ...lifetime(ends.server, ends.serverFrom),
    extensions: [{ name: 'subjectAltName', altNames: names.map(altName) }],
  });
  const client = await generate([{ name: 'commonName', value: 'waybill' }], {
    ...COMMON,
    ca,
    ...lifetime(ends.client),
    extensions: [{ name: 'extKeyUsage', clientAuth: true }],
  });
  return {
    ca: authority.cert,
    caKey: authority.private,
    server: { key: server.private, cert: server.cert },
    client: { key: client.private, cert: client.cert },
  };
}

const COMMON = { keyType: 'ec', algorithm: 'sha256' } as const;

/** Good since a day before it ended, or before now if it has not ended yet. */
function lifetime(end: Date | undefined, from?: Date) {
  if (end === undefined) return {};
  const begin = from ?? new Date(Math.min(end.getTime(), Date.now()) - 86_400_000);
  return { notBeforeDate: begin, notAfterDate: end };
}

function altName(name: string) {
  return isIP(name) === 0 ? { type: 2 as const, value: name } : { type: 7 as const, ip: name };
}

/** The same private key, encrypted: as PKCS #8 or in the older form of OpenSSL. */
export function encrypted(key: string, passphrase: string, type: 'pkcs8' | 'sec1' = 'pkcs8'): string {
  const options = { type, format: 'pem', cipher: 'aes-256-cbc', passphrase } as const;
  return String(createPrivateKey(key).export(options));
}
