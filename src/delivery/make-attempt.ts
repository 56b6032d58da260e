import {
  type Authorization,
  type AuthorizeResult,
  type Authorizer,
  type Blame,
  type CalledOff,
  isAuthorized,
  refusesToken,
  type TokenMissing,
} from '../auth/authorizer.ts';
import { createAnswerMask, type MaskAnswer } from '../auth/mask-credentials.ts';
import type { Signer } from '../auth/signer.ts';
import type { EndpointHeaders } from '../config/endpoint-headers.ts';
import { type Answer, type AttemptResult, SHORTAGE_PAUSE_MS } from '../core/attempt-result.ts';
import { type CallOffSignal, unlessCalledOff } from '../core/call-off.ts';
import { nextAttempt, type StoredEvent } from '../core/event.ts';
import { secretsOfHeader } from '../core/mask-secrets.ts';
import { maskUrl } from '../core/mask-url.ts';
import { type Classification, classify } from '../core/outcome.ts';
import type { RepeatCause } from '../core/repeats.ts';
import type { WithheldMark } from '../queue/withheld-mark.ts';

/** One POST. Rejects only if the URL or a header cannot be sent. */
export type Post = (
  request: {
    readonly url: string;
    readonly headers: readonly string[];
    /** Further headers, asked for each time that the request is about to be sent. */
    readonly sign?: () => readonly string[];
    readonly body: string;
    readonly timeoutMs: number;
    /** Keeps the start of a 2xx as well; deliveries do not. */
    readonly keepBodyBytes?: number;
  },
  signal: CallOffSignal,
) => Promise<AttemptResult>;

/** Told of each attempt, also of one that does not count. */
interface MayRepeat {
  /** Each time that its request may have arrived, and was or will be sent again as the same attempt; absent: never. */
  readonly repeats?: readonly RepeatCause[];
}

/** An attempt that counts: what it came to, and how long its requests took in milliseconds. */
export interface Attempted extends MayRepeat {
  readonly classification: Classification;
  readonly ms: number;
}

/**
 * No attempt: there was no token, our proxy was away, or this machine was short of something. The event waits, and
 * nothing is counted; at most a 401 came before it, in answer to which no other request could be made.
 */
export interface Withheld extends MayRepeat {
  readonly withheld: WithheldMark['for'];
  /** Who is to blame for it; `local` goes with `local`. */
  readonly blame: Blame;
  /** A sentence for the operator, without secrets. */
  readonly detail: string;
  /** When trying again makes sense, in milliseconds; 0: nobody says, it is for the hold to decide. */
  readonly retryInMs: number;
  /** The proxy's, if it gave one. */
  readonly status?: number;
}

/** What an event comes to that was withheld for too long: an attempt of class `token`, `proxy` or `local` after all. */
export function countWithheld({ withheld, detail, status = 0 }: Withheld): Attempted {
  return {
    classification: { kind: 'failed', failureClass: withheld, status, response: detail },
    ms: 0,
  };
}

/** The attempt was called off and does not count. */
export interface Unmade extends MayRepeat {
  readonly calledOff: true;
}

/** What became of trying to make an attempt. */
export type Made = Attempted | Withheld | Unmade;

/** Makes one attempt to deliver an event. */
export type MakeAttempt = (event: StoredEvent, url: string, signal: CallOffSignal) => Promise<Made>;

/** What attempts are made with. */
export interface AttemptParts extends EndpointHeaders {
  readonly post: Post;
  readonly authorizer: Authorizer;
  /** Undefined: requests are not signed. */
  readonly signer?: Signer | undefined;
  /** Statuses that lead to a new token, beside 401. */
  readonly renewOn: readonly number[];
  /** For one request, in milliseconds. */
  readonly timeoutMs: number;
  /** After a wait, takes another turn at the gate; false: the event may not be sent now. Absent: there is no gate. */
  readonly takeTurn?: (() => Promise<boolean>) | undefined;
  readonly userAgent: string;
  /** Milliseconds since the epoch, for the time of a signature. */
  now(): number;
  monotonicNow(): number;
}

/** Builds the attempt of a client. */
export function createAttempt(parts: AttemptParts): MakeAttempt {
  const { signer, secretHeaders = [] } = parts;
  const secrets = [...secretHeaders.flatMap(secretsOfHeader), ...(signer?.secrets ?? [])];
  const ofEach = { ...headersOfEach(parts), mask: createAnswerMask(secrets) };
  return (event, url, signal) => new Attempt(parts, ofEach, event, url, signal).make();
}

/**
 * One attempt: authorize, POST; if the endpoint refuses the token take a new one and POST the same bytes once more,
 * within the same attempt.
 */
class Attempt {
  readonly #parts: AttemptParts;
  readonly #ofEach: OfEach;
  readonly #event: StoredEvent;
  readonly #url: string;
  readonly #signal: CallOffSignal;
  /** What the requests took: the wait for a token is no part of the attempt. */
  #ms = 0;
  #repeats: readonly RepeatCause[] | undefined;

  constructor(parts: AttemptParts, ofEach: OfEach, event: StoredEvent, url: string, signal: CallOffSignal) {
    this.#parts = parts;
    this.#ofEach = ofEach;
    this.#event = event;
    this.#url = url;
    this.#signal = signal;
  }

