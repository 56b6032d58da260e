import type { KeptHeaders } from './attempt-result.ts';
import type { PaceState } from './pace.ts';

/** How many deaths of an incident had one cause. An event that died again counts again. */
export interface IncidentFailure {
  readonly class: string;
  /** 0: there was no status. */
  readonly status: number;
  readonly count: number;
}

/**
 * Why an incident opened: an event was given up on, the endpoint went down, or a hundred events in a row got a client
 * error that is about the event.
 */
export type IncidentCause = 'died' | 'down' | 'judged';

/** An endpoint that is failing: one for each client and event type, however many events die. Times in ms since the epoch. */
export interface Incident {
  readonly client: string;
  readonly type: string;
  readonly cause: IncidentCause;
  /** When the first event was given up on, the endpoint went down, or the row began. */
  readonly openedAt: number;
  /** When the first attempt failed of those that opened it or were given up on. */
  readonly failingSince: number;
  /** When the last event was given up on; 0: none was. */
  readonly lastAt: number;
  /** Events that were given up on since it opened, each once. */
  readonly count: number;
  /** How often one of them was replayed and given up on again. */
  readonly diedAgain: number;
  /** Dead letters of it that stand: neither replayed nor discarded. */
  readonly left: number;
  /** By class and status, most frequent first. */
  readonly failures: readonly IncidentFailure[];
  /** How the endpoint is, and since when; 0: for as long as is known. */
  readonly state: PaceState;
  readonly stateSince: number;
  /** Since when nothing was delivered while it is down; otherwise 0. */
  readonly downFrom: number;
  /** Events of the endpoint that wait, are being sent, or will be tried again. */
  readonly waiting: number;
}

/**
 * Why an incident is over: an event was delivered and no dead letter is left; all were discarded or removed after
 * keepDays; or nothing fails any more, though nothing was delivered or given up on.
 */
export type IncidentEnd = 'delivered' | 'discarded' | 'quiet';

/** An incident that is over, as it was when it closed. */
export interface ClosedIncident extends Incident {
  readonly closedAt: number;
  readonly end: IncidentEnd;
}

/** An example of a failure: what was sent, and what came back, without personal data. */
export interface FailureExample {
  readonly class: string;
  /** 0: there was no status. */
  readonly status: number;
  readonly event: string;
  readonly unit: string;
  /** When the attempt ended, ms since the epoch. */
  readonly at: number;
  readonly attempts: number;
  readonly answer: string;
  /** Some of the answer's headers; absent: it had none of them. */
  readonly headers?: KeptHeaders;
  /** What was sent holds this, which servers stumble over; absent: nothing of the kind. */
  readonly oddCharacters?: readonly string[];
}

/** What is told of an incident: that it opened, that it grew tenfold since it was told last, that it is over. */
export type NoticeKind = 'opened' | 'grew' | 'closed';

/** One thing to be told of an incident. */
export interface IncidentNotice {
  /** The same however often it is told. */
  readonly id: string;
  readonly kind: NoticeKind;
  /** ms since the epoch */
  readonly at: number;
  readonly incident: Incident | ClosedIncident;
}

/** The name of an incident: no two have the same. */
export function incidentId({
  client,
  type,
  openedAt,
}: Pick<Incident, 'client' | 'type' | 'openedAt'>): string {
  return `${client}.${type}.${openedAt}`;
}

/** For how long closed incidents are remembered, in milliseconds. */
export const KEEP_CLOSED_MS = 7 * 86_400_000;

/** How an incident is written for machines: times in ISO 8601, no status as null. */
export function incidentValue(incident: Incident | ClosedIncident) {
  const { client, type, cause, count, diedAgain, left, failures, lastAt } = incident;
  return {
    id: incidentId(incident),
    client,
    type,
    cause,
    openedAt: iso(incident.openedAt),
    failingSince: iso(incident.failingSince),
    lastAt: lastAt === 0 ? null : iso(lastAt),
    ...endValue(incident),
    events: count,
    diedAgain,
    deadLetters: Math.max(0, left),
    failures: failures.map(({ class: failureClass, status, count: events }) => ({
      class: failureClass,
      status: status === 0 ? null : status,
      events,
    })),
  };
}

/** How the endpoint is, or how the incident ended. */
function endValue(incident: Incident | ClosedIncident) {
  if ('closedAt' in incident) {
    const { closedAt, end } = incident;
    return { closedAt: iso(closedAt), end, state: null, downSince: null, waiting: null };
  }
  const { state, downFrom, waiting } = incident;
  return { closedAt: null, end: null, state, downSince: downFrom === 0 ? null : iso(downFrom), waiting };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
