import { type Authorization, type Authorizer, isAuthorized } from '../auth/authorizer.ts';
import type { Answer, AttemptResult } from '../core/attempt-result.ts';
import { type Classification, classify } from '../core/classify.ts';
import { nextAttempt, type StoredEvent } from '../core/event.ts';

/** One POST; never rejects. */
export type Post = (
  request: { readonly url: string; readonly headers: readonly string[]; readonly body: string },
  signal: AbortSignal,
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
  signal: AbortSignal,
) => Promise<Attempted | undefined>;

/** What attempts are made with. */
export interface AttemptParts {
  readonly post: Post;
  readonly authorizer: Authorizer;
  readonly userAgent: string;
  monotonicNow(): number;
}

/**
 * Builds the attempt of a client: authorize, POST; after a 401 take a new token and POST the same bytes once
 * more, within the same attempt (contract, part 1).
 */
export function createAttempt({ post, authorizer, userAgent, monotonicNow }: AttemptParts): MakeAttempt {
  async function sendWith(granted: Authorization, event: StoredEvent, url: string, signal: AbortSignal) {
    const result = await post(
      { url, headers: headersFor(event, userAgent, granted), body: event.body },
      signal,
    );
    if (result.kind === 'answer' && result.status !== 401) authorizer.reportAccepted(granted);
    return result;
  }

  async function sendAnew(
    first: Answer,
    refused: Authorization,
    event: StoredEvent,
    url: string,
    signal: AbortSignal,
  ) {
    const renewed = await unlessAborted(authorizer.renew(refused), signal);
    if (renewed === undefined) return ABORTED;
    if (!isAuthorized(renewed)) {
      return renewed.calledOff
        ? ABORTED
        : { ...first, body: `${renewed.failure}; the endpoint answered: ${first.body}` };
    }
    const second = await sendWith(renewed, event, url, signal);
    if (second.kind === 'answer' && second.status === 401) authorizer.reportRefused(renewed);
    return second;
  }

  async function send(event: StoredEvent, url: string, signal: AbortSignal): Promise<AttemptResult> {
    const asked = authorizer.authorize();
    const granted = asked instanceof Promise ? await unlessAborted(asked, signal) : asked;
    if (granted === undefined) return ABORTED;
    if (!isAuthorized(granted)) {
      return granted.calledOff ? ABORTED : { kind: 'unsent', failureClass: 'token', detail: granted.failure };
    }
    const first = await sendWith(granted, event, url, signal);
    const refused = first.kind === 'answer' && first.status === 401 && authorizer.renewable;
    return refused ? sendAnew(first, granted, event, url, signal) : first;
  }

  return async (event, url, signal) => {
    const started = monotonicNow();
    const result = await send(event, url, signal);
    if (result.kind === 'aborted') return undefined;
    return { classification: classify(result), ms: monotonicNow() - started };
  };
}

const ABORTED: AttemptResult = { kind: 'aborted' };

/** Waits for a token no longer than the attempt is wanted. */
function unlessAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value | undefined> {
  if (signal.aborted) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    const onAbort = (): void => resolve(undefined);
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function headersFor(event: StoredEvent, userAgent: string, granted: Authorization): string[] {
  return [
    'content-type',
    'application/json',
    'accept',
    'application/json',
    'user-agent',
    userAgent,
    'idempotency-key',
    event.id,
    'x-waybill-attempt',
    String(nextAttempt(event)),
    ...granted.headers,
  ];
}
