import type { ResolvedClient } from '../../config/config-schema.ts';
import { type CredentialDoubt, findCredentialDoubts } from '../../config/credential-doubts.ts';
import { type CheckFinding, clientSubject } from './finding.ts';

const SENTENCES: Readonly<Record<CredentialDoubt['around'], string>> = {
  quotes:
    'begins and ends with a quote, and both are sent: remove them unless they are meant (docker --env-file keeps quotes)',
  blanks: 'begins or ends with a blank, and the blank is sent: remove it unless it is meant',
};

/** Warns of credentials that are probably not meant as they stand. */
export function checkCredentials(clients: readonly ResolvedClient[]): CheckFinding[] {
  return clients.flatMap(({ name, auth }) =>
    findCredentialDoubts(auth).map(({ setting, around }) => ({
      level: 'warning' as const,
      subject: clientSubject(name),
      message: `${setting} ${SENTENCES[around]}`,
    })),
  );
}
