import type { Redis } from 'ioredis';
import { lastFailure } from '../core/dead-letter-filter.ts';
import { nextAttempt, type StoredEvent } from '../core/event.ts';
import type { EventFate, LookUpEvent } from '../core/event-fate.ts';
import { parseEventId } from '../core/event-id.ts';
import { defineScript } from './define-script.ts';
import { deliveredSlot, deliveredTail, readRecordHead } from './delivered-record.ts';
import { deadLettersPrefix, deliveredKey, deliveriesPrefix, statsKey } from './names.ts';
import { FIND_BY_NAME } from './scripts/find-event.ts';
import { FIND_DELIVERED } from './scripts/remember-delivered.ts';
import { type FoundEvent, findInJob, searchQueue } from './search-jobs.ts';

const byNameScript = defineScript('find-by-name', FIND_BY_NAME);
const deliveredScript = defineScript('find-delivered', FIND_DELIVERED);

/** What a look-up is made from. */
export interface LookUpParts {
  readonly redis: Redis;
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
  return moving;
}

type ByNameReply = [string, string, string, number, number, string[]];

/** The look-up of one event among those of one client. */
class LookUp {
  readonly #id: string;
  readonly #client: string;
  readonly #parts: LookUpParts;
  /** The client's jobs that may hold the event, at the latest `ask`. */
  #jobs = 0;
  /** How many events of the client had ever been replayed, at the latest `ask`. */
  #replayed = 0;
  /** The prefixes of the queues of the client's endpoints, at the latest `ask`. */
  #queues: readonly string[] = [];

  constructor(id: string, client: string, parts: LookUpParts) {
    this.#id = id;
    this.#client = client;
    this.#parts = parts;
  }

  /** Asks for the keys that the id leads to: a dead letter, a retry's own job, the list of delivered events. */
  async ask(): Promise<EventFate | undefined> {
    const { redis } = this.#parts;
    const args = [deadLettersPrefix(this.#client), this.#id, deliveriesPrefix(this.#client)];
    const answer = await byNameScript(redis, [statsKey(this.#client)], args);
    const [dead, job, score, jobs, replayed, queues] = answer as ByNameReply;
    if (dead !== '') return this.#dead(JSON.parse(dead) as StoredEvent);
    const found = findInJob(job, score, this.#id);
    if (found !== undefined) return this.#inJob(found);
    this.#jobs = jobs;
    this.#replayed = replayed;
    this.#queues = queues;
    const list = deliveredKey(this.#client, deliveredSlot(this.#id));
    for (let from = 0; from >= 0; ) {
      const part = await deliveredScript(redis, [list], [from, deliveredTail(this.#id)]);
      const [head, next] = part as [string, number];
      if (head !== '') return this.#delivered(head);
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
    if (this.#jobs === 0) return undefined;
    const before = this.#replayed;
    let isOvertaken = false;
    for (const prefix of this.#queues) {
      const result = await searchQueue({ redis: this.#parts.redis, prefix, id: this.#id });
      if (typeof result === 'object') return this.#inJob(result);
      isOvertaken ||= result === 'overtaken';
    }
    const fate = await this.ask();
    if (fate !== undefined || (!isOvertaken && this.#replayed === before)) return fate;
    return { id: this.#id, client: this.#client, state: 'moving' };
  }

  #delivered(head: string): EventFate {
    const { at, status } = readRecordHead(head);
    const deliveredAt = new Date(at).toISOString();
    return { id: this.#id, client: this.#client, state: 'delivered', deliveredAt, status };
  }

  #dead(event: StoredEvent): EventFate {
    const { status, failureClass } = lastFailure(event);
    return {
      id: this.#id,
      client: this.#client,
      state: 'dead',
      deadLetterId: event.id,
      attempts: event.history?.length ?? 0,
      class: failureClass,
      status,
    };
  }

  #inJob({ event, dueAt }: FoundEvent): EventFate {
    const base = { id: this.#id, client: this.#client };
    if (nextAttempt(event) === 1) return { ...base, state: 'waiting' };
    const nextAttemptAt = new Date(dueAt ?? this.#parts.now()).toISOString();
    return { ...base, state: 'retrying', attempt: nextAttempt(event), nextAttemptAt };
  }
}
