import {
  type Authorization,
  type AuthorizationFailure,
  type Authorizer,
  isAuthorized,
} from '../auth/authorizer.ts';
import { maskCredentials, maskQuery } from '../auth/mask-credentials.ts';
import type { Answer, AttemptResult } from '../core/attempt-result.ts';
import type { CallOffSignal } from '../core/call-off.ts';
import { type Classification, classify } from '../core/classify.ts';
import { nextAttempt, type StoredEvent } from '../core/event.ts';
import { refusesToken } from '../core/refuses-token.ts';

/** One POST; never rejects. */
export type Post = (
  request: { readonly url: string; readonly headers: readonly string[]; readonly body: string },
  signal: CallOffSignal,
) => Promise<AttemptResult>;

/** An attempt that counts: what it came to, and how long it took in milliseconds. */
export interface Attempted {
  readonly classification: Classification;
  readonly ms: number;
}

/** Makes one attempt to deliver an event; `undefined`: it was called off and does not count. */
export type MakeAttempt = (
  event: StoredEvent,
  url: string,
  signal: CallOffSignal,
) => Promise<Attempted | undefined>;

/** What attempts are made with. */
export interface AttemptParts {
  readonly post: Post;
  readonly authorizer: Authorizer;
  /** Statuses that lead to a new token, beside 401. */
  readonly renewOn: readonly number[];
  readonly userAgent: string;
  monotonicNow(): number;
}

/**
 * Builds the attempt of a client: authorize, POST; if the endpoint refuses the token take a new one and POST the same
 * bytes once more, within the same attempt (contract, part 1).
 */
export function createAttempt({
  post,
  authorizer,
  renewOn,
  userAgent,
  monotonicNow,
}: AttemptParts): MakeAttempt {
  function send(
    event: StoredEvent,
    url: string,
    granted: Authorization,
    signal: CallOffSignal,
  ): Promise<AttemptResult> {
    return post({ url, headers: headersFor(event, userAgent, granted), body: event.body }, signal);
  }

  async function sendAnew(
    first: Answer,
    refused: Authorization,
    event: StoredEvent,
    url: string,
    signal: CallOffSignal,
  ): Promise<AttemptResult> {
    const renewed = await unlessAborted(authorizer.renew(refused), signal);
    if (renewed === undefined) return first;
    if (!isAuthorized(renewed)) {
      if (renewed.calledOff) return ABORTED;
      return { ...first, body: `${renewed.failure}; the endpoint answered: ${first.body}` };
    }
    const second = await send(event, url, renewed, signal);
    if (second.kind === 'answer') {
      if (refusesToken(second, renewOn)) authorizer.reportRefused(renewed);
      else authorizer.reportAccepted(renewed);
    }
    return withoutCredentials(second, url, renewed);
  }

  /** Undefined: the attempt was called off. */
  function conclude(result: AttemptResult, started: number): Attempted | undefined {
    if (result.kind === 'aborted') return undefined;
    return { classification: classify(result), ms: monotonicNow() - started };
  }

  return async (event, url, signal) => {
    let started = monotonicNow();
    let granted = authorizer.authorize();
    if (granted instanceof Promise) {
      granted = await unlessAborted(granted, signal);
      // The wait for a token is no part of the attempt.
      started = monotonicNow();
    }
    if (!isAuthorized(granted)) return conclude(unsent(granted), started);
    const first = withoutCredentials(await send(event, url, granted, signal), url, granted);
    if (first.kind !== 'answer') return conclude(first, started);
    if (!refusesToken(first, renewOn)) authorizer.reportAccepted(granted);
    else if (authorizer.renewable) {
      return conclude(await sendAnew(first, granted, event, url, signal), started);
    }
    return conclude(first, started);
  };
}

function unsent({ failure, calledOff }: AuthorizationFailure): AttemptResult {
  return calledOff ? ABORTED : { kind: 'unsent', failureClass: 'token', detail: failure };
}

/** The answer as it may be kept: an endpoint may repeat what it was sent. The body of a delivery is empty. */
function withoutCredentials(result: AttemptResult, url: string, sent: Authorization): AttemptResult {
  if (result.kind !== 'answer' || result.body === '') return result;
  return { ...result, body: maskQuery(maskCredentials(result.body, sent), url) };
}

const ABORTED: AttemptResult = { kind: 'aborted' };

const CALLED_OFF: AuthorizationFailure = { failure: 'the attempt was called off', calledOff: true };

/** Waits for a token no longer than the attempt is wanted. */
function unlessAborted<Result>(
  granted: Promise<Result>,
  signal: CallOffSignal,
): Promise<Result | AuthorizationFailure> {
  if (signal.aborted) return Promise.resolve(CALLED_OFF);
  return new Promise((resolve, reject) => {
    const onAbort = (): void => resolve(CALLED_OFF);
    signal.addEventListener('abort', onAbort, { once: true });
    granted.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function headersFor(event: StoredEvent, userAgent: string, granted: Authorization): string[] {
  return [
    'Content-Type',
    'application/json',
    'Accept',
    'application/json',
    'User-Agent',
    userAgent,
    'Idempotency-Key',
    event.id,
    'X-Waybill-Attempt',
    String(nextAttempt(event)),
    ...granted.headers,
  ];
}
