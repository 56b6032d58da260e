import type { TokenOutcome } from '../core/delivery-meter.ts';
import type { Log } from '../core/log.ts';
import {
  type Authorization,
  type AuthorizationFailure,
  type AuthorizeResult,
  type Authorizer,
  isAuthorized,
  type RenewResult,
} from './authorizer.ts';
import { type HeldToken, holdToken } from './held-token.ts';
import type { ObtainedToken } from './obtain-token.ts';
import { blockedMs, NO_BACKOFF, strike } from './renewal-backoff.ts';
import type { TokenRequestFailure } from './request-token.ts';
import { TokenTrial } from './token-trial.ts';

/** How many of its own former tokens a process knows again when it meets them in Redis. */
const SPENT_TOKENS_KEPT = 16;
/** So many refusals in a row are about the token; fewer may be about single events. */
const TELLING_REFUSALS = 3;

/** What an authorizer by token needs. */
export interface OAuth2AuthorizerOptions {
  /** The header that carries a token, and what stands before it there. */
  readonly carrier: { readonly header: string; readonly prefix: string };
  /** The URL of the token service, for the log; without secrets. */
  readonly tokenService: string;
  /** Gets a token that `isSpent` does not know. */
  readonly obtain: (isSpent: (tokenId: string) => boolean) => Promise<ObtainedToken | TokenRequestFailure>;
  /** In milliseconds; lifetimes and blocks count on it. */
  readonly monotonicNow: () => number;
  readonly sleep: (ms: number) => Promise<unknown>;
  readonly log?: Log | undefined;
  /** Told what became of each request for a token, and of a renewed one that was refused. */
  readonly onAsked?: ((outcome: TokenOutcome) => void) | undefined;
  /** Told that a new token is in use. */
  readonly onTaken?: (() => void) | undefined;
  /** Told that an accepted token was good no more once a related one had been taken up; see `noteRelatedToken`. */
  readonly onVoided?: (() => void) | undefined;
}

/**
 * Authorizes with the token of one set of credentials; asks for none before the first request.
 *
 * A refusal blocks renewals, never sends: as long as a token may be good it is used, and a 401 is the affair of the
 * event that got it.
 */
export class OAuth2Authorizer implements Authorizer {
  readonly renewable = true;
  readonly #options: OAuth2AuthorizerOptions;
  readonly #spent: string[] = [];
  #token: HeldToken | undefined;
  #version = 0;
  /** Token requests that failed: nothing is asked for until the block is over. */
  #failures = NO_BACKOFF;
  /** Renewed tokens that were refused: a 401 leads to no renewal until the block is over. */
  #refusals = NO_BACKOFF;
  #lastFailure = '';
  #renewal: Promise<AuthorizeResult> | undefined;

  constructor(options: OAuth2AuthorizerOptions) {
    this.#options = options;
  }

  authorize(): AuthorizeResult | Promise<AuthorizeResult> {
    const now = this.#options.monotonicNow();
    const token = this.#token;
    if (token?.proven && now < token.renewAt) return token.authorization;
    return this.#authorizeOffPath(token, now);
  }

