import { describePace, type EndpointPace } from '../core/endpoint-pace.ts';
import { type LastError, readLastError } from '../core/last-error.ts';
import { OPEN_VERDICT, type Verdict } from '../core/pace.ts';
import { NO_SUMS, type PaceSums } from '../core/pace-sums.ts';
import type { Repeats } from '../core/repeats.ts';
import { sum, sumByName } from '../core/sum.ts';
import { readWebPages, type WebPages } from '../core/web-pages.ts';
import { defineScript } from './define-script.ts';
import { deadLettersPrefix, deliveriesPrefix, incidentsKey, paceKey, statsKey } from './names.ts';
import { type ReadOfEach, readOfEach } from './read-of-each.ts';
import { CLIENT_VIEW } from './scripts/client-view.ts';
import type { Connection } from './servers.ts';
import { readMark, type WithheldMark, withheldField } from './withheld-mark.ts';

/** Where the events of a client or of one endpoint are, and what became of finished ones; in events. */
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
  readonly repeats: Repeats;
  readonly accepted: number;
  readonly replayed: number;
  readonly discarded: number;
  /** Jobs that failed by a fault of Waybill's own; none is expected. */
  readonly broken: number;
  /** Since when the client is paused, ms since the epoch; absent: it is not. */
  readonly pausedAt?: number;
  readonly lastError?: LastError;
  /** For how long the first batch that waits has waited, in milliseconds; 0: none waits. */
  readonly oldestMs: number;
  /** Events that were ever given up on, by class. */
  readonly diedByClass: Readonly<Record<string, number>>;
  /** How long all attempts took together, in milliseconds. */
  readonly attemptMs: number;
}

/** One endpoint of a client. */
export interface EndpointView extends EventCounts {
  /**
   * Names the batches that come next, but for those that wait for the pace; empty: there is none. The same as before:
   * none of them was taken.
   */
  readonly head: string;
  /** Whether a process has a batch in its hands. */
  readonly held: boolean;
  readonly paused: boolean;
  /** Why its events wait without an attempt; absent: they do not. */
  readonly withheld?: WithheldMark;
  readonly pace: EndpointPace;
  readonly webPages?: WebPages;
  /** Whether the configuration has an endpoint for the type: otherwise its events wait for one. */
  readonly isConfigured: boolean;
}

/** A client with all its endpoints. */
export interface ClientView extends EventCounts {
  /** The event types whose endpoints have an open incident. */
  readonly incidents: readonly string[];
  /** By event type: those of the configuration, and any others that ever had a queue. */
  readonly endpoints: Readonly<Record<string, EndpointView>>;
}

/** A client, and the event types that it has an endpoint for. */
export interface ViewedClient {
  readonly name: string;
  readonly endpoints: Readonly<Record<string, ViewedEndpoint>>;
}

/** An endpoint as it is configured; without `pace` it is adaptive. */
interface ViewedEndpoint {
  readonly pace?: { readonly mode: 'adaptive' | 'fixed'; readonly holdMs: number };
}

/** What the script reads of one queue. */
interface QueueReply extends Pick<EndpointView, 'head' | 'oldestMs' | 'held' | 'paused' | 'broken'> {
  /** Jobs that wait, delayed ones included. */
  readonly jobs: number;
  /** Events of open batches; of these, events that have failed before. */
  readonly open: number;
  readonly openRetried: number;
  /** The same of broken jobs. */
  readonly brokenEvents: number;
  readonly brokenRetried: number;
  /** As `PACE_VIEW` says; absent: nothing is known. */
  readonly pace?: PaceReply;
}

/** Verdict and sums as JSON; empty: there is none. */
interface PaceReply extends Readonly<Partial<Record<'oldestAt' | 'nextRetryAt' | 'notDue', number>>> {
  readonly verdict: string;
  readonly sums: string;
  readonly head?: string;
}

type Reply = [stats: string[], failing: string[], dead: number, queues: string, now: number];

const viewScript = defineScript('client-view', CLIENT_VIEW);

/** Reads these clients by their names, all at once. */
export async function readClientViews(
  redis: Connection,
  clients: readonly ViewedClient[],
): Promise<ReadonlyMap<string, ClientView>> {
  const views = clients.map(async (client) => [client.name, await readClientView(redis, client)] as const);
  return new Map(await Promise.all(views));
}

/** Reads these clients, but for those whose server of a Cluster is away. @throws as `readOfEach` */
export function readViewsInReach(
  redis: Connection,
  clients: readonly ViewedClient[],
  limitMs?: number,
): Promise<ReadOfEach<ClientView>> {
  const byName = new Map(clients.map((client) => [client.name, client]));
  const read = (name: string) => readClientView(redis, byName.get(name) as ViewedClient);
  return readOfEach(redis, [...byName.keys()], read, limitMs);
}

/** Reads one client. */
export async function readClientView(
  redis: Connection,
  { name, endpoints }: ViewedClient,
): Promise<ClientView> {
  const keys = [statsKey(name), incidentsKey(name), `${deadLettersPrefix(name)}prioritized`];
  const prefixes = [deliveriesPrefix(name), paceKey({ client: name, type: '' })];
  return toView((await viewScript(redis, keys, prefixes)) as Reply, endpoints);
}

