import { lastFailure } from '../core/dead-letter-filter.ts';
import { nextAttempt, type StoredEvent } from '../core/event.ts';
import type { EventFate, LookUpEvent } from '../core/event-fate.ts';
import { parseEventId } from '../core/event-id.ts';
import { idBytes } from './compact-event.ts';
import { defineScript } from './define-script.ts';
import { type DeliveredEvent, deliveredSlot, readRecord, SLOT_BYTES } from './delivered-record.ts';
import { findDiscarded } from './discarded.ts';
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
    return id === undefined ? undefined : findFate(clients.map((each) => new LookUp(id, each, parts)));
  };
}

async function findFate(lookUps: readonly LookUp[]): Promise<EventFate | undefined> {
  const fates = await Promise.all(lookUps.map((lookUp) => lookUp.ask()));
  const known = fates.find((fate) => fate !== undefined);
  if (known !== undefined) return known;
  let moving: EventFate | undefined;
  for (const lookUp of lookUps) {
    const fate = await lookUp.search();
    if (fate !== undefined && fate.state !== 'moving') return fate;
    moving ??= fate;
  }
  // Last: a discarded event may have been sent again from an export.
  const discarded = await Promise.all(lookUps.map((lookUp) => lookUp.askDiscarded()));
  return discarded.find((fate) => fate !== undefined) ?? moving;
}

function deliveredFate({ at, status, lives }: DeliveredEvent) {
  const attempts = (lives.at(-1)?.length ?? 0) + 1;
  return { state: 'delivered' as const, deliveredAt: new Date(at).toISOString(), status, attempts };
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
  async ask(): Promise<EventFate | undefined> {
    const { id, client } = this.#event;
    const args = [deadLettersPrefix(client), id, deliveriesPrefix(client)];
    const answer = await byNameScript(this.#parts.redis, [statsKey(client)], args);
    const [dead, job, score, replayed, queues] = answer as [string, string, string, number, string[]];
    if (dead !== '') return this.#dead(JSON.parse(dead) as StoredEvent);
    const found = eventsOf(job, score).find(({ event }) => event.id === id);
    if (found !== undefined) return this.#inJob(found);
    this.#replayed = replayed;
    this.#queues = queues;
    return this.#askDelivered();
  }

  async #askDelivered(): Promise<EventFate | undefined> {
    const { id, client } = this.#event;
    const { redis } = this.#parts;
    const slot = deliveredSlot(id);
    const list = deliveredKey(client, slot);
    for (let from = 0; from >= 0; ) {
      const answer = await deliveredScript(redis, [list], [from, idBytes(id, SLOT_BYTES)]);
      const [found, next] = answer as [number, number];
      // A list only grows: the element keeps its place.
      const element = found < 0 ? null : await redis.lindexBuffer(list, found);
      const event = element && readRecord(element, slot).find((one) => one.id === id);
      if (event) return { id, client, ...deliveredFate(event) };
      from = next;
    }
    return undefined;
  }

  /**
   * Searches the client's jobs, after `ask` found nothing. An event that leaves its job during the search is found
   * by asking again, unless it died and was replayed. So it is unknown only if nothing was replayed, and if the
   * search was not overtaken.
   */
  async search(): Promise<EventFate | undefined> {
    if (this.#queues.length === 0) return undefined;
    const replayedBefore = this.#replayed;
    let isOvertaken = false;
    for (const prefix of this.#queues) {
      const onOvertaken = (): void => {
        isOvertaken = true;
      };
      const found = await searchForOne({ redis: this.#parts.redis, prefix, id: this.#event.id, onOvertaken });
      if (found !== undefined) return this.#inJob(found);
    }
    const fate = await this.ask();
    if (fate !== undefined || (!isOvertaken && this.#replayed === replayedBefore)) return fate;
    return { ...this.#event, state: 'moving' };
  }

  /** Asks who discarded it, if somebody did. */
  async askDiscarded(): Promise<EventFate | undefined> {
    const { id, client } = this.#event;
    const found = await findDiscarded(this.#parts.redis, client, id, this.#parts.now());
    if (found === undefined) return undefined;
    return { id, client, state: 'discarded', discardedAt: new Date(found.at).toISOString(), by: found.by };
  }

  #dead(event: StoredEvent): EventFate {
    const { status, failureClass } = lastFailure(event);
    const attempts = event.history?.length ?? 0;
    const { life: replays = 0 } = event;
    return {
      ...this.#event,
      state: 'dead',
      deadLetterId: event.id,
      attempts,
      replays,
      class: failureClass,
      status,
    };
  }

  #inJob({ event, dueAt }: FoundEvent): EventFate {
    if (nextAttempt(event) === 1) return { ...this.#event, state: 'waiting' };
    const nextAttemptAt = new Date(dueAt ?? this.#parts.now()).toISOString();
    const { status, failureClass } = lastFailure(event);
    return {
      ...this.#event,
      state: 'retrying',
      attempt: nextAttempt(event),
      nextAttemptAt,
      class: failureClass,
      status,
    };
  }
}
