import { ENDS_SOON_MS } from '../../config/certificates.ts';
import type { ResolvedClient } from '../../config/config-schema.ts';
import { type NamedCertificate, namedCertificates } from '../../config/named-certificates.ts';
import { type Remark, remark } from './finding.ts';

const DAY_MS = 86_400_000;

/**
 * Says which certificates in a client's files end within 21 days, or have ended.
 *
 * @param directory what the names of the files are relative to
 * @param now ms since the epoch
 */
export function describeCertificates(client: ResolvedClient, directory: string, now: number): Remark[] {
  const all = namedCertificates(client, directory);
  return all
    .filter(({ validTo }) => validTo - now <= ENDS_SOON_MS)
    .map((ending) => {
      // Of many authorities one that has ended is rarely missed.
      const others = all.filter(({ use, file }) => use === 'authority' && file === ending.file);
      const isMissed = ending.use === 'own' || others.every(({ validTo }) => validTo <= now);
      const level = ending.validTo <= now && isMissed ? 'error' : 'warning';
      return remark(level, sentenceFor(ending, now), 'certificate');
    });
}

function sentenceFor({ section, use, subject, file, validTo }: NamedCertificate, now: number): string {
  const day = new Date(validTo).toISOString().slice(0, 10);
  const setting = `${section}.${use === 'own' ? 'cert' : 'ca'}`;
  const which = use === 'own' ? 'certificate' : 'authority';
  const days = Math.floor((validTo - now) / DAY_MS);
  const ends = validTo <= now ? `ended on ${day}` : `ends on ${day}, in ${days} day${days === 1 ? '' : 's'}`;
  return `${setting}: the ${which} "${subject}" ${ends} (${file})`;
}
