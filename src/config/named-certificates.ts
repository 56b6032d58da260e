import { type CertificateFacts, certificatesIn } from './certificates.ts';
import type { ResolvedClient } from './config-schema.ts';
import { namedTlsFiles } from './named-tls-files.ts';

/** A certificate in a file that a client's settings name. */
export interface NamedCertificate extends CertificateFacts {
  /** Waybill's own, with its chain; or an authority that is trusted. */
  readonly use: 'own' | 'authority';
  readonly section: 'tls' | 'auth.tls';
  /** Absolute. */
  readonly file: string;
}

/**
 * The certificates in the TLS files of a client. Of several with one subject and issuer in a file, as while an authority
 * is replaced, only the one that ends last is told.
 *
 * @param known by the text of a file: what is in it; clients may share their files
 */
export function namedCertificates(
  client: ResolvedClient,
  directory: string,
  known = new Map<string, readonly CertificateFacts[]>(),
): NamedCertificate[] {
  return namedTlsFiles(client, directory).flatMap(({ section, setting, file, text }) => {
    if (setting === 'key') return [];
    const facts = known.get(text) ?? latestOf(certificatesIn(text));
    known.set(text, facts);
    const use = setting === 'cert' ? 'own' : 'authority';
    return facts.map((each): NamedCertificate => ({ ...each, use, section, file }));
  });
}

function latestOf(certificates: readonly CertificateFacts[]): readonly CertificateFacts[] {
  const latest = new Map<string, CertificateFacts>();
  for (const facts of certificates) {
    const key = JSON.stringify([facts.subject, facts.issuer]);
    if (facts.validTo >= (latest.get(key)?.validTo ?? 0)) latest.set(key, facts);
  }
  return [...latest.values()];
}
