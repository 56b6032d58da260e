import {
  type Authorization,
  type AuthorizationFailure,
  type AuthorizeResult,
  type Authorizer,
  isAuthorized,
  refusesToken,
} from '../auth/authorizer.ts';
import { maskCredentials, maskQuery } from '../auth/mask-credentials.ts';
import type { Answer, AttemptResult } from '../core/attempt-result.ts';
import type { CallOffSignal } from '../core/call-off.ts';
import { nextAttempt, type StoredEvent } from '../core/event.ts';
import { type Classification, classify } from '../core/outcome.ts';

/** One POST. Rejects only if the URL or a header cannot be sent. */
export type Post = (
  request: {
    readonly url: string;
    readonly headers: readonly string[];
    readonly body: string;
    readonly timeoutMs: number;
  },
  signal: CallOffSignal,
) => Promise<AttemptResult>;

/** An attempt that counts: what it came to, and how long its requests took in milliseconds. */
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
  /** For one request, in milliseconds. */
  readonly timeoutMs: number;
  /** After a wait, takes another turn at the gate; false: the event may not be sent now. Absent: there is no gate. */
  readonly takeTurn?: (() => Promise<boolean>) | undefined;
  readonly userAgent: string;
  monotonicNow(): number;
}

/** Builds the attempt of a client. */
export function createAttempt(parts: AttemptParts): MakeAttempt {
  return (event, url, signal) => new Attempt(parts, event, url, signal).make();
}

/**
 * One attempt: authorize, POST; if the endpoint refuses the token take a new one and POST the same bytes once more,
 * within the same attempt.
 */
class Attempt {
  readonly #parts: AttemptParts;
  readonly #event: StoredEvent;
  readonly #url: string;
  readonly #signal: CallOffSignal;
  /** What the requests took: the wait for a token is no part of the attempt. */
  #ms = 0;

  constructor(parts: AttemptParts, event: StoredEvent, url: string, signal: CallOffSignal) {
    this.#parts = parts;
    this.#event = event;
    this.#url = url;
    this.#signal = signal;
  }

  /** Undefined: it was called off. One promise beside that of the request: it is on the path of every event. */
  async make(): Promise<Attempted | undefined> {
    const { authorizer, renewOn, monotonicNow } = this.#parts;
    const asked = authorizer.authorize(this.#signal);
    const authorized = asked instanceof Promise ? await this.#wait(asked) : asked;
    if (!isAuthorized(authorized)) return this.#conclude(unsent(authorized));
    const started = monotonicNow();
    const result = this.#mask(await this.#post(authorized), authorized);
    this.#ms = monotonicNow() - started;
    if (result.kind !== 'answer') return this.#conclude(result);
    if (!refusesToken(result, renewOn)) authorizer.reportAccepted(authorized);
    else if (authorizer.renewable) return this.#conclude(await this.#renewAndResend(result, authorized));
    return this.#conclude(result);
  }

  #conclude(result: AttemptResult): Attempted | undefined {
    return result.kind === 'aborted' ? undefined : { classification: classify(result), ms: this.#ms };
  }

  /** Waits for a token, then for another turn within the rate: events that wait together would be sent together. */
  async #wait(asked: Promise<AuthorizeResult>): Promise<AuthorizeResult> {
    const authorized = await unlessAborted(asked, this.#signal);
    if (!isAuthorized(authorized) || this.#parts.takeTurn === undefined) return authorized;
    return (await this.#parts.takeTurn()) ? authorized : CALLED_OFF;
  }

  async #renewAndResend(first: Answer, refused: Authorization): Promise<AttemptResult> {
    const { authorizer, renewOn, monotonicNow } = this.#parts;
    const { id } = this.#event;
    const renewed = await unlessAborted(authorizer.renew(refused, id, this.#signal), this.#signal);
    if (renewed === undefined) return first;
    if (!isAuthorized(renewed)) {
      if (renewed.calledOff) return ABORTED;
      const answered = first.body === '' ? '' : `; the endpoint answered: ${first.body}`;
      return { ...first, body: `${renewed.failure}${answered}` };
    }
    const started = monotonicNow();
    const second = this.#mask(await this.#post(renewed), renewed);
    this.#ms += monotonicNow() - started;
    if (second.kind !== 'answer') return second;
    if (refusesToken(second, renewOn)) authorizer.reportRefused(renewed, id);
    else authorizer.reportAccepted(renewed);
    return this.#mask(second, refused);
  }

  #post(authorization: Authorization): Promise<AttemptResult> {
    const { post, userAgent, timeoutMs } = this.#parts;
    const headers = headersFor(this.#event, userAgent, authorization);
    return post({ url: this.#url, headers, body: this.#event.body, timeoutMs }, this.#signal);
  }

  /** The answer as it may be kept: an endpoint may repeat what it was sent. The body of a delivery is empty. */
  #mask(result: AttemptResult, sent: Authorization): AttemptResult {
    if (result.kind !== 'answer' || result.body === '') return result;
    return { ...result, body: maskQuery(maskCredentials(result.body, sent), this.#url) };
  }
}

function unsent({ failure, calledOff }: AuthorizationFailure): AttemptResult {
  return calledOff ? ABORTED : { kind: 'unsent', failureClass: 'token', detail: failure };
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

const EACH_REQUEST = ['Content-Type', 'application/json', 'Accept', 'application/json'] as const;

function headersFor(event: StoredEvent, userAgent: string, granted: Authorization): string[] {
  const own = ['User-Agent', userAgent, 'Idempotency-Key', event.id];
  return [...EACH_REQUEST, ...own, 'X-Waybill-Attempt', String(nextAttempt(event)), ...granted.headers];
}
