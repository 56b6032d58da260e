import type { TokenAuthConfig } from '../config/client-config.ts';
import { SHORTAGE_PAUSE_MS } from '../core/attempt-result.ts';
import type { CallOffSignal } from '../core/call-off.ts';
import type { TokenOutcome } from '../core/delivery-meter.ts';
import type { Log } from '../core/log.ts';
import {
  type Authorization,
  type AuthorizeResult,
  type Authorizer,
  type CalledOff,
  isAuthorized,
  type RenewResult,
  type TokenMissing,
} from './authorizer.ts';
import { HeldToken } from './held-token.ts';
import {
  type ObtainedToken,
  type ObtainTokenOptions,
  obtainToken,
  type TokenDenied,
} from './obtain-token.ts';
import { RelatedTokens } from './related-tokens.ts';
import { blockedMs, extendBlock, NO_BLOCK } from './renewal-block.ts';
import { tokenServiceUrl } from './token-service.ts';

/** How many of its own tokens a process knows again if it meets them in Redis. */
const KNOWN_TOKENS = 16;

/** RFC 6750, section 2.1. */
const BEARER = { header: 'Authorization', prefix: 'Bearer ' };

const CALLED_OFF: CalledOff = { failure: 'the attempt was called off', calledOff: true };

/** What an authorizer by token needs. */
export interface TokenAuthorizerOptions extends ObtainTokenOptions {
  readonly auth: TokenAuthConfig;
  /** The authorizers with the same client id. */
  readonly related: RelatedTokens[];
  /** In milliseconds. */
  readonly sleep: (ms: number) => Promise<unknown>;
  readonly log: Log | undefined;
  /** Told what became of each request for a token, and of a renewed one that was refused. */
  readonly onAsked: ((outcome: TokenOutcome) => void) | undefined;
}

/**
 * Authorizes with the token of one set of credentials; asks for none before the first request.
 *
 * A refusal blocks renewals, not requests: the 401 is the affair of the event that got it. Only after three events
 * in a row were refused, requests wait while a renewal runs, and there is no token while renewals fail.
 */
export class TokenAuthorizer implements Authorizer {
  readonly renewable = true;
  /** The names of the clients that share it. */
  readonly clients: string[] = [];
  readonly #options: TokenAuthorizerOptions;
  readonly #related: RelatedTokens;
  /** For the log. */
  readonly #about: { readonly clients: readonly string[]; readonly tokenService: string };
  /** The ids of its latest tokens, the newest first. */
  #known: readonly string[] = [];
  #token: HeldToken | undefined;
  /** After a failed token request: no token is asked for. */
  #requestBlock = NO_BLOCK;
  /** After a refused renewed token: no 401 renews. An expired token is renewed anyway. */
  #renewalBlock = NO_BLOCK;
  #lastFailure: Pick<TokenMissing, 'failure' | 'blame'> = { failure: '', blame: 'service' };
  #renewal: Promise<AuthorizeResult> | undefined;

  constructor(options: TokenAuthorizerOptions) {
    const { auth, related } = options;
    this.#options = options;
    this.#about = { clients: this.clients, tokenService: tokenServiceUrl(auth) };
    this.#related = new RelatedTokens(related, (auth.type === 'oauth2' && auth.scope) || '', this.clients);
  }

  authorize(signal?: CallOffSignal): AuthorizeResult | Promise<AuthorizeResult> {
    const now = this.#options.monotonicNow();
    const token = this.#token;
    if (token?.isProven && now < token.renewAt) return token.authorization;
    return this.#authorizeSlowly(token, now, signal);
  }

