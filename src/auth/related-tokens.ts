import type { TokenAuthConfig } from '../config/client-config.ts';
import type { Log } from '../core/log.ts';
import { tokenServiceUrl } from './token-service.ts';

/** So many voided tokens on each side are no coincidence. */
const TELLING_TIMES = 2;

/** How one set of credentials tells the others that share its client id. */
export interface Relations {
  /** It has a new token. */
  onTaken(): void;
  /** Its token was good no more straight after another one of the same client id had been taken up. */
  onVoided(): void;
}

interface Member {
  readonly scope: string;
  readonly note: () => void;
  voided: number;
}

interface Group {
  readonly members: Member[];
  told: boolean;
}

/**
 * Notices scopes of one client id that void each other's tokens: some services let a client id have one token at a
 * time. Each 401 then renews a token that the other scope loses. Said once, since only the service can mend it.
 */
export class RelatedTokens {
  readonly #groups = new Map<string, Group>();
  readonly #log: Log | undefined;

  constructor(log: Log | undefined) {
    this.#log = log;
  }

  /** @param note is called when another member has taken up a token */
  join(auth: TokenAuthConfig, note: () => void): Relations | undefined {
    if (auth.type !== 'oauth2') return undefined;
    const key = JSON.stringify([auth.tokenUrl, auth.clientId]);
    const group = this.#groups.get(key) ?? { members: [], told: false };
    this.#groups.set(key, group);
    const self: Member = { scope: auth.scope ?? '', note, voided: 0 };
    group.members.push(self);
    const others = () => group.members.filter(({ scope }) => scope !== self.scope);
    return {
      onTaken: () => {
        for (const other of others()) other.note();
      },
      onVoided: () => {
        self.voided += 1;
        const other = others().find(({ voided }) => voided >= TELLING_TIMES);
        if (group.told || self.voided < TELLING_TIMES || other === undefined) return;
        group.told = true;
        const fields = { tokenService: tokenServiceUrl(auth), scopes: [self.scope, other.scope] };
        this.#log?.warn(fields, "two scopes of one client id void each other's tokens");
      },
    };
  }
}
