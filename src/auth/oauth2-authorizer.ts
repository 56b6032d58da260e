import type { TokenOutcome } from '../core/delivery-meter.ts';
import type { Log } from '../core/log.ts';
import type { Authorization, AuthorizationFailure, AuthorizeResult, Authorizer } from './authorizer.ts';
import type { ObtainedToken } from './obtain-token.ts';
import { blockedMs, NO_BACKOFF, type RenewalBackoff, strike } from './renewal-backoff.ts';

const LONGEST_RENEW_AHEAD_MS = 60_000;
const RENEW_AHEAD_PART = 0.1;
/** How many of its own former tokens a process knows again when it meets them in Redis. */
const SPENT_TOKENS_KEPT = 16;

/** What an authorizer by token needs. */
export interface OAuth2AuthorizerOptions {
  /** The header that carries a token, and what stands before it there. */
  readonly carrier: { readonly header: string; readonly prefix: string };
  /** The URL of the token service, for the log; without secrets. */
  readonly tokenService: string;
  /** Gets a token that `isSpent` does not know. */
  readonly obtain: (isSpent: (tokenId: string) => boolean) => Promise<ObtainedToken | AuthorizationFailure>;
  /** In milliseconds; lifetimes and blocks count on it. */
  readonly monotonicNow: () => number;
  readonly log?: Log | undefined;
  /** Told what became of each request for a token, and of a renewed one that was refused. */
  readonly onAsked?: ((outcome: TokenOutcome) => void) | undefined;
}

/**
 * What is known of the token at hand:
 *
 * good      not refused, or accepted by one endpoint after another one refused it
 * refused   answered with 401: no further request carries it, a new one is on its way or is waited for
 * suspect   came in place of a refused one and was refused too: rests, and is tried again after the block
 */
type Standing = 'good' | 'refused' | 'suspect';

interface HeldToken {
  readonly id: string;
  readonly authorization: Authorization;
  readonly renewAt: number;
  readonly expiresAt: number;
  /** The backoff when the token came: what its own refusal doubles, and what its acceptance ends. */
  readonly backoffBefore: RenewalBackoff;
  standing: Standing;
  accepted: boolean;
  /** Counts once, however many requests report it. */
  refusalCounted: boolean;
}

/** Authorizes with the token of one set of credentials; asks for none before the first request. */
export class OAuth2Authorizer implements Authorizer {
  readonly renewable = true;
  readonly #options: OAuth2AuthorizerOptions;
  readonly #spent: string[] = [];
  #token: HeldToken | undefined;
  #version = 0;
  #backoff = NO_BACKOFF;
  #lastFailure = '';
  #renewal: Promise<AuthorizeResult> | undefined;

  constructor(options: OAuth2AuthorizerOptions) {
    this.#options = options;
  }

  authorize(): AuthorizeResult | Promise<AuthorizeResult> {
    const now = this.#options.monotonicNow();
    const token = this.#token;
    if (token !== undefined && token.standing === 'good' && now < token.renewAt) return token.authorization;
    return this.#authorizeOffPath(token, now);
  }

