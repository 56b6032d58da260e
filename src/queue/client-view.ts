import type { Redis } from 'ioredis';
import { defineScript } from './define-script.ts';
import { deadLettersPrefix, deliveriesPrefix, incidentsKey, statsKey } from './names.ts';
import { CLIENT_VIEW } from './scripts/client-view.ts';

/** The last failure of a client's deliveries. */
export interface LastError {
  /** ms since the epoch */
  readonly at: number;
  readonly event: string;
  readonly type: string;
  readonly attempt: number;
  /** 0: there was no status. */
  readonly status: number;
  readonly class: string;
  readonly detail: string;
}

/** Where events are, in events, and what became of those that are through: of a client, or of one endpoint. */
export interface EventCounts {
  /** Not sent yet. */
  readonly waiting: number;
  /** In batches that a worker has open: being sent, or about to be. */
  readonly inFlight: number;
  /** Failed at least once, and will be tried again. */
  readonly retrying: number;
  /** Dead letters. */
  readonly dead: number;
  readonly delivered: number;
  /** Delivered, by type and status: `{inventory_receipt: {200: 3, 201: 40}}`. */
  readonly deliveredByType: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Failed attempts by class. */
  readonly failedAttempts: Readonly<Record<string, number>>;
  readonly accepted: number;
  readonly replayed: number;
  readonly discarded: number;
  /** Jobs that failed by a fault of Waybill's own; none is expected. */
  readonly broken: number;
  /** Since when the client is paused, ms since the epoch; absent: it is not. */
  readonly pausedAt?: number;
  readonly lastError?: LastError;
}

interface Timed extends EventCounts {
  /** For how long the first batch that waits has waited, in milliseconds; 0: none waits. */
  readonly oldestMs: number;
  /** Events that were ever given up on, by class. */
  readonly diedByClass: Readonly<Record<string, number>>;
  /** How long all attempts took together. */
  readonly attemptMs: number;
}

/** One endpoint of a client. */
export interface EndpointView extends Timed {
  /** Names the batches that come next; empty: none waits. The same as before: none of them was taken. */
  readonly head: string;
  /** Whether a process has a batch in its hands. */
  readonly held: boolean;
  readonly paused: boolean;
  /** Whether the configuration has an endpoint for the type: otherwise its events wait for one. */
  readonly isConfigured: boolean;
}

/** A client with all its endpoints. */
export interface ClientView extends Timed {
  /** The event types whose endpoints have an open incident. */
  readonly incidents: readonly string[];
  /** By event type: those of the configuration, and any others that ever had a queue. */
  readonly endpoints: Readonly<Record<string, EndpointView>>;
}

/** A client, and the event types that it has an endpoint for. */
export interface ViewedClient {
  readonly name: string;
  readonly endpoints: Readonly<Record<string, unknown>>;
}

type EndpointReply = [
  type: string,
  head: string,
  oldestMs: number,
  held: number,
  paused: number,
  waitingJobs: number,
  delayedJobs: number,
  open: number,
  openRetried: number,
  broken: number,
  brokenEvents: number,
  brokenRetried: number,
];
type Reply = [stats: string[], failing: string[], dead: number, endpoints: EndpointReply[]];

const viewScript = defineScript('client-view', CLIENT_VIEW);

/** Reads these clients by their names, all at once. @throws errors of Redis */
export async function readClientViews(
  redis: Redis,
  clients: readonly ViewedClient[],
): Promise<ReadonlyMap<string, ClientView>> {
  const views = clients.map(async ({ name, endpoints }) => {
    const keys = [statsKey(name), incidentsKey(name), `${deadLettersPrefix(name)}prioritized`];
    const reply = (await viewScript(redis, keys, [deliveriesPrefix(name)])) as Reply;
    return [name, toView(reply, Object.keys(endpoints))] as const;
  });
  return new Map(await Promise.all(views));
}

/** Reads one client. @throws errors of Redis */
export async function readClientView(redis: Redis, client: ViewedClient): Promise<ClientView> {
  return (await readClientViews(redis, [client])).get(client.name) as ClientView;
}

