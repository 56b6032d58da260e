import { lastFailure } from '../core/dead-letter-filter.ts';
import { nextAttempt, type StoredEvent } from '../core/event.ts';
import type { EventFate, LookUpEvent } from '../core/event-fate.ts';
import { parseEventId } from '../core/event-id.ts';
import { idBytes } from './compact-event.ts';
import { defineScript } from './define-script.ts';
import { type DeliveredEvent, deliveredSlot, readRecord, SLOT_BYTES } from './delivered-record.ts';
import { type DiscardedEvent, findDiscarded } from './discarded.ts';
import { deadLettersPrefix, deliveredKey, deliveriesPrefix, statsKey } from './names.ts';
import { FIND_BY_NAME } from './scripts/find-event.ts';
import { FIND_DELIVERED } from './scripts/remember-delivered.ts';
import { eventsOf, type FoundEvent, searchForOne } from './search-jobs.ts';
import type { Connection } from './servers.ts';

const byNameScript = defineScript('find-by-name', FIND_BY_NAME);
const deliveredScript = defineScript('find-delivered', FIND_DELIVERED);

/** What a look-up is made from. */
export interface LookUpParts {
  readonly redis: Connection;
  /** The clients to ask if none is named. */
  readonly clients: readonly string[];
  /** ms since the epoch */
  now(): number;
}

/** Builds the look-up. An id that is no UUIDv7 is unknown. */
export function createEventLookUp(parts: LookUpParts): LookUpEvent {
  return async (text, client) => {
    const id = parseEventId(text);
    const clients = client === undefined ? parts.clients : [client];
    if (id === undefined) return undefined;
    const found = await findIn(clients.map((each) => new LookUp(id, each, parts)));
    return found && fateOf(id, found, parts.now());
  };
}

/** Finds one event with all its attempts, by its id alone; `moving`: it moved too fast; undefined: it is unknown. */
export async function findEventById(
  text: string,
  parts: LookUpParts,
): Promise<FoundById | 'moving' | undefined> {
  const id = parseEventId(text);
  if (id === undefined) return undefined;
  const found = await findIn(parts.clients.map((client) => new LookUp(id, client, parts)));
  return found?.moving === true ? 'moving' : found;
}

/** Where an event was found. */
export type FoundById = { readonly client: string; readonly moving?: false } & (
  | { readonly dead: StoredEvent }
  | { readonly queued: FoundEvent }
  | { readonly delivered: DeliveredEvent }
  | { readonly discarded: DiscardedEvent }
);

type Found = FoundById | { readonly client: string; readonly moving: true };

async function findIn(lookUps: readonly LookUp[]): Promise<Found | undefined> {
  const asked = await Promise.all(lookUps.map((lookUp) => lookUp.ask()));
  const known = asked.find((found) => found !== undefined);
  if (known !== undefined) return known;
  let moving: Found | undefined;
  for (const lookUp of lookUps) {
    const found = await lookUp.search();
    if (found !== undefined && found.moving !== true) return found;
    moving ??= found;
  }
  // Last: a discarded event may have been sent again from an export.
  const discarded = await Promise.all(lookUps.map((lookUp) => lookUp.askDiscarded()));
  return discarded.find((found) => found !== undefined) ?? moving;
}

function fateOf(id: string, found: Found, now: number): EventFate {
  const { client } = found;
  if (found.moving === true) return { id, client, state: 'moving' };
  if ('dead' in found) return { id, client, ...deadFate(found.dead) };
  if ('queued' in found) return { id, client, ...queuedFate(found.queued, now) };
  if ('delivered' in found) return { id, client, ...deliveredFate(found.delivered) };
  const { at, by } = found.discarded;
  return { id, client, state: 'discarded', discardedAt: new Date(at).toISOString(), by };
}