  /** One promise beside that of the request: it is on the path of every event. */
  async make(): Promise<Made> {
    const { authorizer, renewOn, monotonicNow } = this.#parts;
    const asked = authorizer.authorize(this.#signal);
    const authorized = asked instanceof Promise ? await this.#wait(asked) : asked;
    if (!isAuthorized(authorized)) return authorized.calledOff ? UNMADE : this.#withhold(authorized);
    const started = monotonicNow();
    const result = this.#mask(await this.#post(authorized), authorized);
    this.#ms = monotonicNow() - started;
    this.#repeats = result.repeats;
    if (result.kind !== 'answer') return this.#conclude(result);
    if (!refusesToken(result, renewOn)) authorizer.reportAccepted(authorized);
    else if (authorizer.renewable) return this.#renewAndResend(result, authorized);
    return this.#conclude(result);
  }

  #conclude(result: AttemptResult): Made {
    switch (result.kind) {
      case 'aborted':
        return this.#withRepeats(UNMADE);
      case 'proxy_away': {
        const { blame, detail, status } = result;
        return this.#withRepeats({ withheld: 'proxy', blame, detail, status, retryInMs: 0 });
      }
      case 'shortage':
        return this.#withhold({ failure: result.detail, blame: 'local', retryInMs: SHORTAGE_PAUSE_MS });
      default:
        return this.#withRepeats({ classification: classify(result), ms: this.#ms });
    }
  }

  #withhold({ failure, blame, retryInMs }: TokenMissing): Withheld {
    const withheld = blame === 'local' ? 'local' : 'token';
    return this.#withRepeats({ withheld, blame, detail: failure, retryInMs });
  }

  #withRepeats<One extends Made>(made: One): One {
    return this.#repeats === undefined ? made : { ...made, repeats: this.#repeats };
  }

  /** Waits for a token, then for another turn within the rate: events that wait together would be sent together. */
  async #wait(asked: Promise<AuthorizeResult>): Promise<AuthorizeResult> {
    const authorized = await unlessCalledOff(asked, this.#signal, CALLED_OFF);
    if (!isAuthorized(authorized) || this.#parts.takeTurn === undefined) return authorized;
    return (await this.#parts.takeTurn()) ? authorized : CALLED_OFF;
  }

  /** If there is no new token the refusal stands, unless this machine alone is to blame for that. */
  async #renewAndResend(first: Answer, refused: Authorization): Promise<Made> {
    const { authorizer, renewOn, monotonicNow } = this.#parts;
    const { id } = this.#event;
    const asked = authorizer.renew(refused, id, this.#signal);
    const renewed = await unlessCalledOff(asked, this.#signal, CALLED_OFF);
    if (renewed === undefined) return this.#conclude(first);
    if (!isAuthorized(renewed)) {
      if (renewed.calledOff) return this.#withRepeats(UNMADE);
      if (renewed.blame === 'local') return this.#withhold(renewed);
      const answered = first.body === '' ? '' : `; the endpoint answered: ${first.body}`;
      return this.#conclude({ ...first, body: `${renewed.failure}${answered}` });
    }
    const started = monotonicNow();
    const second = this.#mask(await this.#post(renewed), renewed);
    this.#ms += monotonicNow() - started;
    if (second.repeats !== undefined) this.#repeats = [...(this.#repeats ?? []), ...second.repeats];
    if (second.kind !== 'answer') return this.#conclude(second);
    if (refusesToken(second, renewOn)) authorizer.reportRefused(renewed, id);
    else authorizer.reportAccepted(renewed);
    return this.#conclude(this.#mask(second, refused));
  }

  #post(authorization: Authorization): Promise<AttemptResult> {
    const { post, signer, timeoutMs, now } = this.#parts;
    const { contentType, headers: shared } = this.#ofEach;
    const headers = headersFor(shared, this.#event, authorization);
    const request = { url: this.#url, headers, body: this.#event.body, timeoutMs };
    if (signer === undefined) return post(request, this.#signal);
    const sign = () => signer.sign({ event: this.#event, url: this.#url, contentType, now: now() });
    return post({ ...request, sign }, this.#signal);
  }

  /** The answer as it may be kept: an endpoint may repeat what it was sent. The body of a delivery is empty. */
  #mask(result: AttemptResult, sent: Authorization): AttemptResult {
    if (result.kind !== 'answer' || (result.status < 300 && result.body === '')) return result;
    const mask = (text: string): string => this.#ofEach.mask(text, this.#url, sent);
    const { body, location, headers } = result;
    const masked = headers && Object.entries(headers).map(([name, value]) => [name, mask(value)]);
    return {
      ...{ ...result, body: mask(body) },
      // Before it is read as a URL, which writes the host in lower case.
      ...(location !== undefined && { location: mask(maskUrl(mask(location), this.#url)) }),
      ...(masked && { headers: Object.fromEntries(masked) }),
    };
  }
}

const UNMADE: Unmade = { calledOff: true };
const CALLED_OFF: CalledOff = { failure: 'the attempt was called off', calledOff: true };

/** What holds for all requests to an endpoint. */
interface OfEach extends ReturnType<typeof headersOfEach> {
  readonly mask: MaskAnswer;
}

/** The headers that all requests to an endpoint have alike, and what they say of the body. */
function headersOfEach({ userAgent, headers: given = [] }: AttemptParts) {
  const at = given.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === 'content-type');
  const others = at < 0 ? given : given.toSpliced(at, 2);
  const contentType = (at < 0 ? undefined : given[at + 1]) ?? 'application/json';
  const own = ['Content-Type', contentType, 'Accept', 'application/json', 'User-Agent', userAgent];
  return { contentType, headers: [...own, ...others] };
}

function headersFor(ofEach: readonly string[], event: StoredEvent, { headers }: Authorization): string[] {
  const attempt = String(nextAttempt(event));
  return [...ofEach, 'Idempotency-Key', event.id, 'X-Waybill-Attempt', attempt, ...headers];
}
