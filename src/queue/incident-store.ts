import type { Redis } from 'ioredis';
import { type ClosedIncident, type Incident, type IncidentNotice, KEEP_CLOSED_MS } from '../core/incident.ts';
import { defineScript } from './define-script.ts';
import { closedIncidentsKey, incidentsKey } from './names.ts';
import { CHANGE_INCIDENT, CLAIM_NOTICES } from './scripts/incidents.ts';

const changeScript = defineScript('change-incident', CHANGE_INCIDENT);
const claimScript = defineScript('claim-notices', CLAIM_NOTICES);

const NOTICE = 'notice/';
const OPENED_AT = ':openedAt';

/** An incident as it stands in Redis. */
export interface OpenIncident extends Incident {
  /** How many events had died when that was told last; 0: nothing was told. */
  readonly told: number;
  /** How many events of its type had been delivered when the last one died. */
  readonly deliveredBefore: number;
  /** How many of its dead letters were replayed and have not died again: they may be on their way. */
  readonly replayed: number;
}

/** A notice that waits for one channel. */
export interface PendingNotice {
  readonly channel: string;
  readonly notice: IncidentNotice;
}

/** A client's open incidents, and its notices in the order in which they are to be sent. */
export interface IncidentState {
  readonly open: readonly OpenIncident[];
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
    if (field.startsWith(NOTICE)) notices.push(JSON.parse(value));
    else if (field.endsWith(OPENED_AT))
      open.push(toIncident(client, field.slice(0, -OPENED_AT.length), fields));
  }
  return { open, notices: notices.sort((a, b) => a.notice.at - b.notice.at) };
}

function toIncident(client: string, type: string, fields: Readonly<Record<string, string>>): OpenIncident {
  const number = (what: string): number => Number(fields[`${type}:${what}`] ?? 0);
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
    told: number('told'),
    deliveredBefore: number('delivered'),
    replayed: number('replayed'),
  };
}

/** What becomes of an incident, in one step with the notices of it. */
export interface IncidentChange {
  /** These many deaths are told. */
  readonly told?: number;
  /** These many of its dead letters stand. */
  readonly left?: number;
  readonly closed?: ClosedIncident;
  readonly notices?: readonly PendingNotice[];
}

/** Changes an incident. @returns false: it is not any more as it was read, and nothing was changed */
export async function changeIncident(
  redis: Redis,
  { client, type, openedAt, told: toldBefore, count, left: leftBefore, replayed }: OpenIncident,
  { told, left, closed, notices = [] }: IncidentChange,
): Promise<boolean> {
  // Deaths that go on keep nothing from being told.
  const seen =
    told === undefined ? { openedAt, count, left: leftBefore, replayed } : { openedAt, told: toldBefore };
  const fields = notices.flatMap((pending) => [noticeField(pending), JSON.stringify(pending)]);
  if (told !== undefined) fields.push(`${type}:told`, String(told));
  if (left !== undefined) fields.push(`${type}:left`, String(left));
  const keys = [incidentsKey(client), closedIncidentsKey(client)];
  const args = [type, JSON.stringify(seen), closed === undefined ? '' : JSON.stringify(closed), ...fields];
  return (await changeScript(redis, keys, args)) === 1;
}

/** The field of a notice that waits for a channel; no two have the same, whatever the client. */
export function noticeField({ channel, notice }: PendingNotice): string {
  return `${NOTICE}${notice.id}/${channel}`;
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

/** Forgets a notice that was sent or given up. */
export async function forgetNotice(redis: Redis, client: string, pending: PendingNotice): Promise<void> {
  await redis.hdel(incidentsKey(client), noticeField(pending));
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

/** Reads the incidents of clients: open ones, and those that closed within seven days, newest first. */
export async function readAllIncidents(redis: Redis, clients: readonly string[], now: number) {
  const since = now - KEEP_CLOSED_MS;
  const [states, closed] = await Promise.all([
    readIncidents(redis, clients),
    Promise.all(clients.map((client) => readClosedIncidents(redis, client, since))),
  ]);
  return {
    open: [...states.values()].flatMap(({ open }): readonly Incident[] => open),
    closed: closed.flat().sort((a, b) => b.closedAt - a.closedAt),
  };
}
