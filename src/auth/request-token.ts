import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import pRetry from 'p-retry';
import type { TokenAuthConfig } from '../config/client-config.ts';
import { wallNow } from '../core/time.ts';
import type { CalledOff } from './authorizer.ts';
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

/** The token service gave no token: why, as a sentence; status and error are those of its last answer. */
export interface TokenRefused extends Pick<TokenRefusal, 'blame' | 'status' | 'error' | 'retryAfterMs'> {
  readonly failure: string;
  readonly calledOff?: false;
}

/** There is no token, or it was not waited for. */
export type TokenRequestFailure = TokenRefused | CalledOff;

const RETRY_DELAY_MS = 200;
const RETRIES = 2;

/**
 * Asks the token service for a token: at once, and up to twice more after no answer, a cut answer, a 5xx or a 429
 * without `Retry-After`. Never throws; a failure is a value.
 */
export async function requestToken(
  config: TokenAuthConfig,
  options: TokenRequestOptions,
): Promise<IssuedToken | TokenRequestFailure> {
  const { post, timeoutMs, signal } = options;
  // A limit of its own, not `AbortSignal.any`, which holds on to long-lived sources.
  const limit = new AbortController();
  const end = (): void => limit.abort();
  const timer = setTimeout(end, timeoutMs);
  timer.unref();
  signal?.addEventListener('abort', end, { once: true });
  if (signal?.aborted) end();
  const request = { ...buildTokenRequest(config), keepBodyBytes: TOKEN_ANSWER_BYTES };
  let tries = 0;
  const late: TokenRefusal = {
    refusal: `did not answer within ${timeoutMs} ms`,
    again: false,
    blame: 'service',
  };
  let refusal = late;
  const askOnce = async (): Promise<IssuedToken | TokenRefusal> => {
    try {
      // A longer timeout than the limit: the limit ends the request, and its words say so.
      const answer = await post({ ...request, timeoutMs: 2 * timeoutMs, signal: limit.signal });
      return readTokenAnswer(answer, config, wallNow());
    } catch (error) {
      return notAsked(error);
    }
  };
  const tryOnce = async (): Promise<IssuedToken | undefined> => {
    tries += 1;
    const read = await askOnce();
    if (!('refusal' in read)) return read;
    if (!limit.signal.aborted) refusal = read;
    // It says what it waited for.
    else if (read.waitedFor !== undefined)
      refusal = { ...late, refusal: `${late.refusal}: ${read.waitedFor}`, blame: 'proxy' };
    if (read.again) throw new WorthAnotherTry();
    return undefined;
  };
  const retries = { retries: RETRIES, minTimeout: options.retryDelayMs ?? RETRY_DELAY_MS, factor: 2 };
  const asked = pRetry(tryOnce, { ...retries, signal: limit.signal, unref: true }).catch(() => undefined);
  // Even if the request itself does not end.
  const limited = once(limit.signal, 'abort').then(() => nextTurn(undefined));
  const issued = await Promise.race([asked, limited]);
  clearTimeout(timer);
  signal?.removeEventListener('abort', end);
  if (issued !== undefined) return issued;
  const { refusal: what, again: _, calledOff = false, ...answered } = refusal;
  if (signal?.aborted || calledOff) {
    return { failure: `${tokenServiceName(config)} was not waited for`, calledOff: true };
  }
  return {
    failure: `${tokenServiceName(config)} ${what}${tries > 1 ? ` (${tries} tries)` : ''}`,
    ...answered,
  };
}

/** Thrown for p-retry alone, which retries what throws; never leaves this file. */
class WorthAnotherTry extends Error {}

/** Not the error's message: a library may quote the request there, secret included. */
function notAsked(error: unknown): TokenRefusal {
  const name = error instanceof Error ? error.name : 'unknown';
  return { refusal: `could not be asked (${name})`, again: false, blame: 'credentials' };
}
