import { randomUUID } from 'node:crypto';
import { isBearerToken } from '../core/header-text.ts';
import { LONGEST_RETRY_AFTER_MS } from './renewal-block.ts';
import type { TokenCipher } from './token-cipher.ts';

/** What the store needs of a Redis connection; an ioredis `Redis` or `Cluster` is one. */
export interface TokenRedis {
  eval(script: string, numberOfKeys: number, ...keysAndArguments: (string | number)[]): Promise<unknown>;
}

/** A token that all processes with the same credentials use. */
export interface SharedToken {
  /** Random; names this token in all processes. */
  readonly id: string;
  readonly accessToken: string;
  /** The whole lifetime, from which each process tells when to renew ahead of expiry. */
  readonly lifetimeMs: number;
}

/** What a look at the store led to. `stored` is the value as it stands there; empty: none. */
export type Claim =
  | {
      readonly kind: 'token';
      readonly token: SharedToken;
      readonly remainingMs: number;
      readonly stored: string;
    }
  | { readonly kind: 'useless'; readonly stored: string }
  | { readonly kind: 'claimed' }
  | { readonly kind: 'held' }
  | {
      readonly kind: 'failed';
      readonly failure: string;
      /** For so long nobody asks. */
      readonly retryAfterMs: number;
    };

/** The token of one set of credentials in Redis, and the lock on its renewal. Any method may reject. */
export interface TokenStore {
  /** Looks for a token other than the value `useless`; if there is none, tries to take the lock. */
  claim(useless: string): Promise<Claim>;
  /** Shares a new token for `remainingMs` in place of the value `replaced`, and gives the lock back. */
  publish(token: SharedToken, remainingMs: number, replaced: string): Promise<void>;
  /** Gives the lock back; other processes see the failure for a second, or for as long as the service asks for. */
  release(failure?: string, retryAfterMs?: number): Promise<void>;
}

/** Long enough for each waiter to look once more, over long before anyone's next renewal (5 s). */
const SHOW_FAILURE_MS = 1_000;

/*
 * KEYS: token, lock, failure. ARGV: owner, lock lifetime in ms, useless value.
 * Look and lock are one step, so that no process locks which has not seen the last holder's token. A lock of the
 * same owner is left over from a call whose answer was lost: it is taken again.
 */
const CLAIM = `
local owner = ARGV[1]
local token = redis.call('GET', KEYS[1])
if token and token ~= ARGV[3] then return {'token', token, redis.call('PTTL', KEYS[1])} end
local failure = redis.call('GET', KEYS[3])
if failure and string.sub(failure, 1, #owner) ~= owner then
  return {'failed', string.sub(failure, #owner + 1), redis.call('PTTL', KEYS[3])}
end
if redis.call('SET', KEYS[2], owner, 'NX', 'PX', ARGV[2]) then return {'claimed'} end
if redis.call('GET', KEYS[2]) ~= owner then return {'held'} end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return {'claimed'}`;

/*
 * KEYS: token, lock. ARGV: owner, replaced value, new value, lifetime in ms.
 * A holder that outlived its lock does not overwrite what its successor has published.
 */
const PUBLISH = `
local token = redis.call('GET', KEYS[1])
if not token or token == ARGV[2] then redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4]) end
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end`;

/* KEYS: lock, failure. ARGV: owner, failure (empty: none), for how many ms it is shown. */
const RELEASE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return end
redis.call('DEL', KEYS[1])
if ARGV[2] ~= '' then redis.call('SET', KEYS[2], ARGV[1] .. ARGV[2], 'PX', ARGV[3]) end`;

/** Which token a store is for, and who shares what about it. */
export interface TokenStoreOptions {
  /** From `tokenKey`. */
  readonly key: string;
  /** Tells apart those that ask in different ways: they share the token, but not each other's failures. */
  readonly variant: string;
  /** The lock expires after this; more than a token request may take. */
  readonly lockMs: number;
  /** Absent: tokens stand in Redis as they are. What another cipher sealed, or none, counts as useless. */
  readonly cipher?: TokenCipher | undefined;
}

/** Makes the store of one set of credentials. */
export function createTokenStore(redis: TokenRedis, options: TokenStoreOptions): TokenStore {
  const { key, variant, lockMs, cipher } = options;
  const owner = randomUUID();
  // The hash tag is the whole token key: in a Redis Cluster all three live in one slot.
  const lock = `{${key}}:lock`;
  const failed = `{${key}}:failed:${variant}`;
  return {
    claim: async (useless) =>
      readClaim(await redis.eval(CLAIM, 3, key, lock, failed, owner, lockMs, useless), options),
    publish: async (token, remainingMs, replaced) => {
      const lifetime = Math.max(1, Math.floor(remainingMs));
      const text = JSON.stringify(token);
      const stored = cipher === undefined ? text : cipher.seal(text, key);
      await redis.eval(PUBLISH, 2, key, lock, owner, replaced, stored, lifetime);
    },
    release: async (failure = '', retryAfterMs = 0) => {
      const shownMs = Math.max(SHOW_FAILURE_MS, Math.min(Math.ceil(retryAfterMs), LONGEST_RETRY_AFTER_MS));
      await redis.eval(RELEASE, 2, lock, failed, owner, failure, shownMs);
    },
  };
}

function readClaim(reply: unknown, { key, cipher }: TokenStoreOptions): Claim {
  const [kind, value = '', remainingMs = 0] = reply as [
    'token' | 'failed' | 'claimed' | 'held',
    string?,
    number?,
  ];
  switch (kind) {
    case 'claimed':
    case 'held':
      return { kind };
    case 'failed':
      return { kind, failure: value, retryAfterMs: Math.max(0, remainingMs) };
    case 'token': {
      const token = parseToken(cipher === undefined ? value : cipher.open(value, key));
      if (token === undefined || remainingMs <= 0) return { kind: 'useless', stored: value };
      return { kind, token, remainingMs, stored: value };
    }
  }
}

/** Anyone may have written it: it is checked before it becomes a header. */
function parseToken(stored: string | undefined): SharedToken | undefined {
  if (stored === undefined) return undefined;
  try {
    const { id, accessToken, lifetimeMs } = JSON.parse(stored) as Partial<SharedToken>;
    if (typeof id !== 'string' || typeof accessToken !== 'string' || typeof lifetimeMs !== 'number')
      return undefined;
    return isBearerToken(accessToken) && lifetimeMs > 0 ? { id, accessToken, lifetimeMs } : undefined;
  } catch {
    return undefined;
  }
}
