import { X509Certificate } from 'node:crypto';

/** A certificate, as far as operators need to know. Times in ms since the epoch. */
export interface CertificateFacts {
  /** The common name, or all of the subject on one line if it has none. */
  readonly subject: string;
  readonly issuer: string;
  readonly validFrom: number;
  readonly validTo: number;
}

/** A certificate that ends within this time is told of. */
export const ENDS_SOON_MS = 21 * 86_400_000;

const CERTIFICATE =
  /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]+-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;

/** The certificates in a PEM text, in its order; one that cannot be read is left out. */
export function certificatesIn(pem: string): CertificateFacts[] {
  return (pem.match(CERTIFICATE) ?? []).flatMap((text) => {
    try {
      return [factsOf(new X509Certificate(text))];
    } catch {
      return [];
    }
  });
}

/** What is to be known of a certificate. */
export function factsOf(certificate: X509Certificate): CertificateFacts {
  return {
    subject: nameOf(certificate.subject),
    issuer: nameOf(certificate.issuer),
    validFrom: Date.parse(certificate.validFrom),
    validTo: Date.parse(certificate.validTo),
  };
}

function nameOf(name: string | undefined): string {
  const lines = (name ?? '').split('\n');
  const common = lines.find((line) => line.startsWith('CN='));
  return common === undefined ? lines.join(', ') : common.slice('CN='.length);
}
