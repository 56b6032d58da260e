import { daysLeft, endsSoon } from '../config/certificates.ts';
import type { ResolvedClient } from '../config/config-schema.ts';
import { type NamedCertificate, namedCertificates } from '../config/named-certificates.ts';
import { type Remark, remark } from './finding.ts';

/**
 * Says which certificates in a client's files end within 21 days, or have ended.
 *
 * @param directory what the names of the files are relative to
 * @param now ms since the epoch
 */
export function describeCertificates(client: ResolvedClient, directory: string, now: number): Remark[] {
  const all = namedCertificates(client, directory);
  return all
    .filter((one) => endsSoon(one, now))
    .map((ending) => {
      // Of many authorities one that has ended is rarely missed.
      const others = all.filter(({ use, file }) => use === 'authority' && file === ending.file);
      const isMissed = ending.use === 'own' || others.every(({ validTo }) => validTo <= now);
      const level = ending.validTo <= now && isMissed ? 'error' : 'warning';
      return remark(level, sentenceFor(ending, now), 'certificate');
    });
}

function sentenceFor(certificate: NamedCertificate, now: number): string {
  const { section, use, subject, file, validTo } = certificate;
  const day = new Date(validTo).toISOString().slice(0, 10);
  const setting = `${section}.${use === 'own' ? 'cert' : 'ca'}`;
  const which = use === 'own' ? 'certificate' : 'authority';
  const ends = validTo <= now ? `ended on ${day}` : `ends on ${day}, in ${daysLeft(certificate, now)}`;
  return `${setting}: the ${which} "${subject}" ${ends} (${file})`;
}
