import type { Redis } from 'ioredis';
import type { ResolvedClient } from '../config/config-schema.ts';
import { matchesFilter } from '../core/dead-letter-filter.ts';
import { type ClosedIncident, type Incident, incidentId } from '../core/incident.ts';
import { readClientView } from '../queue/client-view.ts';
import { readDeadLetters } from '../queue/dead-letters.ts';
import { readClosedRecords } from '../queue/outage-records.ts';
import { buildReport, type IncidentReport } from './build-report.ts';
import { collectFailures } from './collect-failures.ts';
import { readOutages } from './read-incidents.ts';
import { UnitList } from './units-csv.ts';

/** What a report is to be about; what is absent does not matter. */
export interface ReportScope {
  readonly type?: string | undefined;
  /** Open or over; its type is that of the report. */
  readonly incident?: Incident | ClosedIncident | undefined;
  /** Events that died at or after, ms since the epoch. */
  readonly since?: number | undefined;
}

/** A report, and the units of the events in it. */
export interface ReportWithUnits {
  readonly report: IncidentReport;
  readonly units: UnitList;
}

/**
 * Makes a client's report of what Redis holds.
 *
 * @param now ms since the epoch
 * @param onRead is called for each dead letter that was read
 */
export async function makeReport(
  redis: Redis,
  client: ResolvedClient,
  { incident, since, type = incident?.type }: ReportScope,
  { keepDays, now, onRead }: { keepDays: number | undefined; now: number; onRead?: () => void },
): Promise<ReportWithUnits> {
  const { name } = client;
  const isOver = incident !== undefined && 'closedAt' in incident;
  const outages = isOver
    ? [{ incident, ...(await readClosedRecords(redis, name, incidentId(incident))) }]
    : await readOutages(redis, name, type);
  const { waiting, inFlight, retrying, endpoints } = await readClientView(redis, client);
  const pages = Object.entries(endpoints).flatMap(([each, { webPages }]) =>
    webPages === undefined || isOver || (type ?? each) !== each ? [] : [[each, webPages] as const],
  );
  const units = new UnitList();
  const collect = () =>
    collectFailures(readDeadLetters(redis, name), (event) => {
      onRead?.();
      const isMeant = matchesFilter(event, { type, since });
      if (isMeant) units.add(event);
      return isMeant;
    });
  const report = buildReport({
    client,
    // The dead letters that stand now are not those of an incident that is over.
    collected: isOver ? [] : await collect(),
    outages,
    webPages: new Map(pages),
    keepDays,
    waiting: waiting + inFlight + retrying,
    since,
    now,
  });
  return { report, units };
}