  async renew(refused: Authorization, eventId: string, signal?: CallOffSignal): Promise<RenewResult> {
    const token = this.#current(refused);
    if (token === undefined) {
      if (this.#token?.previous?.authorization.version === refused.version) this.#token.previous = undefined;
      return this.authorize(signal);
    }
    token.noteRefusal(eventId);
    if (token.isReplacement && !token.isAccepted) this.#blockRenewals(token);
    const now = this.#options.monotonicNow();
    if (this.#renewal === undefined && blockedMs(this.#renewalBlock, now) > 0) return undefined;
    return this.#awaitToken(now, signal);
  }

  reportRefused(refused: Authorization, eventId: string): void {
    const token = this.#current(refused);
    if (token === undefined) return;
    token.noteRefusal(eventId);
    this.#blockRenewals(token);
  }

  reportAccepted(accepted: Authorization): void {
    const token = this.#current(accepted);
    if (token === undefined || (token.isProven && !this.#related.otherIssued)) return;
    const scopes = token.isAccepted ? undefined : this.#related.noteProven();
    token.noteAcceptance();
    this.#related.otherIssued = false;
    this.#renewalBlock = { ...this.#renewalBlock, failures: 0 };
    if (scopes === undefined) return;
    const { tokenService } = this.#about;
    this.#options.log?.warn({ tokenService, scopes }, "two scopes of one client id void each other's tokens");
  }

  /** Resolves once no renewal is under way. */
  async idle(): Promise<void> {
    await this.#renewal;
  }

  #current({ version }: Authorization): HeldToken | undefined {
    return this.#token?.authorization.version === version ? this.#token : undefined;
  }

  #authorizeSlowly(
    token: HeldToken | undefined,
    now: number,
    signal?: CallOffSignal,
  ): AuthorizeResult | Promise<AuthorizeResult> {
    const isGivenUp = token?.isDistrusted && (this.#renewal !== undefined || this.#requestBlock.failures > 0);
    if (token === undefined || now >= token.expiresAt || isGivenUp) {
      return this.#awaitToken(now, signal);
    }
    if (token.isOnTrial(now)) {
      if (token.takeTurn(now)) return token.authorization;
      const { previous } = token;
      if (previous !== undefined && now < previous.expiresAt) return previous.authorization;
      return this.#awaitTurn(token, now, signal);
    }
    if (now >= token.renewAt) void this.#renewUnlessBlocked(now);
    return token.authorization;
  }

  async #awaitTurn(token: HeldToken, now: number, signal?: CallOffSignal): Promise<AuthorizeResult> {
    await token.nextTurn(now);
    // A turn is not for a request that was called off.
    return signal?.aborted ? CALLED_OFF : this.authorize(signal);
  }

  /** There is no token to send: waits for one, or says why there is none. */
  #awaitToken(now: number, signal?: CallOffSignal): AuthorizeResult | Promise<AuthorizeResult> {
    const renewal = this.#renewUnlessBlocked(now);
    if (!(renewal instanceof Promise)) return renewal;
    return renewal.then((renewed) => (isAuthorized(renewed) ? this.authorize(signal) : renewed));
  }

  /** Any number of callers share one renewal. */
  #renewUnlessBlocked(now: number): AuthorizeResult | Promise<AuthorizeResult> {
    const blocked = blockedMs(this.#requestBlock, now);
    if (this.#renewal === undefined && blocked > 0) {
      const { failure, blame } = this.#lastFailure;
      const during = `during the next ${Math.ceil(blocked / 1_000)} s`;
      return { failure: `${failure}; no token is asked for ${during}`, blame, retryInMs: blocked };
    }
    this.#renewal ??= this.#renewOnce();
    return this.#renewal;
  }

  async #renewOnce(): Promise<AuthorizeResult> {
    try {
      const isReplaced = (id: string): boolean => this.#known.includes(id);
      const obtained = await obtainToken(this.#options, isReplaced, this.#requestBlock);
      return 'failure' in obtained ? this.#failed(obtained) : this.#use(obtained);
    } finally {
      // In the same step as its outcome: no caller joins a renewal that is over.
      this.#renewal = undefined;
    }
  }

  #use(obtained: ObtainedToken): Authorization {
    const before = this.#token;
    this.#known = [obtained.id, ...this.#known].slice(0, KNOWN_TOKENS);
    this.#requestBlock = NO_BLOCK;
    const { auth, monotonicNow, sleep, log, onAsked } = this.#options;
    const { accessToken, lifetimeMs, source } = obtained;
    const carrier = auth.type === 'oauth2' ? BEARER : auth;
    const headers = Object.freeze([carrier.header, `${carrier.prefix}${accessToken}`]);
    const version = (before?.authorization.version ?? 0) + 1;
    const authorization = Object.freeze({ headers, token: accessToken, version });
    this.#related.noteIssued(before?.isAccepted === true && before.isDoubted);
    this.#token = new HeldToken(obtained, authorization, before, monotonicNow(), sleep);
    before?.wakeWaiters();
    onAsked?.(source === 'service' ? 'renewed' : 'shared');
    log?.info({ ...this.#about, source, lifetimeMs: Math.round(lifetimeMs) }, 'token in use');
    return authorization;
  }

  /** A renewed token was refused as well: the next 401 renews nothing for a while. */
  #blockRenewals(token: HeldToken): void {
    if (token.hasBlocked) return;
    token.hasBlocked = true;
    const { monotonicNow, log, onAsked } = this.#options;
    onAsked?.('refused');
    const now = monotonicNow();
    const { isAccepted } = token;
    this.#renewalBlock = extendBlock(isAccepted ? NO_BLOCK : this.#renewalBlock, now);
    token.tryNow(now);
    const fields = { ...this.#about, blockedMs: Math.round(blockedMs(this.#renewalBlock, now)) };
    if (isAccepted) log?.info(fields, 'renewed token refused for one event and accepted for others');
    else log?.warn(fields, 'renewed token refused');
  }

  #failed(failed: TokenDenied | CalledOff): TokenMissing | CalledOff {
    if (failed.calledOff) return failed;
    const { failure, blame, block } = failed;
    // Nobody was asked, and the next request for a token may find this machine well again.
    if (blame === 'local') return { failure, blame, retryInMs: SHORTAGE_PAUSE_MS };
    const { monotonicNow, log, onAsked } = this.#options;
    onAsked?.('failed');
    this.#requestBlock = block;
    this.#lastFailure = { failure, blame };
    const retryInMs = blockedMs(block, monotonicNow());
    log?.warn({ ...this.#about, failure, blame, blockedMs: Math.round(retryInMs) }, 'token renewal blocked');
    return { failure, blame, retryInMs };
  }
}
