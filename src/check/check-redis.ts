import { asksForTokens } from '../config/client-config.ts';
import type { Config } from '../config/config-schema.ts';
import type { EventType } from '../core/event-type.ts';
import { EVENT_TYPES } from '../core/event-types.ts';
import { hasZone } from '../core/iso-timestamp.ts';
import { formatCount, formatTime } from '../core/quantity-text.ts';
import { type ClientView, readClientViews } from '../queue/client-view.ts';
import type { Connection } from '../queue/servers.ts';
import { countServices, findStoredClients, readBrokenJobs, readSomeEvents } from '../queue/stored-clients.ts';
import { installedServerVersion, isSupportedVersion, OLDEST_VERSION } from '../redis/settings.ts';
import { checkServers, describeSpread } from './check-servers.ts';
import { about, type CheckFinding, clientSubject, type Remark, remark } from './finding.ts';

/** Each is read by a script of its own: more would be held up in Redis together. */
const CLIENTS_AT_ONCE = 100;

/** Judges a Redis and what it holds of all clients, also of such that are not configured. @throws errors of Redis */
export async function checkRedis(redis: Connection, config: Config): Promise<CheckFinding[]> {
  const servers = await checkServers(redis, config);
  const services = await countServices(redis);
  const running =
    services === 0
      ? remark('note', 'no service is running: nothing is delivered until "waybill start"')
      : remark('ok', `a service is running, with ${services} worker process${services === 1 ? '' : 'es'}`);
  const ofServers = about('redis', [...servers, ...(services === undefined ? [] : [running])]);
  const { findings, views } = await lookAtQueues(redis, config, await findStoredClients(redis));
  return [...ofServers, ...about('redis', describeSpread(redis, views)), ...findings];
}

/** Judges the redis-server on this machine, for an embedded Redis that does not run. */
export async function checkInstalled(): Promise<Remark> {
  const oldest = OLDEST_VERSION.join('.');
  const version = await installedServerVersion();
  if (version === undefined) {
    const installed = `redis-server ${oldest} or later is not installed for Waybill to run its own`;
    return remark('error', `no redis.url is configured, and ${installed}`);
  }
  if (!isSupportedVersion(version)) {
    return remark('error', `redis-server is ${version}, and ${oldest} or later is needed`);
  }
  const starts = '"waybill start" and "waybill send" start it';
  return remark('ok', `the embedded Redis does not run; ${starts} (redis-server ${version} is installed)`);
}

/** Says whether tokens can be read in Redis. The embedded one's directory is its owner's alone. */
export function checkSecretKey({ clients, redis, secretKey }: Config): Remark[] {
  const hasTokens = Object.values(clients).some(({ auth }) => asksForTokens(auth));
  if (!hasTokens || redis === undefined) return [];
  if (secretKey !== undefined) return [remark('ok', 'tokens are encrypted there: WAYBILL_SECRET_KEY is set')];
  const message =
    'tokens stand there as they are, for whoever can read it or its files: WAYBILL_SECRET_KEY encrypts them';
  return [remark('note', message)];
}

/** Looks for events of these clients that will not be delivered as things are. @throws errors of Redis */
export async function checkQueues(
  redis: Connection,
  config: Config,
  names: readonly string[],
): Promise<CheckFinding[]> {
  return (await lookAtQueues(redis, config, names)).findings;
}

async function lookAtQueues(redis: Connection, config: Config, names: readonly string[]) {
  const findings: CheckFinding[] = [];
  const all = new Map<string, ClientView>();
  for (let first = 0; first < names.length; first += CLIENTS_AT_ONCE) {
    const some = names.slice(first, first + CLIENTS_AT_ONCE);
    const clients = some.map((name) => config.clients[name] ?? { name, endpoints: {} });
    const views = await readClientViews(redis, clients);
    for (const [name, view] of views) all.set(name, view);
    const found = [...views].map(([name, view]) =>
      config.clients[name] === undefined
        ? about('redis', checkRemovedClient(name, view, config.file))
        : checkStoredClient(redis, name, view),
    );
    findings.push(...(await Promise.all(found)).flat());
  }
  return { findings, views: all };
}

