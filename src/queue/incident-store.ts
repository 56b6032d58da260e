import {
  type ClosedIncident,
  type FailureExample,
  type IncidentNotice,
  incidentId,
} from '../core/incident.ts';
import { causeToOpen, type EndpointNews, type OpenIncident } from '../core/incident-steps.ts';
import { OPEN_VERDICT, type Verdict } from '../core/pace.ts';
import { defineScript } from './define-script.ts';
import {
  clientPrefix,
  closedIncidentsKey,
  courseKey,
  type Endpoint,
  incidentDetailsKey,
  incidentsKey,
  statsKey,
} from './names.ts';
import { readOfEach } from './read-of-each.ts';
import { CHANGE_INCIDENT, CLAIM_NOTICES, OPEN_INCIDENT, READ_INCIDENTS } from './scripts/incidents.ts';
import type { Connection } from './servers.ts';

const readScript = defineScript('read-incidents', READ_INCIDENTS);
const openScript = defineScript('open-incident', OPEN_INCIDENT);
const changeScript = defineScript('change-incident', CHANGE_INCIDENT);
const claimScript = defineScript('claim-notices', CLAIM_NOTICES);

const NOTICE = 'notice/';
const OPENED_AT = ':openedAt';

/** A notice that waits for one channel. */
export interface PendingNotice {
  readonly channel: string;
  readonly notice: IncidentNotice;
}

/** A client's open incidents, and its notices in the order in which they are to be sent. */
export interface IncidentState {
  readonly open: readonly OpenIncident[];
  readonly notices: readonly PendingNotice[];
  /** Endpoints that are to have an incident. */
  readonly failing: readonly EndpointNews[];
  /** ms of Redis' clock */
  readonly now: number;
}

type Reply = [
  fields: string[],
  endpoints: [type: string, verdict: string, judged: string, judgedFrom: string][],
  now: number,
];

/** Reads the incidents of all these clients at once; those without any are left out. */
export async function readIncidents(
  redis: Connection,
  clients: readonly string[],
): Promise<Map<string, IncidentState>> {
  const states = clients.map(async (client) => [client, await readState(redis, client)] as const);
  return withAny(await Promise.all(states));
}

/** Reads the incidents of these clients, but for those whose server of a Cluster is away. @throws as `readOfEach` */
export async function readIncidentsInReach(redis: Connection, clients: readonly string[]) {
  const { found, unread } = await readOfEach(redis, clients, (client) => readState(redis, client));
  return { states: withAny(found), unread };
}

async function readState(redis: Connection, client: string): Promise<IncidentState> {
  const reply = await readScript(redis, [incidentsKey(client), statsKey(client)], [clientPrefix(client)]);
  return toState(client, reply as Reply);
}

function withAny(states: Iterable<readonly [string, IncidentState]>): Map<string, IncidentState> {
  return new Map(
    [...states].filter(([, { open, notices, failing }]) => open.length + notices.length + failing.length > 0),
  );
}

function toState(client: string, [pairs, endpoints, now]: Reply): IncidentState {
  const fields: Record<string, string> = {};
  for (let i = 0; i < pairs.length; i += 2) fields[pairs[i] ?? ''] = pairs[i + 1] ?? '';
  const news = new Map(endpoints.map(([type, ...rest]) => [type, toNews(type, ...rest)]));
  const open: OpenIncident[] = [];
  const notices: PendingNotice[] = [];
  for (const [field, value] of Object.entries(fields)) {
    if (field.startsWith(NOTICE)) notices.push(JSON.parse(value));
    if (!field.endsWith(OPENED_AT)) continue;
    const type = field.slice(0, -OPENED_AT.length);
    open.push({ client, ...(news.get(type) ?? toNews(type)), ...toIncident(type, fields) });
    news.delete(type);
  }
  const failing = [...news.values()].filter((one) => causeToOpen(one, now) !== undefined);
  return { open, notices: notices.sort((a, b) => a.notice.at - b.notice.at), failing, now };
}

function toNews(type: string, verdict = '', judged = '0', judgedFrom = '0'): EndpointNews {
  const { state, since, downFrom, failing }: Verdict = verdict === '' ? OPEN_VERDICT : JSON.parse(verdict);
  return {
    type,
    state,
    stateSince: since,
    downFrom,
    failing,
    judged: Number(judged),
    judgedFrom: Number(judgedFrom),
  };
}

