import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { isBearerToken } from '../core/header-text.ts';
import { parseJson } from '../core/json-value.ts';
import { atMost } from '../core/time.ts';
import { BLAMES } from './authorizer.ts';
import type { TokenCipher } from './token-cipher.ts';

/** What the store needs of a Redis connection; an ioredis `Redis` or `Cluster` is one. */
export interface TokenRedis {
  eval(script: string, numberOfKeys: number, ...keysAndArguments: (string | number)[]): Promise<unknown>;
}

/** Anyone may have written it: it is checked before it becomes a header. */
const sharedToken = z.object({
  /** Random; names this token in all processes. */
  id: z.string(),
  accessToken: z.string().refine(isBearerToken),
  /** The whole lifetime, from which each process tells when to renew ahead of expiry. */
  lifetimeMs: z.number().positive(),
});

/** A token that all processes with the same credentials use. */
export type SharedToken = Readonly<z.infer<typeof sharedToken>>;

/** What a token request that failed tells the other processes. */
const sharedFailure = z.object({
  failure: z.string(),
  blame: z.enum(BLAMES),
  /** In a row, so that the pause doubles over all processes. */
  failures: z.number().int().positive(),
});

/** A failed token request of another process. */
export type SharedFailure = Readonly<z.infer<typeof sharedFailure>>;

/** What a look at the store led to; `away`: Redis fails or is slow. `stored` is the value as it stands there. */
export type Claim =
  | { readonly kind: 'claimed' | 'held' | 'away' }
  | { readonly kind: 'useless'; readonly stored: string }
  | {
      readonly kind: 'token';
      readonly stored: string;
      readonly token: SharedToken;
      readonly remainingMs: number;
    }
  /** Nobody asks for `remainingMs`. */
  | { readonly kind: 'failed'; readonly failed: SharedFailure; readonly remainingMs: number };

/** What stands in Redis is none of Waybill's own, yet somebody asks for a pause. */
const UNKNOWN_FAILURE: SharedFailure = {
  failure: 'another process got no token',
  blame: 'service',
  failures: 1,
};

/*
 * KEYS: token, lock, failure. ARGV: owner, lock lifetime in ms, useless value.
 * Look and lock are one step, so that no process locks which has not seen the last holder's token. A lock of the
 * same owner is left over from a call whose answer was lost: it is taken again. The owner of a failure keeps the pause
 * by its own clock. A failure without an expiry is not ours, and would hold for ever.
 */
const CLAIM = `
local owner = ARGV[1]
local token = redis.call('GET', KEYS[1])
if token and token ~= ARGV[3] then return {'token', token, redis.call('PTTL', KEYS[1])} end
local failure = redis.call('GET', KEYS[3])
local pause = redis.call('PTTL', KEYS[3])
if failure and pause > 0 and string.sub(failure, 1, #owner) ~= owner then
  return {'failed', string.sub(failure, #owner + 1), pause}
end
if redis.call('SET', KEYS[2], owner, 'NX', 'PX', ARGV[2]) then return {'claimed'} end
if redis.call('GET', KEYS[2]) ~= owner then return {'held'} end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return {'claimed'}`;

/*
 * KEYS: token, lock, failure. ARGV: owner, replaced value, new value, lifetime in ms.
 * A holder that outlived its lock does not overwrite what its successor has published. A token ends a failure.
 */
const PUBLISH = `
local token = redis.call('GET', KEYS[1])
if not token or token == ARGV[2] then redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4]) end
redis.call('DEL', KEYS[3])
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end`;

/* KEYS: lock, failure. ARGV: owner, failure (empty: none), for how many ms nobody asks. */
const RELEASE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return end
redis.call('DEL', KEYS[1])
if ARGV[2] ~= '' then redis.call('SET', KEYS[2], ARGV[1] .. ARGV[2], 'PX', ARGV[3]) end`;

/** Which token a store is for, and who shares what about it. */
export interface TokenStoreOptions {
  readonly redis: TokenRedis;
  /** From `tokenKey`. */
  readonly key: string;
  /** Tells apart those that ask in different ways: they share the token, but not each other's failures. */
  readonly variant: string;
  /** The lock expires after this; more than a token request may take. In milliseconds. */
  readonly lockMs: number;
  /** Redis counts as away if it takes longer, in milliseconds. */
  readonly timeoutMs: number;
  /** Absent: tokens stand in Redis as they are. What another cipher sealed, or none, counts as useless. */
  readonly cipher?: TokenCipher | undefined;
}

/** The token of one set of credentials in Redis, and the lock on its renewal. If Redis is away, nothing is done. */
export class TokenStore {
  readonly #options: TokenStoreOptions;
  readonly #owner = randomUUID();
  readonly #lock: string;
  readonly #failed: string;

  constructor(options: TokenStoreOptions) {
    this.#options = options;
    // The hash tag is the whole token key: in a Redis Cluster all three live in one slot.
    this.#lock = `{${options.key}}:lock`;
    this.#failed = `{${options.key}}:failed:${options.variant}`;
  }

  /** Looks for a token other than the value `useless` (may be empty); if there is none, tries to take the lock. */
  async claim(useless: string): Promise<Claim> {
    const { key, lockMs, cipher } = this.#options;
    const keys = [key, this.#lock, this.#failed];
    const reply = await this.#eval(CLAIM, keys, this.#owner, lockMs, useless);
    if (!Array.isArray(reply)) return { kind: 'away' };
    const [kind, value = '', ms = 0] = reply as [Claim['kind'], string?, number?];
    if (kind === 'claimed' || kind === 'held') return { kind };
    if (kind === 'failed') {
      return {
        kind,
        failed: sharedFailure.safeParse(parseJson(value)).data ?? UNKNOWN_FAILURE,
        remainingMs: ms,
      };
    }
    const text = cipher === undefined ? value : (cipher.open(value, key) ?? '');
    const token = sharedToken.safeParse(parseJson(text)).data;
    if (token === undefined || ms <= 0) return { kind: 'useless', stored: value };
    return { kind: 'token', token, remainingMs: ms, stored: value };
  }

  /** Shares a new token for its lifetime in place of the value `replaced`, and gives the lock back. */
  async publish(token: SharedToken, replaced: string): Promise<void> {
    const { key, cipher } = this.#options;
    const text = JSON.stringify(token);
    const stored = cipher === undefined ? text : cipher.seal(text, key);
    const lifetimeMs = Math.max(1, Math.floor(token.lifetimeMs));
    await this.#eval(PUBLISH, [key, this.#lock, this.#failed], this.#owner, replaced, stored, lifetimeMs);
  }

  /** Gives the lock back; after a failure no other process asks for `pauseMs`, at least 1. */
  async release(failed?: SharedFailure, pauseMs = 0): Promise<void> {
    const failure = failed === undefined ? '' : JSON.stringify(failed);
    const ms = Math.max(1, Math.ceil(pauseMs));
    await this.#eval(RELEASE, [this.#lock, this.#failed], this.#owner, failure, ms);
  }

  /** Undefined: Redis failed or came late. */
  async #eval(script: string, keys: readonly string[], ...values: readonly (string | number)[]) {
    const { redis, timeoutMs } = this.#options;
    try {
      return await atMost(timeoutMs, redis.eval(script, keys.length, ...keys, ...values));
    } catch {
      return undefined;
    }
  }
}
