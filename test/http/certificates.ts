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

/** Makes an authority, and a server's and a client's certificate that it signed. */
export async function certificates(
  names: readonly string[] = ['localhost'],
  notAfter?: Date,
): Promise<Certificates> {
  const authority = await generate([{ name: 'commonName', value: 'acme test authority' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [{ name: 'basicConstraints', cA: true, critical: true }],
  });
  const ca = { key: authority.private, cert: authority.cert };
  const server = await generate([{ name: 'commonName', value: 'endpoint' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    ca,
    ...(notAfter ? { notBeforeDate: dayBefore(notAfter), notAfterDate: notAfter } : {}),
    extensions: [{ name: 'subjectAltName', altNames: names.map(altName) }],
  });
  const client = await generate([{ name: 'commonName', value: 'waybill' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    ca,
    extensions: [{ name: 'extKeyUsage', clientAuth: true }],
  });
  return {
    ca: authority.cert,
    caKey: authority.private,
    server: { key: server.private, cert: server.cert },
    client: { key: client.private, cert: client.cert },
  };
}

/** A day before it ended, or before now if it has not ended yet. */
function dayBefore(notAfter: Date): Date {
  return new Date(Math.min(notAfter.getTime(), Date.now()) - 86_400_000);
}

function altName(name: string) {
  return isIP(name) === 0 ? { type: 2 as const, value: name } : { type: 7 as const, ip: name };
}
