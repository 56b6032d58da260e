import type { Redis } from 'ioredis';
import { type ClosedIncident, type Incident, type IncidentNotice, KEEP_CLOSED_MS } from '../core/incident.ts';
import { defineScript } from './define-script.ts';
import { closedIncidentsKey, incidentsKey } from './names.ts';
import { CHANGE_INCIDENT, CLAIM_NOTICES } from './scripts/incidents.ts';

const changeScript = defineScript('change-incident', CHANGE_INCIDENT);
const claimScript = defineScript('claim-notices', CLAIM_NOTICES);

const NOTICE = 'notice/';

/** An incident as it stands in Redis. */
export interface OpenIncident extends Incident {
  /** How many events had died when that was told last; absent: nothing was. */
  readonly told?: number;
  /** How many events of its type had been delivered when the last one died. */
  readonly deliveredBefore: number;
  /** How many of its dead letters were replayed since it opened and have not died again: they may be on their way. */
  readonly replayed: number;
}

/** Something that is to be told by one channel. */
export interface PendingNotice {
  readonly field: string;
  readonly channel: string;
  readonly notice: IncidentNotice;
}

/** A client's open incidents, and what is to be told of them and of those that closed. */
export interface IncidentState {
  readonly open: readonly OpenIncident[];
  /** In the order in which it is to be told. */
  readonly notices: readonly PendingNotice[];
}

/** Reads the incidents of all these clients in one round trip; those without any are left out. */
export async function readIncidents(
  redis: Redis,
  clients: readonly string[],
): Promise<Map<string, IncidentState>> {
  const pipeline = redis.pipeline();
  for (const client of clients) pipeline.hgetall(incidentsKey(client));
  const states = new Map<string, IncidentState>();
  for (const [i, [error, fields]] of ((await pipeline.exec()) ?? []).entries()) {
    if (error !== null) throw error;
    const client = clients[i] ?? '';
    const state = toState(client, fields as Record<string, string>);
    if (state.open.length + state.notices.length > 0) states.set(client, state);
  }
  return states;
}

/** @param fields of the client's hash of incidents */
function toState(client: string, fields: Readonly<Record<string, string>>): IncidentState {
  const open: OpenIncident[] = [];
  const notices: PendingNotice[] = [];
  for (const [field, value] of Object.entries(fields)) {
    if (field.startsWith(NOTICE)) {
      notices.push({ field, ...(JSON.parse(value) as Omit<PendingNotice, 'field'>) });
    } else if (field.endsWith(':openedAt')) {
      open.push(toIncident(client, field.slice(0, field.indexOf(':')), fields));
    }
  }
  return { open, notices: notices.sort((a, b) => a.notice.at - b.notice.at) };
}

function toIncident(client: string, type: string, fields: Readonly<Record<string, string>>): OpenIncident {
  const number = (what: string): number => Number(fields[`${type}:${what}`] ?? 0);
  const told = number('told');
  const causes = Object.entries(fields).filter(([field]) => field.startsWith(`${type}:of:`));
  const failures = causes.map(([field, count]) => {
    const [, , failureClass = '', status] = field.split(':');
    return { class: failureClass, status: Number(status), count: Number(count) };
  });
  return {
    client,
    type,
    openedAt: number('openedAt'),
    failingSince: number('failingSince'),
    lastAt: number('lastAt'),
    count: number('count'),
    left: number('left'),
    failures: failures.sort((a, b) => b.count - a.count || a.status - b.status),
    deliveredBefore: number('delivered'),
    replayed: number('replayed'),
    ...(told === 0 ? {} : { told }),
  };
}

/* Each of these three changes nothing, and returns false, if the incident is not any more as it was read. */

/** Writes down that something of an incident is to be told. */
export function noteTold(
  redis: Redis,
  incident: OpenIncident,
  notice: IncidentNotice,
  channels: readonly string[],
): Promise<boolean> {
  const { type, openedAt, told = 0, count } = incident;
  const fields = [`${type}:told`, count, ...noticeFields(notice, channels)];
  return changeIncident(redis, incident, { openedAt, told }, fields);
}

/** Closes an incident, and writes down that this is to be told. */
export function closeIncident(
  redis: Redis,
  incident: OpenIncident,
  closed: ClosedIncident,
  notice: IncidentNotice,
  channels: readonly string[],
): Promise<boolean> {
  const { openedAt, count, left, replayed } = incident;
  const seen = { openedAt, count, left, replayed };
  return changeIncident(redis, incident, seen, noticeFields(notice, channels), closed);
}

/** Corrects how many dead letters of an incident stand. */
export function correctLeft(redis: Redis, incident: OpenIncident, standing: number): Promise<boolean> {
  const { type, openedAt, count, left } = incident;
  return changeIncident(redis, incident, { openedAt, count, left }, [`${type}:left`, standing]);
}

async function changeIncident(
  redis: Redis,
  { client, type }: OpenIncident,
  seen: Partial<OpenIncident>,
  fields: readonly (string | number)[],
  closed?: ClosedIncident,
): Promise<boolean> {
  const keys = [incidentsKey(client), closedIncidentsKey(client)];
  const args = [type, JSON.stringify(seen), closed === undefined ? '' : JSON.stringify(closed), ...fields];
  return (await changeScript(redis, keys, args)) === 1;
}

function noticeFields(notice: IncidentNotice, channels: readonly string[]): string[] {
  return channels.flatMap((channel) => [
    `${NOTICE}${notice.id}/${channel}`,
    JSON.stringify({ channel, notice }),
  ]);
}

/** Claims a client's notices for a channel, or renews the claim. @returns false: another monitor has it */
export async function claimNotices(
  redis: Redis,
  client: string,
  channel: string,
  monitor: string,
  forMs: number,
): Promise<boolean> {
  return (await claimScript(redis, [`${incidentsKey(client)}:claim:${channel}`], [monitor, forMs])) === 1;
}

/** Forgets a notice that was told. */
export async function forgetNotice(redis: Redis, client: string, field: string): Promise<void> {
  await redis.hdel(incidentsKey(client), field);
}

/** Reads a client's incidents that closed at or after a time, newest first. */
export async function readClosedIncidents(
  redis: Redis,
  client: string,
  since: number,
): Promise<ClosedIncident[]> {
  const texts = await redis.lrange(closedIncidentsKey(client), 0, -1);
  return texts.map((text) => JSON.parse(text) as ClosedIncident).filter(({ closedAt }) => closedAt >= since);
}

/** The incidents of some clients: those that are open, and those that closed lately, newest first. */
export interface Incidents {
  readonly open: readonly Incident[];
  readonly closed: readonly ClosedIncident[];
}

/** Reads the incidents of these clients that are open, and those that closed within the last seven days. */
export async function readAllIncidents(
  redis: Redis,
  clients: readonly string[],
  now: number,
): Promise<Incidents> {
  const since = now - KEEP_CLOSED_MS;
  const [states, closed] = await Promise.all([
    readIncidents(redis, clients),
    Promise.all(clients.map((client) => readClosedIncidents(redis, client, since))),
  ]);
  return {
    open: [...states.values()].flatMap((state): readonly Incident[] => state.open),
    closed: closed.flat().sort((a, b) => b.closedAt - a.closedAt),
  };
}