function toIncident(type: string, fields: Readonly<Record<string, string>>) {
  const number = (what: string): number => Number(fields[`${type}:${what}`] ?? 0);
  const causes = Object.entries(fields).filter(([field]) => field.startsWith(`${type}:of:`));
  const failures = causes.map(([field, count]) => {
    const [, , failureClass = '', status] = field.split(':');
    return { class: failureClass, status: Number(status), count: Number(count) };
  });
  return {
    cause: (fields[`${type}:cause`] ?? 'died') as OpenIncident['cause'],
    openedAt: number('openedAt'),
    failingSince: number('failingSince'),
    lastAt: number('lastAt'),
    count: number('count'),
    diedAgain: number('diedAgain'),
    left: number('left'),
    failures: failures.sort((a, b) => b.count - a.count || a.status - b.status),
    told: number('told'),
    toldDown: number('toldDown'),
    deliveredBefore: number('delivered'),
    replayed: number('replayed'),
  };
}

/**
 * Opens an incident with these fields.
 *
 * @param before the incident that is over, with which it goes on; undefined: it is a new one
 * @returns false: one is open already
 */
export async function openIncident(
  redis: Connection,
  endpoint: Endpoint,
  fields: Readonly<Record<string, string | number>>,
  before?: ClosedIncident,
): Promise<boolean> {
  const { client, type } = endpoint;
  const details = incidentDetailsKey(client, before === undefined ? '' : incidentId(before));
  const keys = [
    incidentsKey(client),
    statsKey(client),
    closedIncidentsKey(client),
    courseKey(endpoint),
    details,
  ];
  const args = [type, before === undefined ? '' : JSON.stringify(before), ...Object.entries(fields).flat()];
  return (await openScript(redis, keys, args)) === 1;
}

/** What becomes of an incident, in one step with the notices of it. */
export interface IncidentChange {
  /** These many deaths are told. */
  readonly told?: number;
  /** It is told that the endpoint is down. */
  readonly toldDown?: boolean;
  /** Examples of what came back until now. */
  readonly examples?: readonly FailureExample[];
  /** These many of its dead letters stand. */
  readonly left?: number;
  readonly closed?: ClosedIncident | 'dropped';
  readonly notices?: readonly PendingNotice[];
}

/** Changes an incident. @returns false: it is not any more as it was read, and nothing was changed */
export async function changeIncident(
  redis: Connection,
  incident: OpenIncident,
  { told, toldDown, examples, left, closed, notices = [] }: IncidentChange,
): Promise<boolean> {
  const { client, type, openedAt, count, replayed } = incident;
  // Deaths that go on keep nothing from being told.
  const seen =
    told === undefined
      ? { openedAt, count, left: incident.left, replayed }
      : { openedAt, told: incident.told, toldDown: incident.toldDown };
  const fields = notices.flatMap((pending) => [noticeField(pending), JSON.stringify(pending)]);
  if (told !== undefined) fields.push(`${type}:told`, String(told));
  if (toldDown === true) fields.push(`${type}:toldDown`, '1');
  if (examples !== undefined) fields.push(`${type}:examples`, JSON.stringify(examples));
  if (left !== undefined) fields.push(`${type}:left`, String(left));
  const keys = [incidentsKey(client), closedIncidentsKey(client), courseKey(incident)];
  keys.push(incidentDetailsKey(client, incidentId(incident)));
  const end = typeof closed === 'object' ? JSON.stringify(closed) : (closed ?? '');
  return (await changeScript(redis, keys, [type, JSON.stringify(seen), end, ...fields])) === 1;
}

/** The field of a notice that waits for a channel; no two have the same, whatever the client. */
export function noticeField({ channel, notice }: PendingNotice): string {
  return `${NOTICE}${notice.id}/${channel}`;
}

/** Claims a client's notices for a channel, or renews the claim. @returns false: another monitor has it */
export async function claimNotices(
  redis: Connection,
  client: string,
  channel: string,
  monitor: string,
  forMs: number,
): Promise<boolean> {
  return (await claimScript(redis, [`${incidentsKey(client)}:claim:${channel}`], [monitor, forMs])) === 1;
}

/** Reads a client's incidents that closed at or after a time, newest first. */
export async function readClosedIncidents(
  redis: Connection,
  client: string,
  since: number,
): Promise<ClosedIncident[]> {
  const texts = await redis.lrange(closedIncidentsKey(client), 0, -1);
  return texts.map((text) => JSON.parse(text) as ClosedIncident).filter(({ closedAt }) => closedAt >= since);
}
