import { type Incident, KEEP_CLOSED_MS } from '../core/incident.ts';
import type { EndpointEvents, OpenIncident } from '../core/incident-steps.ts';
import { readClientViews } from '../queue/client-view.ts';
import { readClosedIncidents, readIncidents } from '../queue/incident-store.ts';
import { readOutageRecords } from '../queue/outage-records.ts';
import type { Connection } from '../queue/servers.ts';
import type { Outage } from './build-report.ts';
import { collectExamples } from './collect-examples.ts';

/** Reads the incidents of clients: open ones, and those that closed within seven days, newest first. */
export async function readAllIncidents(redis: Connection, clients: readonly string[], now: number) {
  const [open, closed] = await Promise.all([
    readOpenIncidents(redis, clients),
    Promise.all(clients.map((client) => readClosedIncidents(redis, client, now - KEEP_CLOSED_MS))),
  ]);
  return { open, closed: closed.flat().sort((a, b) => b.closedAt - a.closedAt) };
}

/** Reads the open incidents of clients, with the number of events that wait for their endpoints. */
export async function readOpenIncidents(redis: Connection, clients: readonly string[]): Promise<Incident[]> {
  const states = [...(await readIncidents(redis, clients))].filter(([, { open }]) => open.length > 0);
  const views = await readClientViews(
    redis,
    states.map(([name]) => ({ name, endpoints: {} })),
  );
  return states.flatMap(([client, { open }]) =>
    open.map((incident) => withWaiting(incident, views.get(client)?.endpoints[incident.type])),
  );
}

/** @param events of its endpoint; undefined: it has none */
export function withWaiting(incident: OpenIncident, events?: EndpointEvents): Incident {
  const { waiting = 0, inFlight = 0, retrying = 0 } = events ?? {};
  return { ...incident, waiting: waiting + inFlight + retrying };
}

/** Reads a client's open incidents, or that of one type, with their course, and with what comes back now. */
export async function readOutages(redis: Connection, client: string, type?: string): Promise<Outage[]> {
  const open = await readOpenIncidents(redis, [client]);
  return Promise.all(
    open
      .filter((incident) => type === undefined || incident.type === type)
      .map(async (incident) => {
        const records = await readOutageRecords(redis, incident);
        const examples = await collectExamples(redis, incident);
        return { incident, ...records, ...(examples.length === 0 ? {} : { examples }) };
      }),
  );
}
