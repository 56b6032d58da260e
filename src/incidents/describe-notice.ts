import { type Incident, type IncidentFailure, type IncidentNotice, incidentId } from '../core/incident.ts';
import type { Log } from '../core/log.ts';

const MOST_FAILURES = 5;

/** A failure in a few words: `422 client_error`, or `timeout` if there was no status. */
export function describeFailureKind({ class: failureClass, status }: Omit<IncidentFailure, 'count'>): string {
  return status === 0 ? failureClass : `${status} ${failureClass}`;
}

/** A moment (ms since the epoch, or ISO 8601) to the second: `2026-03-01 14:03:07Z`. */
export function momentOf(moment: number | string): string {
  return `${new Date(moment).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

/** A number of events with its noun. */
export function eventsOf(count: number): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? 'event' : 'events'}`;
}

/** The most frequent failures of an incident, in a line. */
export function failuresOf({ failures }: Incident): string {
  const told = failures.slice(0, MOST_FAILURES).map((one) => `${describeFailureKind(one)} × ${one.count}`);
  return [...told, ...(failures.length > MOST_FAILURES ? ['others'] : [])].join(', ');
}

/** A notice as a heading: it says what happened to which endpoint. */
export function headingOf({ kind, incident }: IncidentNotice): string {
  const subject = `${incident.client} ${incident.type}`;
  if (kind === 'opened') return `${subject}: given up on ${eventsOf(incident.count)}`;
  if (kind === 'grew') return `${subject}: grown tenfold, given up on ${eventsOf(incident.count)}`;
  if ('end' in incident && incident.end === 'delivered') return `${subject}: works again`;
  return `${subject}: over, its dead letters were discarded or removed after keepDays`;
}

/** A notice as one text of a few lines, for people. */
export function textOf(notice: IncidentNotice): string {
  const { incident } = notice;
  const { client, type, count, openedAt, failingSince } = incident;
  const last =
    'closedAt' in incident
      ? `Open from ${momentOf(openedAt)} to ${momentOf(incident.closedAt)}, ${eventsOf(count)} in all`
      : `For the client's tech support: waybill report ${client} --type ${type}`;
  const failing = `Failing since ${momentOf(failingSince)}: ${failuresOf(incident)}`;
  return [`Waybill: ${headingOf(notice)}`, failing, last].join('\n');
}

const MESSAGES = { opened: 'incident opened', grew: 'incident grew', closed: 'incident closed' } as const;

/** Logs a notice. */
export function logNotice(log: Log, notice: IncidentNotice): void {
  const { kind, incident } = notice;
  const { client, type, count, failures, openedAt, failingSince } = incident;
  const times = {
    openedAt: new Date(openedAt).toISOString(),
    failingSince: new Date(failingSince).toISOString(),
  };
  const ended = 'closedAt' in incident ? { end: incident.end, ms: incident.closedAt - openedAt } : {};
  const facts = { client, type, incident: incidentId(incident), events: count, failures, ...times, ...ended };
  if (kind === 'closed') log.info(facts, MESSAGES[kind]);
  else log.warn({ ...facts, heading: headingOf(notice), by: failuresOf(incident) }, MESSAGES[kind]);
}