  async renew(refused: Authorization): Promise<RenewResult> {
    const token = this.#current(refused);
    if (token !== undefined) {
      this.#noteRefusal(token);
      if (token.isReplacement && !token.accepted) this.#block(token);
      const now = this.#options.monotonicNow();
      if (this.#renewal === undefined && blockedMs(this.#refusals, now) > 0) return undefined;
      const renewed = await (this.#renewal ?? this.#renewUnlessBlocked(now));
      if (!isAuthorized(renewed)) return renewed;
    }
    return this.authorize();
  }

  reportRefused(refused: Authorization): void {
    const token = this.#current(refused);
    if (token === undefined) return;
    this.#noteRefusal(token);
    this.#block(token);
    token.trial?.hurry(this.#options.monotonicNow());
  }

  reportAccepted(accepted: Authorization): void {
    const token = this.#token;
    if (token === undefined || token.proven || token.authorization.version !== accepted.version) return;
    if (!token.accepted && token.followsVoided) this.#options.onVoided?.();
    token.accepted = true;
    token.proven = true;
    token.refusals = 0;
    token.relatedTaken = false;
    token.trial?.end();
    token.trial = undefined;
    this.#refusals = { ...this.#refusals, strikes: 0 };
  }

  /** Another set of credentials with the same client id has taken up a token. */
  noteRelatedToken(): void {
    if (this.#token === undefined) return;
    this.#token.relatedTaken = true;
    this.#token.proven = false;
  }

  /** Resolves once no renewal is under way. */
  async settled(): Promise<void> {
    await this.#renewal;
  }

  #current({ version }: Authorization): HeldToken | undefined {
    return this.#token?.authorization.version === version ? this.#token : undefined;
  }

  #authorizeOffPath(token: HeldToken | undefined, now: number): AuthorizeResult | Promise<AuthorizeResult> {
    if (token === undefined || now >= token.expiresAt || this.#isGivenUp(token)) return this.#await(now);
    const { trial } = token;
    if (trial !== undefined && !trial.isOver(now)) {
      return trial.takeTurn(now) ? token.authorization : this.#waitFor(trial, now);
    }
    const isBlocked = blockedMs(this.#failures, now) > 0;
    if (now >= token.renewAt && !isBlocked) void this.#startRenewal();
    return token.authorization;
  }

  /** Refused too often to be sent once more while its successor is on the way, or cannot be had. */
  #isGivenUp(token: HeldToken): boolean {
    if (token.refusals < TELLING_REFUSALS) return false;
    return this.#renewal !== undefined || this.#failures.strikes > 0;
  }

  async #waitFor(trial: TokenTrial, now: number): Promise<AuthorizeResult> {
    await trial.change(now);
    return this.authorize();
  }

  /** There is no token to send: waits for one, or says why there is none. */
  #await(now: number): AuthorizeResult | Promise<AuthorizeResult> {
    const renewal = this.#renewal ?? this.#renewUnlessBlocked(now);
    if (!(renewal instanceof Promise)) return renewal;
    return renewal.then((renewed) => (isAuthorized(renewed) ? this.authorize() : renewed));
  }

  #renewUnlessBlocked(now: number): AuthorizeResult | Promise<AuthorizeResult> {
    if (blockedMs(this.#failures, now) > 0) return { failure: this.#blockedFailure(now) };
    return this.#startRenewal();
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

  #hold(obtained: ObtainedToken): Authorization {
    const before = this.#token;
    before?.trial?.end();
    if (before !== undefined) this.#spent.push(before.id);
    if (this.#spent.length > SPENT_TOKENS_KEPT) this.#spent.shift();
    this.#version += 1;
    this.#failures = NO_BACKOFF;
    const { carrier, monotonicNow, sleep, tokenService, log, onAsked, onTaken } = this.#options;
    const { accessToken, lifetimeMs, source } = obtained;
    const headers = Object.freeze([carrier.header, `${carrier.prefix}${accessToken}`]);
    const authorization = Object.freeze({ headers, token: accessToken, version: this.#version });
    const trial = new TokenTrial({ startedAt: monotonicNow(), sleep });
    this.#token = holdToken(obtained, before, authorization, trial);
    onAsked?.(source === 'service' ? 'renewed' : 'shared');
    onTaken?.();
    log?.info({ tokenService, source, lifetimeMs: Math.round(lifetimeMs) }, 'token taken up');
    return authorization;
  }

  #noteRefusal(token: HeldToken): void {
    token.refusals += 1;
    token.proven = false;
  }

  /** A renewed token was refused as well: the next 401 renews nothing for a while. */
  #block(token: HeldToken): void {
    if (token.refusalCounted) return;
    token.refusalCounted = true;
    const { monotonicNow, tokenService, log, onAsked } = this.#options;
    onAsked?.('refused');
    const now = monotonicNow();
    this.#refusals = strike(token.accepted ? NO_BACKOFF : this.#refusals, now);
    const fields = { tokenService, blockedMs: Math.round(blockedMs(this.#refusals, now)) };
    if (token.accepted) log?.info(fields, 'renewed token refused for one event and accepted for others');
    else log?.warn(fields, 'renewed token refused');
  }

  #failed(failed: TokenRequestFailure): AuthorizationFailure {
    if (failed.calledOff) return failed;
    const { monotonicNow, tokenService, log, onAsked } = this.#options;
    onAsked?.('failed');
    const now = monotonicNow();
    this.#failures = strike(this.#failures, now, failed.retryAfterMs);
    this.#lastFailure = failed.failure;
    const ms = Math.round(blockedMs(this.#failures, now));
    log?.warn({ tokenService, failure: failed.failure, blockedMs: ms }, 'token renewal blocked');
    return failed;
  }

  #blockedFailure(now: number): string {
    const seconds = Math.ceil(blockedMs(this.#failures, now) / 1_000);
    return `${this.#lastFailure}; no token is asked for during the next ${seconds} s`;
  }
}
