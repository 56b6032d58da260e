import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { atMost } from '../core/time.ts';
import type { TokenRequestFailure } from './request-token.ts';
import type { IssuedToken } from './token-answer.ts';
import type { Claim, SharedToken, TokenStore } from './token-store.ts';

/** A token that this process may use. */
export interface ObtainedToken extends SharedToken {
  /** On the process's monotonic clock, in milliseconds. */
  readonly expiresAt: number;
  readonly source: 'service' | 'redis';
}

/** What obtaining a token needs; durations in milliseconds. */
export interface ObtainTokenOptions {
  readonly requestToken: () => Promise<IssuedToken | TokenRequestFailure>;
  /** Absent: the token stays in this process. */
  readonly store?: TokenStore | undefined;
  readonly monotonicNow: () => number;
  readonly redisTimeoutMs: number;
  /** How often a waiter looks whether the holder of the lock is done. */
  readonly pollMs: number;
  /** How long a waiter waits for other holders altogether. */
  readonly longestWaitMs: number;
  readonly signal: AbortSignal;
}

/**
 * Gets a token that `isReplaced` does not know, from Redis if it has one. Else the lock's holder asks the service. If
 * Redis fails or the wait is too long, the service is asked without the lock; such a token stays in this process.
 */
export async function obtainToken(
  options: ObtainTokenOptions,
  isReplaced: (tokenId: string) => boolean,
): Promise<ObtainedToken | TokenRequestFailure> {
  const shared = options.store && (await obtainShared(options, options.store, isReplaced));
  if (shared !== undefined) return shared;
  const issued = await options.requestToken();
  return 'failure' in issued ? issued : toObtained(issued, options.monotonicNow());
}

/** As `obtainToken`, through Redis; undefined if Redis does not answer, or is waited for too long. */
async function obtainShared(
  options: ObtainTokenOptions,
  store: TokenStore,
  isReplaced: (tokenId: string) => boolean,
): Promise<ObtainedToken | TokenRequestFailure | undefined> {
  const waitEnds = performance.now() + options.longestWaitMs;
  let unwanted = '';
  while (performance.now() < waitEnds) {
    if (options.signal.aborted) return { failure: 'the wait for a token was called off', calledOff: true };
    // Before the call: the remaining lifetime was measured later, so it is never taken for longer than it is.
    const askedAt = options.monotonicNow();
    const claim = await within(options.redisTimeoutMs, store.claim(unwanted));
    if (claim === undefined) return undefined;
    if (claim.kind === 'token' && !isReplaced(claim.token.id)) return adopt(claim, askedAt);
    if (claim.kind === 'failed') return { failure: claim.failure, retryAfterMs: claim.retryAfterMs };
    if (claim.kind === 'claimed') return renewAsHolder(options, store, unwanted);
    if (claim.kind === 'held') await sleep(options.pollMs, undefined, { ref: false });
    else unwanted = claim.stored;
  }
  return undefined;
}

function adopt(claim: Extract<Claim, { kind: 'token' }>, askedAt: number): ObtainedToken {
  // If Redis' clock was set back, the remainder exceeds the lifetime.
  const remainingMs = Math.min(claim.remainingMs, claim.token.lifetimeMs);
  return { ...claim.token, expiresAt: askedAt + remainingMs, source: 'redis' };
}

async function renewAsHolder(
  options: ObtainTokenOptions,
  store: TokenStore,
  replaced: string,
): Promise<ObtainedToken | TokenRequestFailure> {
  const issued = await options.requestToken();
  if ('failure' in issued) {
    const released = issued.calledOff ? store.release() : store.release(issued.failure, issued.retryAfterMs);
    await within(options.redisTimeoutMs, released);
    return issued;
  }
  const obtained = toObtained(issued, options.monotonicNow());
  const { id, accessToken, lifetimeMs } = obtained;
  await within(options.redisTimeoutMs, store.publish({ id, accessToken, lifetimeMs }, lifetimeMs, replaced));
  return obtained;
}

function toObtained(issued: IssuedToken, receivedAt: number): ObtainedToken {
  const { accessToken, lifetimeMs } = issued;
  return { id: randomUUID(), accessToken, lifetimeMs, expiresAt: receivedAt + lifetimeMs, source: 'service' };
}

/** The reply of Redis; undefined if it failed or came late: both mean that Redis is away. */
function within<Reply>(ms: number, reply: Promise<Reply>): Promise<Reply | undefined> {
  return atMost(ms, reply).catch(() => undefined);
}
