import { hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AuthConfig, asksForTokens, type TokenAuthConfig } from '../config/client-config.ts';
import type { TokenOutcome } from '../core/delivery-meter.ts';
import type { Log } from '../core/log.ts';
import type { Authorizer } from './authorizer.ts';
import type { RelatedTokens } from './related-tokens.ts';
import { requestToken, type TokenRequestFailure } from './request-token.ts';
import { createStaticAuthorizer } from './static-authorizer.ts';
import type { IssuedToken } from './token-answer.ts';
import { TokenAuthorizer } from './token-authorizer.ts';
import { TokenCipher } from './token-cipher.ts';
import type { TokenPost } from './token-post.ts';
import { tokenKey, whatToCheck } from './token-service.ts';
import { type TokenRedis, TokenStore } from './token-store.ts';

/** What all authorizers of a process share; durations in milliseconds. */
export interface AuthorizersOptions {
  /** Where tokens are shared with other processes; absent: they are not. */
  readonly redis?: TokenRedis | undefined;
  /** Encrypts the tokens there; processes with another one, or none, do not read each other's. */
  readonly secretKey?: string | undefined;
  /** For lifetimes and blocks; default `performance.now`. */
  readonly monotonicNow?: () => number;
  readonly log?: Log;
  /** Waits, in milliseconds; default: a timer that keeps no process alive. */
  readonly sleep?: (ms: number) => Promise<unknown>;
  /** Before the second try of a token request, doubled before the third; default 200. */
  readonly retryDelayMs?: number;
  /** How long one Redis command is waited for before Redis counts as away; default 1,000. */
  readonly redisTimeoutMs?: number;
}

/** What differs between clients. */
export interface AuthorizerRequest {
  readonly client: string;
  readonly auth: AuthConfig;
  /** Sends token requests with the client's own TLS and network settings. */
  readonly post: TokenPost;
  /**
   * Names those settings. Clients with equal credentials and settings share an authorizer. With other settings they
   * share tokens through Redis only: each uses its own certificate and permissions.
   */
  readonly network: string;
  /** For all tries of one token request together, in milliseconds. */
  readonly timeoutMs: number;
  /** Told what became of asking for a token; if clients share an authorizer, the first one's is. */
  readonly onAsked?: (outcome: TokenOutcome) => void;
}

/** A lock outlives the token request that it guards by this much. */
const LOCK_SLACK_MS = 1_000;

/** The authorizers of one process. */
export class Authorizers {
  readonly #options: AuthorizersOptions;
  readonly #cipher: TokenCipher | undefined;
  readonly #closing = new AbortController();
  readonly #byToken = new Map<string, TokenAuthorizer>();
  /** By client id and token service. */
  readonly #related = new Map<string, RelatedTokens[]>();

  constructor(options: AuthorizersOptions) {
    this.#options = options;
    this.#cipher = options.secretKey === undefined ? undefined : new TokenCipher(options.secretKey);
  }

  /**
   * The authorizer for a client: one for each set of credentials that get a token.
   *
   * @throws WaybillError `AUTH_CONFIG_INVALID` if no header can carry the credentials
   */
  get(request: AuthorizerRequest): Authorizer {
    const { auth, network, timeoutMs } = request;
    if (!asksForTokens(auth)) return createStaticAuthorizer(auth);
    const variant = hash('sha256', JSON.stringify([requestSettingsOf(auth), timeoutMs, network]));
    const key = `${tokenKey(auth)} ${variant}`;
    const authorizer = this.#byToken.get(key) ?? this.#createByToken(auth, request, variant);
    this.#byToken.set(key, authorizer);
    authorizer.clients.push(request.client);
    return authorizer;
  }

  /** Calls off token requests under way, gives their locks back, and resolves when none is left. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#byToken.values()].map((authorizer) => authorizer.idle()));
  }

  #createByToken(
    auth: TokenAuthConfig,
    { post, onAsked, timeoutMs }: AuthorizerRequest,
    variant: string,
  ): TokenAuthorizer {
    const { redis, retryDelayMs, log, redisTimeoutMs = 1_000 } = this.#options;
    const { monotonicNow = () => performance.now() } = this.#options;
    const { signal } = this.#closing;
    const lockMs = timeoutMs + LOCK_SLACK_MS;
    const shared = { key: tokenKey(auth), variant, lockMs, timeoutMs: redisTimeoutMs, cipher: this.#cipher };
    return new TokenAuthorizer({
      auth,
      related: this.#relatedTo(auth),
      requestToken: async () =>
        withAdvice(auth, await requestToken(auth, { post, timeoutMs, signal, retryDelayMs })),
      store: redis && new TokenStore({ redis, ...shared }),
      monotonicNow,
      sleep: this.#options.sleep ?? ((ms) => sleep(ms, undefined, { ref: false })),
      // One holder that died, and its successor's own request.
      longestWaitMs: 2 * lockMs,
      signal,
      log,
      onAsked,
    });
  }

  /** A service of the client's own making has no client id. */
  #relatedTo(auth: TokenAuthConfig): RelatedTokens[] {
    if (auth.type !== 'oauth2') return [];
    const id = JSON.stringify([auth.tokenUrl, auth.clientId]);
    const related = this.#related.get(id) ?? [];
    this.#related.set(id, related);
    return related;
  }
}

/** Says what to check if the settings are at fault. */
function withAdvice(auth: TokenAuthConfig, issued: IssuedToken | TokenRequestFailure) {
  if (!('failure' in issued) || issued.calledOff) return issued;
  const { failure, blame, status } = issued;
  if (blame !== 'credentials' || status === undefined) return issued;
  return { ...issued, failure: `${failure}; ${whatToCheck(auth, status)}` };
}

/** What may differ while the credentials are the same. */
function requestSettingsOf(auth: TokenAuthConfig): unknown {
  if (auth.type === 'oauth2') return auth.style;
  return [auth.header, auth.prefix, auth.expiresInPointer ?? null, auth.expiresInSeconds];
}