  async renew(refused: Authorization): Promise<AuthorizeResult> {
    const token = this.#current(refused);
    if (token === undefined) return this.authorize();
    const now = this.#options.monotonicNow();
    const blocked = blockedMs(this.#backoff, now) > 0;
    // A token that another endpoint accepts stays in use while the refusal of this one blocks renewals.
    if (!(blocked && token.refusalCounted)) {
      token.standing = 'refused';
      token.accepted = false;
    }
    return this.#renewal ?? (blocked ? this.#blockedFailure(now) : this.#startRenewal());
  }

  reportRefused(refused: Authorization): void {
    const token = this.#current(refused);
    if (token === undefined || token.refusalCounted) return;
    token.refusalCounted = true;
    this.#options.onAsked?.('refused');
    if (!token.accepted) token.standing = 'suspect';
    // An acceptance in between, by another endpoint, does not start the doubling anew.
    const strikes = Math.max(this.#backoff.strikes, token.backoffBefore.strikes);
    this.#strike({ ...this.#backoff, strikes }, 'the endpoint answered 401 to a renewed token as well');
  }

  reportAccepted(accepted: Authorization): void {
    const token = this.#token;
    if (token === undefined || token.accepted || token.authorization.version !== accepted.version) return;
    token.accepted = true;
    token.standing = 'good';
    // Failures since the token came are not the token's: they go on doubling while it is still in use.
    if (this.#backoff === token.backoffBefore) this.#backoff = NO_BACKOFF;
  }

  /** Resolves once no renewal is under way. */
  async settled(): Promise<void> {
    await this.#renewal;
  }

  #current({ version }: Authorization): HeldToken | undefined {
    return this.#token?.authorization.version === version ? this.#token : undefined;
  }

  #authorizeOffPath(token: HeldToken | undefined, now: number): AuthorizeResult | Promise<AuthorizeResult> {
    const blocked = blockedMs(this.#backoff, now) > 0;
    if (token !== undefined && now < token.expiresAt) {
      if (token.standing === 'good') {
        if (!blocked) void this.#startRenewal();
        return token.authorization;
      }
      const rested = token.standing === 'suspect' && !blocked && this.#renewal === undefined;
      if (rested) return token.authorization;
    }
    return this.#renewal ?? (blocked ? this.#blockedFailure(now) : this.#startRenewal());
  }

  #startRenewal(): Promise<AuthorizeResult> {
    this.#renewal ??= this.#renewOnce();
    return this.#renewal;
  }

  async #renewOnce(): Promise<AuthorizeResult> {
    try {
      const obtained = await this.#options.obtain((id) => id === this.#token?.id || this.#spent.includes(id));
      return 'failure' in obtained ? this.#failed(obtained) : this.#hold(obtained);
    } finally {
      // In the same step as its outcome: nobody joins a renewal that is over.
      this.#renewal = undefined;
    }
  }

  #hold({ id, accessToken, lifetimeMs, expiresAt, source }: ObtainedToken): Authorization {
    if (this.#token !== undefined) this.#spent.push(this.#token.id);
    if (this.#spent.length > SPENT_TOKENS_KEPT) this.#spent.shift();
    this.#version += 1;
    const { header, prefix } = this.#options.carrier;
    const headers = Object.freeze([header, `${prefix}${accessToken}`]);
    const authorization = Object.freeze({ headers, token: accessToken, version: this.#version });
    this.#token = {
      id,
      authorization,
      renewAt: expiresAt - Math.min(LONGEST_RENEW_AHEAD_MS, lifetimeMs * RENEW_AHEAD_PART),
      expiresAt,
      backoffBefore: this.#backoff,
      standing: 'good',
      accepted: false,
      refusalCounted: false,
    };
    const { tokenService, log, onAsked } = this.#options;
    onAsked?.(source === 'service' ? 'renewed' : 'shared');
    log?.info({ tokenService, source, lifetimeMs: Math.round(lifetimeMs) }, 'token taken up');
    return authorization;
  }

  #failed(failed: AuthorizationFailure): AuthorizationFailure {
    if (failed.calledOff) return failed;
    this.#options.onAsked?.('failed');
    this.#strike(this.#backoff, failed.failure);
    return failed;
  }

  #strike(backoff: RenewalBackoff, failure: string): void {
    const { monotonicNow, tokenService, log } = this.#options;
    const now = monotonicNow();
    this.#backoff = strike(backoff, now);
    this.#lastFailure = failure;
    const ms = Math.round(blockedMs(this.#backoff, now));
    log?.warn({ tokenService, failure, blockedMs: ms }, 'token renewal blocked');
  }

  #blockedFailure(now: number): AuthorizationFailure {
    const seconds = Math.ceil(blockedMs(this.#backoff, now) / 1_000);
    return { failure: `${this.#lastFailure}; no token is asked for during the next ${seconds} s` };
  }
}
