import type { TokenAuthConfig } from '../config/client-config.ts';
import type { Log } from '../core/log.ts';
import { tokenServiceUrl } from './token-service.ts';

/** If each side has this many voided tokens in a row, it is no coincidence. */
const TELLING_TIMES = 2;

/** How one set of credentials tells the others that share its client id. */
export interface Relations {
  /** It has a new token. */
  onIssued(): void;
  /** An endpoint accepted the new token; whether the one before failed after a related one was issued. */
  onProven(followsVoided: boolean): void;
}

interface Member {
  readonly scope: string;
  /** The names of its clients. */
  readonly clients: readonly string[];
  readonly note: () => void;
  /** Tokens in a row that failed after a related one was issued. */
  voided: number;
}

interface Group {
  readonly members: Member[];
  isTold: boolean;
}

/**
 * Warns once in a process if two scopes of one client id void each other's tokens. Some services allow one token a
 * client id: each 401 then renews a token that the other scope loses.
 */
export class RelatedTokens {
  readonly #groups = new Map<string, Group>();
  readonly #log: Log | undefined;

  constructor(log: Log | undefined) {
    this.#log = log;
  }

  /** @param note is called when another member has a new token */
  join(auth: TokenAuthConfig, clients: readonly string[], note: () => void): Relations | undefined {
    if (auth.type !== 'oauth2') return undefined;
    const key = JSON.stringify([auth.tokenUrl, auth.clientId]);
    const group = this.#groups.get(key) ?? { members: [], isTold: false };
    this.#groups.set(key, group);
    const self: Member = { scope: auth.scope ?? '', clients, note, voided: 0 };
    group.members.push(self);
    const others = () => group.members.filter(({ scope }) => scope !== self.scope);
    return {
      onIssued: () => {
        for (const other of others()) other.note();
      },
      onProven: (followsVoided) => {
        self.voided = followsVoided ? self.voided + 1 : 0;
        const other = others().find(({ voided }) => voided >= TELLING_TIMES);
        if (group.isTold || self.voided < TELLING_TIMES || other === undefined) return;
        group.isTold = true;
        this.#warn(auth, self, other);
      },
    };
  }

  #warn(auth: TokenAuthConfig, ...members: readonly Member[]): void {
    const scopes = members.map(({ scope, clients }) => ({ scope: scope || 'none', clients }));
    const fields = { tokenService: tokenServiceUrl(auth), scopes };
    this.#log?.warn(fields, "two scopes of one client id void each other's tokens");
  }
}
