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
export interface Tally {
  readonly received: number;
  /** How often each answer was given, by status (`200`) or behaviour (`hang`). */
  readonly byAnswer: ReadonlyMap<string, number>;
  readonly inFlight: number;
  readonly mostInFlight: number;
}

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
  readonly #options: RequestLogOptions;
  readonly #requests: ReceivedRequest[] = [];
  readonly #accepted = new Set<string>();
  readonly #timesSeen = new Map<string, number>();
  readonly #byAnswer = new Map<string, number>();
  readonly #tally = { received: 0, byAnswer: this.#byAnswer, inFlight: 0, mostInFlight: 0 };
  #total = 0;
  /** In order of arrival. */
  readonly requests: readonly ReceivedRequest[] = this.#requests;
  /** Keys of the requests that were answered with a 2xx status. */
  readonly accepted: ReadonlySet<string> = this.#accepted;
  readonly tally: Tally = this.#tally;

  constructor(options: RequestLogOptions) {
    this.#options = options;
  }

  arrived(arrival: Arrival): ReceivedRequest {
    const { keepRequests, onChange } = this.#options;
    const [requests, tally] = [this.#requests, this.#tally];
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
    const ofEvent = (this.#timesSeen.get(eventId) ?? 0) + 1;
    this.#timesSeen.set(eventId, ofEvent);
    forgetOldest(this.#timesSeen, this.#options.keepIds);
    return { total, ofEvent, accepted: this.#accepted.has(eventId) };
  }

  /** Records the answer; the request goes on until `finished`. */
  answered(request: Entry, answered: Answered): void {
    request.answered = answered;
    const kind = answered.behaviour ?? String(answered.status);
    this.#byAnswer.set(kind, (this.#byAnswer.get(kind) ?? 0) + 1);
    if (request.eventId !== undefined && answered.status >= 200 && answered.status < 300) {
      this.#accepted.add(request.eventId);
      forgetOldest(this.#accepted, this.#options.keepIds);
    }
    this.#options.onChange();
  }

  /** Records the end of a request; a second call does nothing. */
  finished(request: Entry): void {
    if (request.finishedAt !== undefined) return;
    request.finishedAt = performance.now();
    this.#tally.inFlight -= 1;
    this.#options.onFinished?.(request);
    this.#options.onChange();
  }
}

/** Deletes the oldest entries, except the latest `keep`, once there are twice as many. */
export function forgetOldest(keyed: Map<string, unknown> | Set<string>, keep: number): void {
  if (keyed.size <= 2 * keep) return;
  let surplus = keyed.size - keep;
  for (const key of keyed.keys()) {
    if (surplus <= 0) return;
    keyed.delete(key);
    surplus -= 1;
  }
}
