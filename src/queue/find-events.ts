import { KEEP_AUDIT_MS } from '../core/audit.ts';
import { diedAt, isStatus } from '../core/dead-letter-filter.ts';
import { nextAttempt, type StoredEvent } from '../core/event.ts';
import { acceptedAt } from '../core/event-id.ts';
import { type EventFilter, type EventRecord, matchesEvent } from '../core/event-record.ts';
import { livesOf } from '../core/history.ts';
import { type EndpointView, readClientViews, type ViewedClient } from './client-view.ts';
import { unitPrint } from './compact-event.ts';
import { readDeadLetters } from './dead-letters.ts';
import type { DeliveredEvent, RecordHead, WantedDelivered } from './delivered-record.ts';
import { type DiscardedEvent, readDiscarded } from './discarded.ts';
import { readDelivered } from './find-delivered.ts';
import { findEventById, type LookUpParts } from './look-up-event.ts';
import { endpointPrefix, statsKey } from './names.ts';
import { type FoundEvent, searchQueue } from './search-jobs.ts';
import type { Connection } from './servers.ts';
import { WITHHELD_FOR } from './withheld-mark.ts';

/** What to search, and who is told of its course. */
export interface EventSearch {
  readonly redis: Connection;
  readonly clients: readonly string[];
  readonly filter: EventFilter;
  /** ms since the epoch */
  readonly now: number;
  /** The number of events that were looked at so far. */
  onProgress?(looked: number): void;
  /** Events of a client moved too fast: some that wait, or are retried, may be missing. */
  onMissed?(client: string): void;
}

/**
 * Searches all that is known of events, client by client: waiting and retried ones, dead letters, delivered and
 * discarded ones. An event that goes on meanwhile is told once, as it was when it was met first; one that a replay puts
 * back may be missed. Of delivered and discarded events only a fingerprint of the unit is kept: they may be about
 * another unit, with odds of one in a million for each million of them. A page may be empty.
 */
export async function* findEvents(search: EventSearch): AsyncGenerator<readonly EventRecord[]> {
  const { clients, filter, onProgress } = search;
  let looked = 0;
  for (const client of clients) {
    const met = new Set<string>();
    for await (const page of eventsOf(search, client)) {
      looked += page.looked;
      onProgress?.(looked);
      const found = page.events.filter((event) => !met.has(event.id) && matchesEvent(event, filter));
      // What was delivered is read once, and there may be millions of it.
      for (const { id, state } of found) if (state !== 'delivered') met.add(id);
      yield found;
    }
  }
}

/** Events that may match, and how many were looked at for them. */
interface Page {
  readonly looked: number;
  readonly events: readonly EventRecord[];
}

async function* eventsOf(search: EventSearch, client: string): AsyncGenerator<Page> {
  const { redis, filter, now } = search;
  const { outcome, type, unit } = filter;
  const mayBe = (...states: readonly (typeof outcome)[]): boolean =>
    outcome === undefined || outcome === 'failed' || outcome === 'died' || states.includes(outcome);
  if (mayBe('waiting', 'retrying')) yield* inQueues(search, client);
  if (mayBe('dead')) {
    for await (const letters of readDeadLetters(redis, client, { type, unit })) {
      const meant = letters.filter((event) => unit === undefined || event.unit === unit);
      yield { looked: letters.length, events: meant.map((event) => deadRecord(client, event)) };
    }
  }
  const print = unit === undefined ? undefined : unitPrint(unit);
  if (mayBe('delivered')) {
    const wanted: WantedDelivered = { unitPrint: print, isMeant: (record) => mayMatch(record, filter) };
    for await (const { events, looked } of readDelivered(redis, client, filter.until, wanted))
      yield { looked, events: events.map((event) => deliveredRecord(client, event)) };
  }
  if (mayBe('discarded')) {
    for await (const events of readDiscarded(redis, client, now - KEEP_AUDIT_MS, print))
      yield { looked: events.length, events: events.map((event) => discardedRecord(client, event)) };
  }
}

/** Whether one of the events of a record may match: most records need no more than this look. */
function mayMatch({ at, type, status, hasAttempts }: RecordHead, filter: EventFilter): boolean {
  if (filter.type !== undefined && type !== filter.type) return false;
  if (filter.since !== undefined && at < filter.since) return false;
  if (hasAttempts) return true;
  if (filter.outcome === 'failed' || filter.outcome === 'died') return false;
  return filter.status === undefined || isStatus(filter.status, status, '');
}

