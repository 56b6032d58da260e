import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CalledOff } from './authorizer.ts';
import { blockedMs, extendBlock, type RenewalBlock, shareBlock } from './renewal-block.ts';
import type { TokenRefused, TokenRequestFailure } from './request-token.ts';
import type { IssuedToken } from './token-answer.ts';
import type { Claim, SharedToken, TokenStore } from './token-store.ts';

/** A token that this process may use. */
export interface ObtainedToken extends SharedToken {
  /** On the process's monotonic clock, in milliseconds. */
  readonly expiresAt: number;
  readonly source: 'service' | 'redis';
}

/** There is none, and none is asked for before the end of the block. */
export interface TokenDenied extends Pick<TokenRefused, 'failure' | 'blame'> {
  readonly block: RenewalBlock;
  readonly calledOff?: false;
}

/** What obtaining a token needs; durations in milliseconds. */
export interface ObtainTokenOptions {
  readonly requestToken: () => Promise<IssuedToken | TokenRequestFailure>;
  /** Absent: the token stays in this process. */
  readonly store?: Pick<TokenStore, 'claim' | 'publish' | 'release'> | undefined;
  /** Lifetimes count on it. */
  readonly monotonicNow: () => number;
  /** How long a waiter waits for other holders of the lock altogether. */
  readonly longestWaitMs: number;
  readonly signal: AbortSignal;
}

/** How often a waiter looks whether the holder of the lock is done. */
const POLL_MS = 25;

/**
 * Gets a token that `isReplaced` does not know, from Redis if it has one. Else the lock's holder asks the service. If
 * Redis fails or the wait is too long, the service is asked without the lock; such a token stays in this process.
 *
 * @param before the block that is over by now; it is extended by a failure, here or in another process. A shortage of
 *   this machine says nothing about the token service, and extends nothing.
 */
export async function obtainToken(
  options: ObtainTokenOptions,
  isReplaced: (tokenId: string) => boolean,
  before: RenewalBlock,
): Promise<ObtainedToken | TokenDenied | CalledOff> {
  const { store, monotonicNow, signal } = options;
  const waitEnds = performance.now() + options.longestWaitMs;
  let unwanted = '';
  while (store !== undefined && performance.now() < waitEnds) {
    if (signal.aborted) return { failure: 'the wait for a token was called off', calledOff: true };
    // Before the call: the remaining lifetime was measured later, so it is never taken for longer than it is.
    const askedAt = monotonicNow();
    const claim = await store.claim(unwanted);
    switch (claim.kind) {
      case 'away':
        return renew(options, undefined, unwanted, before);
      case 'claimed':
        return renew(options, store, unwanted, before);
      case 'failed': {
        const { failure, blame, failures } = claim.failed;
        return { failure, blame, block: shareBlock(before, failures, monotonicNow(), claim.remainingMs) };
      }
      case 'held':
        await sleep(POLL_MS, undefined, { ref: false });
        break;
      case 'token':
        if (!isReplaced(claim.token.id)) return adopt(claim, askedAt);
        unwanted = claim.stored;
        break;
      case 'useless':
        unwanted = claim.stored;
    }
  }
  return renew(options, undefined, unwanted, before);
}

function adopt({ token, remainingMs }: Extract<Claim, { kind: 'token' }>, askedAt: number): ObtainedToken {
  // If Redis' clock was set back, the remainder exceeds the lifetime.
  const expiresAt = askedAt + Math.min(remainingMs, token.lifetimeMs);
  return { ...token, expiresAt, source: 'redis' };
}

/** Asks the service; the holder of a store's lock shares what came of it. */
async function renew(
  { requestToken, monotonicNow }: ObtainTokenOptions,
  store: ObtainTokenOptions['store'],
  replaced: string,
  before: RenewalBlock,
): Promise<ObtainedToken | TokenDenied | CalledOff> {
  const issued = await requestToken();
  if ('failure' in issued) {
    if (issued.calledOff || issued.blame === 'local') {
      await store?.release();
      return issued.calledOff ? issued : { failure: issued.failure, blame: issued.blame, block: before };
    }
    const { failure, blame, retryAfterMs } = issued;
    const now = monotonicNow();
    const block = extendBlock(before, now, retryAfterMs);
    await store?.release({ failure, blame, failures: block.failures }, blockedMs(block, now));
    return { failure, blame, block };
  }
  const { accessToken, lifetimeMs } = issued;
  const token = { id: randomUUID(), accessToken, lifetimeMs };
  const expiresAt = monotonicNow() + lifetimeMs;
  await store?.publish(token, replaced);
  return { ...token, expiresAt, source: 'service' };
}
