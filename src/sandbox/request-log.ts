import type { IncomingHttpHeaders } from 'node:http';
import type { Behaviour } from './answer.ts';

/** What was done with a request. */
export interface Answered {
  /** The status that was sent; 0: none was. */
  readonly status: number;
  readonly behaviour?: Behaviour;
}

/** A request that a company received in full. Times are `performance.now()` milliseconds. */
export interface ReceivedRequest {
  readonly company: string;
  readonly method: string;
  /** With the query, as it came. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The `Idempotency-Key` header. */
  readonly eventId: string | undefined;
  /** When its headers had arrived. */
  readonly at: number;
  /** Which of the company's connections it came over, counted from 1 in order of opening. */
  readonly connection: number;
  /** Undefined until it is answered, and for good if the sender left before that. */
  readonly answered: Answered | undefined;
  /** When the answer was written or the connection closed, whichever came first. */
  readonly finishedAt: number | undefined;
}

/** What a company knows of earlier requests when one arrives; all counts include the request itself. */
export interface RequestHistory {
  /** Requests that passed authentication; for token requests, all of them. */
  readonly total: number;
  /** … with the same `Idempotency-Key`. */
  readonly ofEvent: number;
  /** An earlier request with the same `Idempotency-Key` was answered with a 2xx status. */
  readonly accepted: boolean;
}

/** What is known of a request when it arrives. */
export type Arrival = Omit<ReceivedRequest, 'answered' | 'finishedAt'>;

/** Counts over all that a company received, also over requests that it no longer remembers. */
export type Tally = Readonly<RequestLog['tally']>;

type Entry = { -readonly [K in keyof ReceivedRequest]: ReceivedRequest[K] };

/** How much a log remembers, and what it calls. */
export interface RequestLogOptions {
  /** It holds this many of the latest requests at least, and twice as many at most; the counts cover all. */
  readonly keepRequests: number;
  /** … and of the latest event ids. */
  readonly keepIds: number;
  /** Called after each arrival, answer and end. */
  onChange(): void;
  /** Called once for each request, at its end. */
  onFinished?(request: ReceivedRequest): void;
}

/** Remembers requests and what became of them. */
export class RequestLog {
  /** In order of arrival. */
  readonly requests: ReceivedRequest[] = [];
  /** Keys of the requests that were answered with a 2xx status. */
  readonly accepted = new Set<string>();
  /** `byAnswer`: how often each answer was given, by status (`200`) or behaviour (`hang`). */
  readonly tally = { received: 0, byAnswer: new Map<string, number>(), inFlight: 0, mostInFlight: 0 };
  readonly #options: RequestLogOptions;
  readonly #timesSeen = new Map<string, number>();
  #total = 0;

  constructor(options: RequestLogOptions) {
    this.#options = options;
  }

  arrived(arrival: Arrival): ReceivedRequest {
    const { requests, tally } = this;
    const { keepRequests, onChange } = this.#options;
    const entry: Entry = { ...arrival, answered: undefined, finishedAt: undefined };
    requests.push(entry);
    if (requests.length > 2 * keepRequests) requests.splice(0, requests.length - keepRequests);
    tally.received += 1;
    tally.inFlight += 1;
    tally.mostInFlight = Math.max(tally.mostInFlight, tally.inFlight);
    onChange();
    return entry;
  }

  /** Counts a request that passed authentication, and says what came before it. */
  admitted({ eventId }: ReceivedRequest): RequestHistory {
    this.#total += 1;
    const total = this.#total;
    if (eventId === undefined) return { total, ofEvent: 1, accepted: false };
    count(this.#timesSeen, eventId);
    forgetOldest(this.#timesSeen, this.#options.keepIds);
    return { total, ofEvent: this.#timesSeen.get(eventId) ?? 1, accepted: this.accepted.has(eventId) };
  }

  /** Records the answer; the request goes on until `finished`. */
  answered(request: Entry, answered: Answered): void {
    request.answered = answered;
    count(this.tally.byAnswer, answered.behaviour ?? String(answered.status));
    if (request.eventId !== undefined && answered.status >= 200 && answered.status < 300) {
      this.accepted.add(request.eventId);
      forgetOldest(this.accepted, this.#options.keepIds);
    }
    this.#options.onChange();
  }

  /** Records the end of a request; a second call does nothing. */
  finished(request: Entry): void {
    if (request.finishedAt !== undefined) return;
    request.finishedAt = performance.now();
    this.tally.inFlight -= 1;
    this.#options.onFinished?.(request);
    this.#options.onChange();
  }
}

/** Adds one to what is counted under a key. */
export function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** Deletes the oldest entries, except the latest `keep`, once there are twice as many. */
export function forgetOldest(keyed: Map<string, unknown> | Set<string>, keep: number): void {
  if (keyed.size <= 2 * keep) return;
  for (const key of keyed.keys()) {
    if (keyed.size <= keep) return;
    keyed.delete(key);
  }
}
