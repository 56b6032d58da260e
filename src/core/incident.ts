/** How many events of an incident died of one thing. */
export interface IncidentFailure {
  readonly class: string;
  /** 0: there was no status. */
  readonly status: number;
  readonly count: number;
}

/** An endpoint that is failing: one for each client and event type, however many events die. Times in ms since the epoch. */
export interface Incident {
  readonly client: string;
  readonly type: string;
  /** When the first event was given up on. */
  readonly openedAt: number;
  /** When the first attempt failed of those that were given up on. */
  readonly failingSince: number;
  /** When the last event was given up on. */
  readonly lastAt: number;
  /** Events that were given up on since it opened; one that is replayed and dies again counts again. */
  readonly count: number;
  /** Dead letters of it that stand: neither replayed nor discarded. */
  readonly left: number;
  /** By class and status, most frequent first. */
  readonly failures: readonly IncidentFailure[];
}

/**
 * Why an incident is over: an event was delivered and no dead letter is left, or all were discarded or removed after
 * keepDays.
 */
export type IncidentEnd = 'delivered' | 'discarded';

/** An incident that is over. */
export interface ClosedIncident extends Incident {
  readonly closedAt: number;
  readonly end: IncidentEnd;
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
export function incidentId({ client, type, openedAt }: Incident): string {
  return `${client}.${type}.${openedAt}`;
}

/** For how long closed incidents are remembered, in milliseconds. */
export const KEEP_CLOSED_MS = 7 * 86_400_000;

/** How an incident is written for machines: times in ISO 8601, no status as null. */
export function incidentValue(incident: Incident | ClosedIncident) {
  const { client, type, count, left, failures } = incident;
  const iso = (ms: number): string => new Date(ms).toISOString();
  const ended =
    'closedAt' in incident
      ? { closedAt: iso(incident.closedAt), end: incident.end }
      : { closedAt: null, end: null };
  return {
    id: incidentId(incident),
    client,
    type,
    openedAt: iso(incident.openedAt),
    failingSince: iso(incident.failingSince),
    lastAt: iso(incident.lastAt),
    ...ended,
    events: count,
    deadLetters: Math.max(0, left),
    failures: failures.map(({ class: failureClass, status, count: events }) => ({
      class: failureClass,
      status: status === 0 ? null : status,
      events,
    })),
  };
}