function toView([fields, incidents, dead, replies]: Reply, types: readonly string[]): ClientView {
  const stats = readStats(fields);
  const { pausedAt } = stats;
  const byType = new Map(replies.map((reply) => [reply[0], reply]));
  const endpoints: Record<string, EndpointView> = {};
  for (const type of new Set([...types, ...byType.keys()])) {
    const view = toEndpoint(type, byType.get(type), stats.byType.get(type) ?? new Map());
    const isConfigured = types.includes(type);
    endpoints[type] = { ...view, isConfigured, ...(pausedAt === undefined ? {} : { pausedAt }) };
  }
  const parts = Object.values(endpoints);
  const lastError = parts.map((part) => part.lastError).reduce(latest, undefined);
  return {
    ...sumOf(parts),
    dead,
    deliveredByType: Object.assign({}, ...parts.map((part) => part.deliveredByType)),
    failedAttempts: sumByName(parts.map((part) => part.failedAttempts)),
    diedByClass: sumByName(parts.map((part) => part.diedByClass)),
    oldestMs: Math.max(0, ...parts.map(({ isConfigured, oldestMs }) => (isConfigured ? oldestMs : 0))),
    incidents,
    endpoints,
    ...(pausedAt === undefined ? {} : { pausedAt }),
    ...(lastError === undefined ? {} : { lastError }),
  };
}

/** What the counters say of one endpoint: `<kind>` or `<kind>:<name>` to its value. */
type Fields = ReadonlyMap<string, string>;

/** Sorts a client's counters, `<kind>:<type>` or `<kind>:<type>:<name>`, by type. */
function readStats(fields: readonly string[]) {
  const byType = new Map<string, Map<string, string>>();
  let pausedAt: number | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    const [field = '', value = ''] = [fields[i], fields[i + 1]];
    const [kind = '', type, name] = field.split(':');
    if (field === 'pausedAt') pausedAt = Number(value);
    if (type === undefined) continue;
    const ofType = byType.get(type) ?? new Map<string, string>();
    ofType.set(name === undefined ? kind : `${kind}:${name}`, value);
    byType.set(type, ofType);
  }
  return { byType, pausedAt };
}

const NOTHING: EndpointReply = ['', '', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

function toEndpoint(
  type: string,
  reply: EndpointReply | undefined,
  fields: Fields,
): Omit<EndpointView, 'isConfigured'> {
  const [, head, oldestMs, held, paused, waitingJobs, delayedJobs, ...openAndBroken] = reply ?? NOTHING;
  const [open, openRetried, broken, brokenEvents, brokenRetried] = openAndBroken;
  const count = (field: string): number => Number(fields.get(field) ?? 0);
  const byStatus = numbersUnder('delivered', fields);
  const [delivered, diedByClass] = [sum(byStatus), numbersUnder('dead', fields)];
  const left = delivered + sum(diedByClass) + count('merged') + brokenEvents;
  const queued = count('accepted') + count('replayed') - left;
  // Jobs that somebody removed by hand are counted no longer once the queue is empty.
  const isEmpty = waitingJobs + delayedJobs === 0;
  const retrying = isEmpty ? 0 : Math.max(0, count('retrying') - openRetried - brokenRetried);
  const lastError = fields.get('lastError');
  return {
    waiting: isEmpty ? 0 : Math.max(0, queued - open - retrying),
    inFlight: open,
    retrying,
    dead: Math.max(0, count('letters')),
    delivered,
    deliveredByType: delivered === 0 ? {} : { [type]: byStatus },
    failedAttempts: numbersUnder('failed', fields),
    diedByClass,
    accepted: count('accepted'),
    replayed: count('replayed'),
    discarded: count('discarded'),
    broken,
    attemptMs: count('attemptMs'),
    head,
    oldestMs: Math.max(0, oldestMs),
    held: held === 1,
    paused: paused === 1,
    ...(lastError === undefined ? {} : { lastError: JSON.parse(lastError) as LastError }),
  };
}

function numbersUnder(kind: string, fields: Fields): Record<string, number> {
  const numbers: Record<string, number> = {};
  for (const [field, value] of fields) {
    const [of, name] = field.split(':');
    if (of === kind && name !== undefined) numbers[name] = Number(value);
  }
  return numbers;
}

function sum(numbers: Readonly<Record<string, number>>): number {
  return Object.values(numbers).reduce((total, one) => total + one, 0);
}

const SUMMED = [
  'waiting',
  'inFlight',
  'retrying',
  'delivered',
  'accepted',
  'replayed',
  'discarded',
  'broken',
  'attemptMs',
] as const;

function sumOf(parts: readonly EndpointView[]): Pick<EndpointView, (typeof SUMMED)[number]> {
  const total = (name: (typeof SUMMED)[number]) => parts.reduce((all, part) => all + part[name], 0);
  return Object.fromEntries(SUMMED.map((name) => [name, total(name)])) as ReturnType<typeof sumOf>;
}

function sumByName(parts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const part of parts)
    for (const [name, count] of Object.entries(part)) sums[name] = (sums[name] ?? 0) + count;
  return sums;
}

function latest(one: LastError | undefined, other: LastError | undefined): LastError | undefined {
  return other === undefined || (one !== undefined && one.at >= other.at) ? one : other;
}
