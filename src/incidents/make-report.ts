import type { ResolvedClient } from '../config/config-schema.ts';
import { matchesFilter } from '../core/dead-letter-filter.ts';
import type { StoredEvent } from '../core/event.ts';
import { type ClosedIncident, type Incident, incidentId } from '../core/incident.ts';
import { readClientView } from '../queue/client-view.ts';
import { readDeadLetters } from '../queue/dead-letters.ts';
import { readClosedRecords } from '../queue/outage-records.ts';
import type { Connection } from '../queue/servers.ts';
import { buildReport, type IncidentReport } from './build-report.ts';
import { collectFailures } from './collect-failures.ts';
import { readAllIncidents, readOutages } from './read-incidents.ts';
import { reportMarkdown } from './report-markdown.ts';
import { UnitList } from './units-csv.ts';

/** What a report can be written as. */
export const REPORT_FORMATS = ['md', 'html', 'json'] as const;
/** One of them. */
export type ReportFormat = (typeof REPORT_FORMATS)[number];

/** What a report is about, and what it is made with. */
export interface ReportRequest {
  readonly type?: string | undefined;
  /** Instead of `type`: an incident, also one that is over. */
  readonly incident?: Incident | ClosedIncident | undefined;
  /** Of events that died at or after; ms since the epoch. */
  readonly since?: number | undefined;
  readonly keepDays: number | undefined;
  /** ms since the epoch */
  readonly now: number;
  /** Told how many dead letters were read; what it throws ends the report. */
  onRead?(count: number): void;
}

/** A report, and the units of the events in it. */
export interface ReportWithUnits {
  readonly report: IncidentReport;
  readonly units: UnitList;
}

/** Finds an incident of a client by its id: an open one, or one that closed within seven days. */
export async function findIncident(redis: Connection, client: string, id: string, now: number) {
  const { open, closed } = await readAllIncidents(redis, [client], now);
  return [...open, ...closed].find((one) => incidentId(one) === id);
}

/** Makes a report from all of a client's dead letters and open incidents, or from one incident. */
export async function makeReport(
  redis: Connection,
  client: ResolvedClient,
  { incident, since, keepDays, now, onRead, ...request }: ReportRequest,
): Promise<ReportWithUnits> {
  const { name } = client;
  const type = incident?.type ?? request.type;
  const isOver = incident !== undefined && 'closedAt' in incident;
  const outages = isOver
    ? [{ incident, ...(await readClosedRecords(redis, name, incidentId(incident))) }]
    : await readOutages(redis, name, type);
  const view = await readClientView(redis, client);
  const { waiting, inFlight, retrying, endpoints } = view;
  const pages = Object.entries(endpoints).flatMap(([of, { webPages }]) =>
    webPages === undefined || isOver || (type ?? of) !== of ? [] : [[of, webPages] as const],
  );
  const units = new UnitList();
  let read = 0;
  const isMeant = (event: StoredEvent): boolean => {
    read += 1;
    onRead?.(read);
    const matches = matchesFilter(event, { type, since });
    if (matches) units.add(event);
    return matches;
  };
  const report = buildReport({
    client,
    // The dead letters that stand now are not those of an incident that is over.
    collected: isOver ? [] : await collectFailures(readDeadLetters(redis, name), isMeant),
    outages,
    webPages: new Map(pages),
    keepDays,
    waiting: waiting + inFlight + retrying,
    repeats: (type === undefined ? view : endpoints[type])?.repeats ?? {},
    since,
    now,
  });
  return { report, units };
}

/** Writes a report as text. */
export async function writeReport(report: IncidentReport, format: ReportFormat): Promise<string> {
  if (format === 'json') return `${JSON.stringify(report, undefined, 2)}\n`;
  if (format === 'md') return reportMarkdown(report);
  // Only here is it needed: every command would pay for loading it.
  const { reportHtml } = await import('./report-html.ts');
  return reportHtml(report);
}
