import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
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
  /** How long one Redis command is waited for. */
  readonly redisTimeoutMs: number;
  /** How often a waiter looks whether the holder of the lock is done. */
  readonly pollMs: number;
  /** How long a waiter waits for other holders altogether. */
  readonly longestWaitMs: number;
  readonly signal: AbortSignal;
}

/**
 * Gets a token that `isSpent` does not know: another process's, or else a new one, which only the holder
 * of the lock in Redis asks for. Where Redis does not answer, or the lock changes hands for too long, the
 * token service is asked directly: neither may fail a delivery.
 */
export async function obtainToken(
  options: ObtainTokenOptions,
  isSpent: (tokenId: string) => boolean,
): Promise<ObtainedToken | TokenRequestFailure> {
  const shared = options.store && (await obtainShared(options, options.store, isSpent));
  if (shared !== undefined) return shared;
  const issued = await options.requestToken();
  return 'failure' in issued ? issued : toObtained(issued, options.monotonicNow());
}

/** As `obtainToken`, through Redis; undefined where Redis does not answer, or is waited for too long. */
async function obtainShared(
  options: ObtainTokenOptions,
  store: TokenStore,
  isSpent: (tokenId: string) => boolean,
): Promise<ObtainedToken | TokenRequestFailure | undefined> {
  const waitEnds = performance.now() + options.longestWaitMs;
  let useless = '';
  while (performance.now() < waitEnds) {
    if (options.signal.aborted) return { failure: 'the wait for a token was called off', calledOff: true };
    // Before the call: the remaining lifetime was measured later, so it is never taken for longer than it is.
    const askedAt = options.monotonicNow();
    const claim = await within(options.redisTimeoutMs, store.claim(useless));
    if (claim === undefined) return undefined;
    if (claim.kind === 'token' && !isSpent(claim.token.id)) return adopt(claim, askedAt);
    if (claim.kind === 'failed') return { failure: claim.failure, retryAfterMs: claim.retryAfterMs };
    if (claim.kind === 'claimed') return renewAsHolder(options, store, useless);
    if (claim.kind === 'held') await sleep(options.pollMs, undefined, { ref: false });
    else useless = claim.stored;
  }
  return undefined;
}

function adopt(claim: Extract<Claim, { kind: 'token' }>, askedAt: number): ObtainedToken {
  // Where Redis' clock was set back since, it tells of more than there ever was.
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

/** What Redis answered; undefined where it did not in time, or with an error: both mean that it is away. */
async function within<T>(ms: number, reply: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
    timer.unref();
  });
  try {
    return await Promise.race([reply, late]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}
