import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AuthConfig, asksForTokens, type TokenAuthConfig } from '../config/client-config.ts';
import type { TokenOutcome } from '../core/delivery-meter.ts';
import type { Log } from '../core/log.ts';
import type { Authorizer } from './authorizer.ts';
import { obtainToken } from './obtain-token.ts';
import { RelatedTokens, type Relations } from './related-tokens.ts';
import { requestToken } from './request-token.ts';
import { createStaticAuthorizer } from './static-authorizer.ts';
import { TokenAuthorizer } from './token-authorizer.ts';
import { createTokenCipher, type TokenCipher } from './token-cipher.ts';
import type { TokenPost } from './token-post.ts';
import { carrierOf, tokenKey, tokenServiceUrl } from './token-service.ts';
import { createTokenStore, type TokenRedis } from './token-store.ts';

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

/** The authorizers of one process. */
export interface Authorizers {
  /**
   * The authorizer for a client: one for each set of credentials that get a token.
   *
   * @throws WaybillError `AUTH_CONFIG_INVALID` if no header can carry the credentials
   */
  get(request: AuthorizerRequest): Authorizer;
  /** Calls off token requests under way, gives their locks back, and resolves when none is left. */
  close(): Promise<void>;
}

/** A lock outlives the token request that it guards by this much. */
const LOCK_SLACK_MS = 1_000;
const POLL_MS = 25;

/** An authorizer, with the names of the clients that share it. */
interface Shared {
  readonly authorizer: TokenAuthorizer;
  readonly clients: string[];
}

/** Creates the authorizers of one process. */
export function createAuthorizers(options: AuthorizersOptions): Authorizers {
  const closing = new AbortController();
  const shared = new Map<string, Shared>();
  const related = new RelatedTokens(options.log);
  const cipher = options.secretKey === undefined ? undefined : createTokenCipher(options.secretKey);
  return {
    get(request) {
      const { auth, network, timeoutMs, client } = request;
      if (!asksForTokens(auth)) return createStaticAuthorizer(auth);
      const variant = createHash('sha256')
        .update(JSON.stringify([requestSettingsOf(auth), timeoutMs, network]))
        .digest('hex');
      const key = `${tokenKey(auth)} ${variant}`;
      const known = shared.get(key);
      if (known !== undefined) {
        known.clients.push(client);
        return known.authorizer;
      }
      const clients = [client];
      const relations = related.join(auth, clients, () => shared.get(key)?.authorizer.noteRelatedToken());
      const parts = { variant, clients, signal: closing.signal, relations };
      const authorizer = createByToken({ ...options, cipher }, request, auth, parts);
      shared.set(key, { authorizer, clients });
      return authorizer;
    },
    async close() {
      closing.abort();
      await Promise.all([...shared.values()].map(({ authorizer }) => authorizer.settled()));
    },
  };
}

/** What may differ while the credentials are the same. */
function requestSettingsOf(auth: TokenAuthConfig): unknown {
  if (auth.type === 'oauth2') return auth.style;
  return [auth.header, auth.prefix, auth.expiresInPointer ?? null, auth.expiresInSeconds];
}

interface ByTokenParts {
  readonly variant: string;
  readonly clients: readonly string[];
  readonly signal: AbortSignal;
  readonly relations: Relations | undefined;
}

function createByToken(
  options: AuthorizersOptions & { readonly cipher: TokenCipher | undefined },
  { post, onAsked, timeoutMs }: AuthorizerRequest,
  config: TokenAuthConfig,
  { variant, clients, signal, relations }: ByTokenParts,
): TokenAuthorizer {
  const { redis, cipher, retryDelayMs } = options;
  const monotonicNow = options.monotonicNow ?? (() => performance.now());
  const lockMs = timeoutMs + LOCK_SLACK_MS;
  const store = redis && createTokenStore(redis, { key: tokenKey(config), variant, lockMs, cipher });
  const obtainOptions = {
    requestToken: () => requestToken(config, { post, timeoutMs, signal, retryDelayMs }),
    store,
    monotonicNow,
    redisTimeoutMs: options.redisTimeoutMs ?? 1_000,
    pollMs: POLL_MS,
    // One holder that died, and its successor's own request.
    longestWaitMs: 2 * lockMs,
    signal,
  };
  return new TokenAuthorizer({
    carrier: carrierOf(config),
    about: { clients, tokenService: tokenServiceUrl(config) },
    obtain: (isReplaced) => obtainToken(obtainOptions, isReplaced),
    monotonicNow,
    sleep: options.sleep ?? ((ms) => sleep(ms, undefined, { ref: false })),
    log: options.log,
    onAsked,
    ...relations,
  });
}
