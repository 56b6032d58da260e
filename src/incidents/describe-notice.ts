import {
  type Incident,
  type IncidentEnd,
  type IncidentFailure,
  type IncidentNotice,
  incidentId,
} from '../core/incident.ts';
import type { Log } from '../core/log.ts';
import type { Repeats } from '../core/repeats.ts';
import { sum } from '../core/sum.ts';

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

/** How often an event may have reached a client again; a sentence, or none. */
export function repeatsInWords(repeats: Repeats): string[] {
  const count = sum(repeats);
  const times = count === 1 ? 'once' : `${count.toLocaleString('en-US')} times`;
  return count === 0 ? [] : [`So far, an event may have reached you again ${times} at most.`];
}

/** The most frequent failures of an incident, in a line. */
export function failuresOf({ failures }: Incident): string {
  const told = failures.slice(0, MOST_FAILURES).map((one) => `${describeFailureKind(one)} × ${one.count}`);
  return [...told, ...(failures.length > MOST_FAILURES ? ['others'] : [])].join(', ');
}

/** What has become of the events of an incident, in half a sentence. */
export function situationOf(incident: Incident): string {
  const { state, downFrom, count, waiting } = incident;
  const died = deathsOf(incident);
  const none = count === 0 ? ' (none given up on yet)' : '';
  const wait = `${eventsOf(waiting)} ${waiting === 1 ? 'waits' : 'wait'}${none}`;
  const down = `down since ${momentOf(downFrom)}: nothing was delivered; ${wait}`;
  if (state === 'down') return count === 0 ? down : `${died}; ${down}`;
  return count === 0 ? wait : died;
}

function deathsOf({ count, diedAgain }: Incident): string {
  const again =
    diedAgain === 0
      ? ''
      : ` (${diedAgain === 1 ? 'once' : `${diedAgain.toLocaleString('en-US')} times`} again after a replay)`;
  return count === 0 ? 'no event was given up on' : `given up on ${eventsOf(count)}${again}`;
}

const ENDS: Readonly<Record<IncidentEnd, string>> = {
  delivered: 'works again',
  discarded: 'over, its dead letters were discarded or removed after keepDays',
  quiet: 'over, nothing fails any more',
};

/** A notice as a heading: it says what happened to which endpoint. */
export function headingOf({ kind, incident }: IncidentNotice): string {
  const subject = `${incident.client} ${incident.type}`;
  if ('end' in incident) return `${subject}: ${ENDS[incident.end]}`;
  const isTenfold = kind === 'grew' && incident.count > 1;
  const refused =
    incident.cause === 'judged' && incident.count === 0 ? 'a hundred attempts refused in a row; ' : '';
  return `${subject}: ${isTenfold ? 'grown tenfold, ' : ''}${refused}${situationOf(incident)}`;
}

/** A notice as one text of a few lines, for people. */
export function textOf(notice: IncidentNotice): string {
  const { incident } = notice;
  const { client, type, openedAt, failingSince } = incident;
  const last =
    'closedAt' in incident
      ? `Open from ${momentOf(openedAt)} to ${momentOf(incident.closedAt)}, ${deathsOf(incident)}`
      : `For the client's tech support: waybill report ${client} --type ${type}`;
  const causes = failuresOf(incident);
  const failing = `Failing since ${momentOf(failingSince)}${causes === '' ? '' : `: ${causes}`}`;
  return [`Waybill: ${headingOf(notice)}`, failing, last].join('\n');
}

const MESSAGES = { opened: 'incident opened', grew: 'incident grew', closed: 'incident closed' } as const;

/** Logs a notice. */
export function logNotice(log: Log, notice: IncidentNotice): void {
  const { kind, incident } = notice;
  const { client, type, cause, count, diedAgain, failures, state, waiting, openedAt, failingSince } =
    incident;
  const times = {
    openedAt: new Date(openedAt).toISOString(),
    failingSince: new Date(failingSince).toISOString(),
  };
  const ended = 'closedAt' in incident ? { end: incident.end, ms: incident.closedAt - openedAt } : {};
  const events = { events: count, diedAgain, waiting, failures };
  const facts = { client, type, incident: incidentId(incident), cause, state, ...events, ...times, ...ended };
  if (kind === 'closed') log.info(facts, MESSAGES[kind]);
  else log.warn({ ...facts, heading: headingOf(notice), by: failuresOf(incident) }, MESSAGES[kind]);
}
