/** If each side has this many voided tokens in a row, it is no coincidence. */
const TELLING_TIMES = 2;

/**
 * One set of credentials among those with the same client id. Some services allow one token a client id: two scopes
 * then void each other's tokens, and each 401 renews a token that the other scope loses.
 */
export class RelatedTokens {
  /** Another scope got a token since this one's was obtained or last accepted. */
  otherIssued = false;
  readonly #group: RelatedTokens[];
  readonly #scope: string;
  readonly #clients: readonly string[];
  #followsVoided = false;
  /** Tokens in a row that failed after another scope got one. */
  #voided = 0;
  /** It was this one that told of the group. */
  #isTold = false;

  /** @param group all with the same client id; this one is added to it */
  constructor(group: RelatedTokens[], scope: string, clients: readonly string[]) {
    this.#group = group;
    this.#scope = scope;
    this.#clients = clients;
    group.push(this);
  }

  /** It has a new token. @param replacesGood an endpoint had accepted the one before, and then refused it */
  noteIssued(replacesGood: boolean): void {
    this.#followsVoided = replacesGood && this.otherIssued;
    this.otherIssued = false;
    for (const other of this.#others()) other.otherIssued = true;
  }

  /** An endpoint accepted it for the first time. @returns two scopes that void each other's tokens, only once */
  noteProven(): { readonly scope: string; readonly clients: readonly string[] }[] | undefined {
    this.#voided = this.#followsVoided ? this.#voided + 1 : 0;
    const other = this.#others().find((one) => one.#voided >= TELLING_TIMES);
    if (this.#voided < TELLING_TIMES || other === undefined) return undefined;
    if (this.#group.some((one) => one.#isTold)) return undefined;
    this.#isTold = true;
    return [this, other].map((one) => ({ scope: one.#scope || 'none', clients: one.#clients }));
  }

  #others(): RelatedTokens[] {
    return this.#group.filter((one) => one.#scope !== this.#scope);
  }
}
