import { X509Certificate } from 'node:crypto';

/** A certificate, as far as operators need to know. Times in ms since the epoch. */
export interface CertificateFacts {
  /** The common name; or all of the subject on one line; or, if it is empty, the names of the hosts. */
  readonly subject: string;
  readonly issuer: string;
  readonly validFrom: number;
  readonly validTo: number;
}

const DAY_MS = 86_400_000;
const ENDS_SOON_DAYS = 21;

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
    subject: nameOf(certificate.subject) || (certificate.subjectAltName ?? ''),
    issuer: nameOf(certificate.issuer),
    validFrom: Date.parse(certificate.validFrom),
    validTo: Date.parse(certificate.validTo),
  };
}

/** Whether a certificate is to be told of: it ends within 21 days, or has ended. @param now ms since the epoch */
export function endsSoon({ validTo }: Pick<CertificateFacts, 'validTo'>, now: number): boolean {
  return validTo - now <= ENDS_SOON_DAYS * DAY_MS;
}

/** How long a certificate is good still, in whole days: `1 day`. @param now ms since the epoch */
export function daysLeft({ validTo }: Pick<CertificateFacts, 'validTo'>, now: number): string {
  const days = Math.floor((validTo - now) / DAY_MS);
  return `${days} day${days === 1 ? '' : 's'}`;
}

function nameOf(name: string | undefined): string {
  const lines = (name ?? '').split('\n');
  const common = lines.find((line) => line.startsWith('CN='));
  return common === undefined ? lines.join(', ') : common.slice('CN='.length);
}
