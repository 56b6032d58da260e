/** Statuses, titles and waits (seconds, for `Retry-After`) by code; other codes are refused events: 422. */
const KINDS: Readonly<Record<string, readonly [status: number, title: string, retryAfterS?: number]>> = {
  REQUEST_INVALID: [400, 'The request is not as documented'],
  BODY_INVALID: [400, 'The body cannot be read'],
  UNAUTHENTICATED: [401, 'A key is needed'],
  FORBIDDEN: [403, 'The key is not allowed to do this'],
  NOT_FOUND: [404, 'There is nothing here'],
  UNKNOWN_CLIENT: [404, 'There is no such client'],
  UNKNOWN_EVENT_TYPE: [404, 'There is no such event type'],
  NO_ENDPOINT: [404, 'The client has no endpoint for this event type'],
  METHOD_NOT_ALLOWED: [405, 'The path takes other methods'],
  REQUEST_TIMEOUT: [408, 'The request took too long'],
  CHECK_UNDER_WAY: [409, 'A check is under way', 5],
  BODY_TOO_LARGE: [413, 'The body is too large'],
  EVENT_TOO_LARGE: [413, 'The event is too large'],
  TOO_MANY_EVENTS: [413, 'The request has too many events'],
  MEDIA_TYPE_UNSUPPORTED: [415, 'The body is of a type that is not taken here'],
  INVALID_EVENT: [422, "The payload breaks its type's contract"],
  MAIL_NOT_CONFIGURED: [422, 'No mail can be sent'],
  TOO_MANY_DEAD_LETTERS: [422, 'A request cannot read all dead letters of this client'],
  IDEMPOTENCY_KEY_INVALID: [422, 'The idempotency key is none'],
  IDEMPOTENCY_KEY_REUSED: [422, 'The idempotency key stands for another event'],
  HEADERS_TOO_LARGE: [431, 'The headers are too large'],
  UNEXPECTED: [500, "A fault of Waybill's own"],
  MAIL_NOT_SENT: [502, 'The mail was not taken'],
  SERVER_BUSY: [503, 'Too much is under way', 1],
  INTAKE_FULL: [503, 'Too many events wait to be written', 1],
  INTAKE_CLOSED: [503, 'The service is stopping', 5],
  PACE_CONTENDED: [503, 'The pace changed meanwhile', 1],
  REDIS_UNAVAILABLE: [503, 'Redis cannot be reached', 5],
  REDIS_REFUSED: [503, 'Redis takes nothing', 5],
  REDIS_ANSWER_LOST: [504, "Redis' answer was lost"],
  REDIS_NOT_REPLICATED: [504, 'No replica of Redis has confirmed it'],
};
const OTHER = [422, 'The event was refused'] as const;

/** A problem as it is thrown or answered. */
export interface ApiProblem {
  readonly code: string;
  readonly detail: string;
  /** Further members: `errors`, each with its path, or what became of the events that came before. */
  readonly members?: object;
}

/** Ends the handling of a request; the one error handler answers with the problem. */
export class ProblemError extends Error {
  readonly problem: ApiProblem;

  constructor(code: string, detail: string, members?: object, options?: ErrorOptions) {
    super(detail, options);
    this.name = 'ProblemError';
    this.problem = { code, detail, ...(members && { members }) };
  }
}

/** The HTTP status for a code. */
export function statusOf(code: string): number {
  return (KINDS[code] ?? OTHER)[0];
}

/** After how many seconds the same request may succeed; undefined: it will not by waiting. */
export function retryAfterOf(code: string): number | undefined {
  return KINDS[code]?.[2];
}

/** The media type of problems. */
export const PROBLEM_TYPE = 'application/problem+json';

/** A problem as it is sent (RFC 9457). */
export function problemDocument({ code, detail, members }: ApiProblem): object {
  const [status, title] = KINDS[code] ?? OTHER;
  const type = `urn:waybill:problem:${code.toLowerCase().replaceAll('_', '-')}`;
  return { type, title, status, code, detail, ...members };
}