function toView(
  [fields, incidents, dead, json, now]: Reply,
  configured: ViewedClient['endpoints'],
): ClientView {
  const stats = new Map<string, string>();
  for (let i = 0; i < fields.length; i += 2) stats.set(fields[i] ?? '', fields[i + 1] ?? '');
  const pausedAt = stats.get('pausedAt');
  const pause = pausedAt === undefined ? {} : { pausedAt: Number(pausedAt) };
  const queues = JSON.parse(json) as Readonly<Record<string, QueueReply>>;
  const endpoints: Record<string, EndpointView> = {};
  for (const type of new Set([...Object.keys(configured), ...Object.keys(queues)])) {
    const queue = queues[type] ?? NO_QUEUE;
    const counts = toEndpoint(type, queue, stats);
    const withheld = readMark(stats.get(withheldField(type)), now);
    const webPages = readWebPages(stats, type, now);
    const hold = { ...(withheld && { withheld }), ...(webPages && { webPages }) };
    const isConfigured = Object.hasOwn(configured, type);
    const pace = toPace(queue.pace, counts, isConfigured ? configured[type] : undefined, now);
    const head = pace.holds ? (queue.pace?.head ?? '') : queue.head;
    endpoints[type] = { ...counts, head, pace, isConfigured, ...hold, ...pause };
  }
  return { ...sumOf(Object.values(endpoints)), dead, incidents, endpoints, ...pause };
}

const NO_QUEUE: QueueReply = {
  ...{ head: '', oldestMs: 0, held: false, paused: false, jobs: 0 },
  ...{ open: 0, openRetried: 0, broken: 0, brokenEvents: 0, brokenRetried: 0 },
};

/** @param stats the client's counters, by field */
function toEndpoint(
  type: string,
  { head, oldestMs, held, paused, jobs, open, openRetried, broken, brokenEvents, brokenRetried }: QueueReply,
  stats: ReadonlyMap<string, string>,
): Omit<EndpointView, 'isConfigured' | 'pace'> {
  const count = (kind: string): number => Number(stats.get(`${kind}:${type}`) ?? 0);
  const byStatus = numbersUnder(`delivered:${type}:`, stats);
  const diedByClass = numbersUnder(`dead:${type}:`, stats);
  const delivered = sum(byStatus);
  const left = delivered + sum(diedByClass) + count('merged') + brokenEvents;
  const queued = count('accepted') + count('replayed') - left;
  // Jobs removed by hand are counted no longer once the queue is empty.
  const retrying = jobs === 0 ? 0 : Math.max(0, count('retrying') - openRetried - brokenRetried);
  const lastError = readLastError(stats, type, delivered);
  return {
    ...{ head, held, paused, broken, inFlight: open, retrying, delivered, diedByClass },
    waiting: jobs === 0 ? 0 : Math.max(0, queued - open - retrying),
    dead: Math.max(0, count('letters')),
    deliveredByType: delivered === 0 ? {} : { [type]: byStatus },
    failedAttempts: numbersUnder(`failed:${type}:`, stats),
    repeats: numbersUnder(`repeats:${type}:`, stats),
    accepted: count('accepted'),
    replayed: count('replayed'),
    discarded: count('discarded'),
    attemptMs: count('attemptMs'),
    oldestMs: Math.max(0, oldestMs),
    ...(lastError && { lastError }),
  };
}

/** @param configured undefined: the events wait for a configuration, and not for the pace */
function toPace(
  { verdict = '', sums = '', notDue = 0, oldestAt, nextRetryAt }: Partial<PaceReply> = {},
  { waiting, retrying }: Pick<EventCounts, 'waiting' | 'retrying'>,
  configured: ViewedEndpoint | undefined,
  now: number,
): EndpointPace {
  return describePace({
    verdict: verdict === '' ? OPEN_VERDICT : (JSON.parse(verdict) as Verdict),
    sums: sums === '' ? NO_SUMS : (JSON.parse(sums) as PaceSums),
    ...{ now, waiting, dueRetries: Math.max(0, retrying - notDue) },
    isAdaptive: configured !== undefined && configured.pace?.mode !== 'fixed',
    ...(configured?.pace === undefined ? {} : { holdMs: configured.pace.holdMs }),
    ...(oldestAt === undefined ? {} : { oldestAt }),
    ...(nextRetryAt === undefined ? {} : { nextRetryAt }),
  });
}

/** The counters whose fields begin so, by the rest of their fields. */
function numbersUnder(prefix: string, stats: ReadonlyMap<string, string>): Record<string, number> {
  const found = [...stats].filter(([field]) => field.startsWith(prefix));
  return Object.fromEntries(found.map(([field, value]) => [field.slice(prefix.length), Number(value)]));
}

const COUNTERS = ['delivered', 'accepted', 'replayed', 'discarded', 'attemptMs'] as const;
const SUMS = ['waiting', 'inFlight', 'retrying', 'broken', ...COUNTERS] as const;

/** The sums over the endpoints of a client. */
function sumOf(parts: readonly EndpointView[]): Omit<EventCounts, 'dead' | 'pausedAt'> {
  const sums = SUMS.map((field) => [field, parts.reduce((all, part) => all + part[field], 0)]);
  const [lastError] = parts.flatMap((part) => part.lastError ?? []).sort((a, b) => b.at - a.at);
  return {
    ...(Object.fromEntries(sums) as Record<(typeof SUMS)[number], number>),
    deliveredByType: Object.assign({}, ...parts.map((part) => part.deliveredByType)),
    failedAttempts: sumByName(parts.map((part) => part.failedAttempts)),
    repeats: sumByName(parts.map((part) => part.repeats)),
    diedByClass: sumByName(parts.map((part) => part.diedByClass)),
    oldestMs: Math.max(0, ...parts.map((part) => (isToBeTaken(part) ? part.oldestMs : 0))),
    ...(lastError === undefined ? {} : { lastError }),
  };
}

/** Whether the service is to send the endpoint's events by now. */
function isToBeTaken({ isConfigured, withheld, pace }: EndpointView): boolean {
  const isHeld = withheld !== undefined && withheld.for !== 'local';
  return isConfigured && !isHeld && !pace.holds;
}