function deliveredFate({ at, status, lives }: DeliveredEvent) {
  const attempts = (lives.at(-1)?.length ?? 0) + 1;
  return { state: 'delivered' as const, deliveredAt: new Date(at).toISOString(), status, attempts };
}

function deadFate(event: StoredEvent) {
  const { status, failureClass } = lastFailure(event);
  const attempts = event.history?.length ?? 0;
  const { id: deadLetterId, life: replays = 0 } = event;
  return { state: 'dead' as const, deadLetterId, attempts, replays, class: failureClass, status };
}

function queuedFate({ event, dueAt }: FoundEvent, now: number) {
  const attempt = nextAttempt(event);
  if (attempt === 1) return { state: 'waiting' as const };
  const nextAttemptAt = new Date(dueAt ?? now).toISOString();
  const { status, failureClass } = lastFailure(event);
  return { state: 'retrying' as const, attempt, nextAttemptAt, class: failureClass, status };
}

/** The look-up of one event among those of one client. */
class LookUp {
  readonly #event: Pick<EventFate, 'id' | 'client'>;
  readonly #parts: LookUpParts;
  /** The prefixes of the client's queues that had jobs at the latest `ask`. */
  #queues: readonly string[] = [];
  /** How many events of the client had ever been replayed then. */
  #replayed = 0;

  constructor(id: string, client: string, parts: LookUpParts) {
    this.#event = { id, client };
    this.#parts = parts;
  }

  /** Reads the keys that the id leads to: a dead letter, a retry's own job, the list of delivered events. */
  async ask(): Promise<Found | undefined> {
    const { id, client } = this.#event;
    const args = [deadLettersPrefix(client), id, deliveriesPrefix(client)];
    const answer = await byNameScript(this.#parts.redis, [statsKey(client)], args);
    const [dead, job, score, replayed, queues] = answer as [string, string, string, number, string[]];
    if (dead !== '') return { client, dead: JSON.parse(dead) as StoredEvent };
    const queued = eventsOf(job, score).find(({ event }) => event.id === id);
    if (queued !== undefined) return { client, queued };
    this.#replayed = replayed;
    this.#queues = queues;
    return this.#askDelivered();
  }

  async #askDelivered(): Promise<Found | undefined> {
    const { id, client } = this.#event;
    const { redis } = this.#parts;
    const slot = deliveredSlot(id);
    const list = deliveredKey(client, slot);
    for (let from = 0; from >= 0; ) {
      const answer = await deliveredScript(redis, [list], [from, idBytes(id, SLOT_BYTES)]);
      const [found, next] = answer as [number, number];
      // A list only grows: the element keeps its place.
      const element = found < 0 ? null : await redis.lindexBuffer(list, found);
      const delivered = element && readRecord(element, slot).find((one) => one.id === id);
      if (delivered) return { client, delivered };
      from = next;
    }
    return undefined;
  }

  /**
   * Searches the client's jobs, after `ask` found nothing. An event that leaves its job during the search is found
   * by asking again, unless it died and was replayed. So it is unknown only if nothing was replayed, and if the
   * search was not overtaken.
   */
  async search(): Promise<Found | undefined> {
    if (this.#queues.length === 0) return undefined;
    const { id, client } = this.#event;
    const replayedBefore = this.#replayed;
    let isOvertaken = false;
    for (const prefix of this.#queues) {
      const onOvertaken = (): void => {
        isOvertaken = true;
      };
      const queued = await searchForOne({ redis: this.#parts.redis, prefix, id, onOvertaken });
      if (queued !== undefined) return { client, queued };
    }
    const found = await this.ask();
    if (found !== undefined || (!isOvertaken && this.#replayed === replayedBefore)) return found;
    return { client, moving: true };
  }

  /** Asks who discarded it, if somebody did. */
  async askDiscarded(): Promise<Found | undefined> {
    const { id, client } = this.#event;
    const discarded = await findDiscarded(this.#parts.redis, client, id, this.#parts.now());
    return discarded && { client, discarded };
  }
}