async function* inQueues(search: EventSearch, client: string): AsyncGenerator<Page> {
  const { redis, filter, onMissed } = search;
  for (const type of await typesOf(redis, client)) {
    if (filter.type !== undefined && filter.type !== type) continue;
    const found = searchQueue({
      redis,
      prefix: endpointPrefix({ client, type }),
      text: filter.unit === undefined ? '' : `"unit":${JSON.stringify(filter.unit)}`,
      isWanted: ({ unit }) => filter.unit === undefined || unit === filter.unit,
      onOvertaken: () => onMissed?.(client),
    });
    for await (const events of found)
      yield { looked: events.length, events: events.map((found) => queuedRecord(client, found)) };
  }
}

/** The event types of all queues that the client ever had. */
async function typesOf(redis: Connection, client: string): Promise<string[]> {
  const fields = await redis.hkeys(statsKey(client));
  return [...new Set(fields.flatMap((field) => /^(?:accepted|replayed):(.+)$/.exec(field)?.[1] ?? []))];
}

/** Finds one event by its id, without searching all others. `moving`: it moved too fast; undefined: it is unknown. */
export async function findOneEvent(
  id: string,
  parts: LookUpParts,
): Promise<EventRecord | 'moving' | undefined> {
  const found = await findEventById(id, parts);
  if (found === undefined || found === 'moving') return found;
  const { client } = found;
  if ('dead' in found) return deadRecord(client, found.dead);
  if ('queued' in found) return queuedRecord(client, found.queued);
  if ('delivered' in found) return deliveredRecord(client, found.delivered);
  return discardedRecord(client, found.discarded);
}

function queuedRecord(client: string, { event, dueAt }: FoundEvent): EventRecord {
  const { id, type, unit, life: replays = 0 } = event;
  const state = nextAttempt(event) === 1 ? 'waiting' : 'retrying';
  const due = dueAt === undefined ? {} : { dueAt };
  return { client, id, type, unit, state, ...due, replays, lives: livesOf(event) };
}

function deadRecord(client: string, event: StoredEvent): EventRecord {
  const { id, type, unit, life: replays = 0 } = event;
  return { client, id, type, unit, state: 'dead', endedAt: diedAt(event), replays, lives: livesOf(event) };
}

function deliveredRecord(client: string, { id, type, at, status, lives }: DeliveredEvent): EventRecord {
  const replays = lives.length - 1;
  return { client, id, type, state: 'delivered', endedAt: at, status, replays, lives };
}

function discardedRecord(client: string, { id, type, at, by, lives }: DiscardedEvent): EventRecord {
  return { client, id, type, state: 'discarded', endedAt: at, by, replays: lives.length - 1, lives };
}

/** Keeps the latest accepted events, in the order of their acceptance. @param keep how many, at most */
export class LatestEvents {
  #events: EventRecord[] = [];
  readonly #keep: number;
  /** All that were added, by client. */
  readonly byClient = new Map<string, number>();

  constructor(keep: number) {
    this.#keep = keep;
  }

  get found(): number {
    return [...this.byClient.values()].reduce((sum, count) => sum + count, 0);
  }

  add(events: readonly EventRecord[]): void {
    for (const event of events) {
      this.#events.push(event);
      this.byClient.set(event.client, (this.byClient.get(event.client) ?? 0) + 1);
    }
    if (this.#events.length > 2 * this.#keep) this.#events = this.sorted();
  }

  sorted(): EventRecord[] {
    return this.#events.sort((a, b) => acceptedAt(a.id) - acceptedAt(b.id)).slice(-this.#keep);
  }
}

/** What an event can wait for. */
export const WAITS_FOR = [
  'turn',
  'retry',
  'resume',
  'pace',
  'endpoint',
  'configuration',
  ...WITHHELD_FOR,
] as const;
export type WaitsFor = (typeof WAITS_FOR)[number];

/** Tells what events wait for. @param clients the configured ones */
export async function readWaits(
  redis: Connection,
  clients: readonly ViewedClient[],
  events: readonly EventRecord[],
  now: number,
): Promise<ReadonlyMap<EventRecord, WaitsFor>> {
  const waiting = events.filter(({ state }) => state === 'waiting' || state === 'retrying');
  const names = new Set(waiting.map(({ client }) => client));
  const asked = clients.filter(({ name }) => names.has(name));
  const views = await readClientViews(redis, asked);
  return new Map(
    waiting.map((event) => {
      const endpoint = views.get(event.client)?.endpoints[event.type ?? ''];
      return [event, endpoint === undefined ? 'turn' : waitsFor(event, endpoint, now)];
    }),
  );
}

function waitsFor({ dueAt = 0 }: EventRecord, endpoint: EndpointView, now: number): WaitsFor {
  if (endpoint.pausedAt !== undefined || endpoint.paused) return 'resume';
  if (!endpoint.isConfigured) return 'configuration';
  if (dueAt > now) return 'retry';
  if (endpoint.withheld !== undefined) return endpoint.withheld.for;
  if (!endpoint.pace.holds) return 'turn';
  return endpoint.pace.state === 'down' ? 'endpoint' : 'pace';
}
