import pRetry from 'p-retry';
import type { TokenAuthConfig } from '../config/client-config.ts';
import type { AuthorizationFailure } from './authorizer.ts';
import { type IssuedToken, readTokenAnswer, type TokenRefusal } from './token-answer.ts';
import { TOKEN_ANSWER_BYTES, type TokenPost } from './token-post.ts';
import { buildTokenRequest, tokenServiceName } from './token-service.ts';

/** How a token is asked for; durations in milliseconds. */
export interface TokenRequestOptions {
  readonly post: TokenPost;
  /** For all tries together. */
  readonly timeoutMs: number;
  /** Before the second try, doubled before the third; default 200. */
  readonly retryDelayMs?: number | undefined;
  readonly signal?: AbortSignal;
}

/** The token service gave no token; the status and error are those of its last answer. */
export type TokenRequestFailure = AuthorizationFailure &
  Pick<TokenRefusal, 'status' | 'error' | 'retryAfterMs'>;

const DEFAULT_RETRY_DELAY_MS = 200;
const RETRIES = 2;

/**
 * Asks the token service for a token: at once, and up to twice more after no answer, a cut answer, a 5xx or a 429
 * without `Retry-After`. Never throws; a failure is a value.
 */
export async function requestToken(
  config: TokenAuthConfig,
  options: TokenRequestOptions,
): Promise<IssuedToken | TokenRequestFailure> {
  const { timeoutMs } = options;
  const limit = startLimit(timeoutMs, options.signal);
  let tries = 0;
  let refusal: TokenRefusal = { refusal: `did not answer within ${timeoutMs} ms`, again: false };
  const tryOnce = async (): Promise<IssuedToken | TokenRefusal> => {
    tries += 1;
    const read = await limit.within(send(config, options.post, timeoutMs, limit.signal));
    if ('refusal' in read) refusal = read;
    if ('refusal' in read && read.again) throw new WorthAnotherTry();
    return read;
  };
  try {
    const read = await pRetry(tryOnce, {
      retries: RETRIES,
      minTimeout: options.retryDelayMs ?? DEFAULT_RETRY_DELAY_MS,
      factor: 2,
      signal: limit.signal,
      unref: true,
    });
    if (!('refusal' in read)) return read;
    if (read.calledOff && options.signal?.aborted) return calledOff(config);
  } catch {
    if (options.signal?.aborted) return calledOff(config);
  } finally {
    limit.end();
  }
  const { status, error, retryAfterMs } = refusal;
  return {
    failure: `${tokenServiceName(config)} ${refusal.refusal}${tries > 1 ? ` (${tries} tries)` : ''}`,
    ...(status !== undefined && { status }),
    ...(error !== undefined && { error }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
}

function calledOff(config: TokenAuthConfig): TokenRequestFailure {
  return { failure: `${tokenServiceName(config)} was not waited for`, calledOff: true };
}

/** Thrown for p-retry alone, which retries what throws; never leaves this file. */
class WorthAnotherTry extends Error {}

/** Good enough for the date in a `Retry-After`. */
const wallNow = (): number => performance.timeOrigin + performance.now();

async function send(
  config: TokenAuthConfig,
  post: TokenPost,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<IssuedToken | TokenRefusal> {
  const request = { ...buildTokenRequest(config), timeoutMs, keepBodyBytes: TOKEN_ANSWER_BYTES, signal };
  try {
    return readTokenAnswer(await post(request), config, wallNow());
  } catch (error) {
    // Not its message: a library may quote the request there, secret included.
    return {
      refusal: `could not be asked (${error instanceof Error ? error.name : 'unknown'})`,
      again: false,
    };
  }
}

interface Limit {
  readonly signal: AbortSignal;
  /** Rejects as soon as the limit passes, even if the request itself does not end. */
  within<T>(work: Promise<T>): Promise<T>;
  end(): void;
}

/** A limit on real time. One timer of its own, not `AbortSignal.any`, which holds on to long-lived sources. */
function startLimit(totalMs: number, outer: AbortSignal | undefined): Limit {
  const controller = new AbortController();
  const abort = () => controller.abort();
  const timer = setTimeout(abort, totalMs);
  timer.unref();
  const { signal } = controller;
  const passed = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  passed.catch(() => {});
  if (outer?.aborted) abort();
  else outer?.addEventListener('abort', abort, { once: true });
  return {
    signal,
    within: (work) => Promise.race([work, passed]),
    end: () => {
      clearTimeout(timer);
      outer?.removeEventListener('abort', abort);
    },
  };
}
