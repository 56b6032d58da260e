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
  /** When the headers had come in. */
  readonly at: number;
  /** Which of the company's connections it came over, counted from 1 in order of opening. */
  readonly connection: number;
  /** Undefined while the answer is still to come, and for ever where the sender left before it. */
  readonly answered: Answered | undefined;
  /** When the answer was written or the connection closed, whichever came first. */
  readonly finishedAt: number | undefined;
}

/** What a company remembers about a request's forerunners; all counts include the request itself. */
export interface Seen {
  /** Requests that passed authentication; for token requests, all of them. */
  readonly total: number;
  /** … with the same `Idempotency-Key`. */
  readonly ofEvent: number;
  /** Requests that came over the same connection: above 1, the connection was reused. */
  readonly onConnection: number;
  /** An earlier request with the same `Idempotency-Key` was answered with a 2xx status. */
  readonly accepted: boolean;
}
