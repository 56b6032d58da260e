import type { Answered, ReceivedRequest, Seen } from './received-request.ts';

/** What an arriving request is known by. */
export type Arrival = Omit<ReceivedRequest, 'answered' | 'finishedAt'>;

/** Counts over everything that a company received, however little of it is kept. */
export interface Tally {
  readonly received: number;
  /** How often each answer was given, by status (`200`) or behaviour (`hang`). */
  readonly byAnswer: ReadonlyMap<string, number>;
  readonly inFlight: number;
  readonly mostInFlight: number;
}

/** Remembers requests and what became of them. */
export interface RequestLog {
  /** In order of arrival. */
  readonly requests: readonly ReceivedRequest[];
  /** Keys of the requests that were answered with a 2xx status. */
  readonly accepted: ReadonlySet<string>;
  readonly tally: Tally;
  arrived(arrival: Arrival): ReceivedRequest;
  /** Counts the request among those that the script sees. */
  see(request: ReceivedRequest, onConnection: number): Seen;
  /** Notes the answer; the request goes on until `finished`. */
  answered(request: ReceivedRequest, answered: Answered): void;
  /** Notes the end of the exchange; a second call does nothing. */
  finished(request: ReceivedRequest): void;
}

type Entry = { -readonly [K in keyof ReceivedRequest]: ReceivedRequest[K] };

/** How much a log remembers, and who hears of it. */
export interface RequestLogOptions {
  /** It holds at least so many of the latest requests, at most twice as many; the counts cover all. */
  readonly keepRequests: number;
  /** … and of the latest event ids. */
  readonly keepIds: number;
  /** Called after each arrival, answer and end. */
  onChange(): void;
  /** Called once for each request, when all is known of it. */
  onFinished?(request: ReceivedRequest): void;
}

/** Makes an empty log. */
export function createRequestLog(options: RequestLogOptions): RequestLog {
  const { keepRequests, keepIds, onChange, onFinished } = options;
  const requests: ReceivedRequest[] = [];
  const accepted = new Set<string>();
  const timesSeen = new Map<string, number>();
  const byAnswer = new Map<string, number>();
  const tally = { received: 0, byAnswer, inFlight: 0, mostInFlight: 0 };
  let seen = 0;

  return {
    requests,
    accepted,
    tally,
    arrived: (arrival) => {
      const entry: Entry = { ...arrival, answered: undefined, finishedAt: undefined };
      requests.push(entry);
      if (requests.length > 2 * keepRequests) requests.splice(0, requests.length - keepRequests);
      tally.received += 1;
      tally.inFlight += 1;
      tally.mostInFlight = Math.max(tally.mostInFlight, tally.inFlight);
      onChange();
      return entry;
    },
    see: ({ eventId }, onConnection) => {
      seen += 1;
      if (eventId === undefined) return { total: seen, ofEvent: 1, onConnection, accepted: false };
      const ofEvent = (timesSeen.get(eventId) ?? 0) + 1;
      timesSeen.set(eventId, ofEvent);
      if (timesSeen.size > 2 * keepIds) forgetOldest(timesSeen, keepIds);
      return { total: seen, ofEvent, onConnection, accepted: accepted.has(eventId) };
    },
    answered: (request: Entry, answered) => {
      request.answered = answered;
      const kind = answered.behaviour ?? String(answered.status);
      byAnswer.set(kind, (byAnswer.get(kind) ?? 0) + 1);
      if (request.eventId !== undefined && answered.status >= 200 && answered.status < 300) {
        accepted.add(request.eventId);
        if (accepted.size > 2 * keepIds) forgetOldest(accepted, keepIds);
      }
      onChange();
    },
    finished: (request: Entry) => {
      if (request.finishedAt !== undefined) return;
      request.finishedAt = performance.now();
      tally.inFlight -= 1;
      onFinished?.(request);
      onChange();
    },
  };
}

function forgetOldest(keyed: Map<string, unknown> | Set<string>, keep: number): void {
  let surplus = keyed.size - keep;
  for (const key of keyed.keys()) {
    if (surplus <= 0) return;
    keyed.delete(key);
    surplus -= 1;
  }
}