async function checkStoredClient(redis: Connection, name: string, view: ClientView): Promise<CheckFinding[]> {
  const remarks = [
    ...checkTypes(view),
    ...(await checkBroken(redis, name, view)),
    ...checkPause(name, view),
    ...checkReceipts(view),
    ...(await checkTimestamps(redis, name, view)),
  ];
  return about(clientSubject(name), remarks);
}

/** So many deliveries, and not one that was new: the endpoint has one answer for all. */
const MANY_DELIVERIES = 100;

function checkReceipts({ deliveredByType }: ClientView): Remark[] {
  return EVENT_TYPES.flatMap((type: EventType) => {
    const known = type.alreadyReceivedStatus;
    const delivered = deliveredByType[type.name] ?? {};
    const statuses = Object.keys(delivered);
    const count = delivered[known ?? 0] ?? 0;
    if (known === undefined || statuses.length !== 1 || count < MANY_DELIVERIES) return [];
    const what = `all ${formatCount(count)} events of type ${type.name} were answered with ${known} and none with 201`;
    return remark('note', `${what}: by ${known} the client says that it had them already`, 'receipts');
  });
}

/** Looks at events that are in Redis anyway: what was delivered is not kept. */
async function checkTimestamps(redis: Connection, name: string, view: ClientView): Promise<Remark[]> {
  const types = EVENT_TYPES.filter(({ sample }) => 'timestamp' in sample).map((type) => type.name);
  for (const type of types) {
    const { waiting = 0, retrying = 0, dead = 0 } = view.endpoints[type] ?? {};
    if (waiting + retrying + dead === 0) continue;
    for (const { body } of await readSomeEvents(redis, name, type)) {
      const { timestamp } = JSON.parse(body) as { timestamp?: unknown };
      if (typeof timestamp !== 'string' || hasZone(timestamp)) continue;
      const what = `events of type ${type} have timestamps without a zone, such as ${timestamp}`;
      const means =
        'they are sent as they came; the contract means UTC, and the client may read its own time';
      return [remark('note', `${what}: ${means}`, 'timestamps')];
    }
  }
  return [];
}

function checkRemovedClient(name: string, view: ClientView, file: string): Remark[] {
  const { waiting, inFlight, retrying, dead } = view;
  const queued = waiting + inFlight + retrying;
  if (queued + dead === 0) return [];
  const parts = queued > 0 ? [`${events(queued)} to deliver`] : [];
  if (dead > 0) parts.push(`${formatCount(dead)} dead letter${dead === 1 ? '' : 's'}`);
  const what = parts.join(' and ');
  return [
    remark(
      'warning',
      `client "${name}" is not in ${file} and has ${what}: they wait until it is there again`,
    ),
  ];
}

function checkTypes({ endpoints }: ClientView): Remark[] {
  return Object.entries(endpoints).flatMap(([type, { isConfigured, waiting, inFlight, retrying }]) => {
    const queued = waiting + inFlight + retrying;
    if (isConfigured || queued === 0) return [];
    return remark('warning', `${events(queued)} of type ${type} wait, and there is no endpoint for it`);
  });
}

async function checkBroken(
  redis: Connection,
  name: string,
  { broken, endpoints }: ClientView,
): Promise<Remark[]> {
  if (broken === 0) return [];
  const named = await readBrokenJobs(redis, name, Object.keys(endpoints));
  const list = named.map(({ id, reason }) => `${id} (${reason})`).join(', ');
  const more = broken > named.length ? ', and others' : '';
  const what = `${formatCount(broken)} job${broken === 1 ? '' : 's'} failed by a fault of Waybill's own`;
  return [remark('error', `${what}, kept and not delivered: ${list}${more}`)];
}

function checkPause(name: string, { pausedAt }: ClientView): Remark[] {
  if (pausedAt === undefined) return [];
  const message = `paused since ${formatTime(pausedAt)}: nothing is sent until "waybill resume ${name}"`;
  return [remark('warning', message)];
}

function events(count: number): string {
  return `${formatCount(count)} event${count === 1 ? '' : 's'}`;
}
