import type { Redis } from 'ioredis';
import { lastFailure } from '../core/dead-letter-filter.ts';
import { type Batch, nextAttempt, type StoredEvent } from '../core/event.ts';
import type { EventFate, LookUpEvent } from '../core/event-fate.ts';
import { parseEventId } from '../core/event-id.ts';
import { defineScript } from './define-script.ts';
import { deliveredSlot, deliveredTail, readRecordHead } from './delivered-record.ts';
import { DEAD_LETTERS, DELIVERIES, deliveredKey, queuePrefix } from './names.ts';
import { FIND_DIRECTLY, FIND_IN_DELIVERED } from './scripts/find-event.ts';
import {
  type JobFound,
  MANY_JOBS,
  readHeads,
  searchNearby,
  searchPrioritized,
  searchQueue,
  toJob,
} from './search-jobs.ts';

const directScript = defineScript('find-directly', FIND_DIRECTLY);
const deliveredScript = defineScript('find-in-delivered', FIND_IN_DELIVERED);

/** Clients that are asked at once. */
const CLIENTS_A_TURN = 100;
/**
 * How often all of a queue is gone through. An event is missed by a round only where it goes back during it, and
 * between two such moves lie a wait for a retry, a stop of a process or an operator's command.
 */
const ROUNDS = 3;

/** What a look-up is made from. */
export interface LookUpParts {
  readonly redis: Redis;
  /** Whom to ask where no client is named. */
  readonly clients: readonly string[];
  /** ms since the epoch */
  now(): number;
}

type Direct =
  | readonly ['dead', event: string]
  | readonly ['job', batch: string, score: string]
  | readonly ['delivered', head: string]
  | readonly ['none', jobs: number, next: number];

/**
 * Builds the look-up. What has a key of its own is asked for first: dead letters, retries apart, what was
 * delivered. Then the queues are searched, each call to Redis short. An id that is no UUIDv7 is unknown.
 */
export function createEventLookUp(parts: LookUpParts): LookUpEvent {
  return (text, client) => {
    const id = parseEventId(text);
    const clients = client === undefined ? parts.clients : [client];
    return id === undefined ? Promise.resolve(undefined) : new LookUp(id, clients, parts).find();
  };
}

/** One event's look-up. */
class LookUp {
  readonly #id: string;
  readonly #clients: readonly string[];
  readonly #redis: Redis;
  readonly #parts: LookUpParts;
  /** Per client, what the search had before it the last time. */
  readonly #seen = new Map<string, readonly string[]>();

  constructor(id: string, clients: readonly string[], parts: LookUpParts) {
    this.#id = id;
    this.#clients = clients;
    this.#redis = parts.redis;
    this.#parts = parts;
  }

  async find(): Promise<EventFate | undefined> {
    // An event that a client did not have while it had no job at all is not that client's.
    let left = this.#clients;
    for (let round = 1; left.length > 0; round += 1) {
      const direct = await this.#askAll(left);
      if ('state' in direct) return direct;
      if (round > ROUNDS) break;
      left = [...direct.keys()];
      for (const [client, jobs] of direct) {
        const nearby = round === 1 && jobs >= MANY_JOBS ? await this.#searchNearby(client) : undefined;
        const fate = nearby ?? (await this.#searchAll(client));
        if (fate !== undefined) return fate;
      }
    }
    return this.#searchDeadLetters();
  }

  /** The fate, where an id alone leads to it; otherwise the clients that have jobs, and how many. */
  async #askAll(clients: readonly string[]): Promise<EventFate | Map<string, number>> {
    const withJobs = new Map<string, number>();
    for (let from = 0; from < clients.length; from += CLIENTS_A_TURN) {
      const turn = clients.slice(from, from + CLIENTS_A_TURN);
      const answers = await Promise.all(turn.map((client) => this.#ask(client)));
      for (const [i, answer] of answers.entries()) {
        if (typeof answer !== 'number') return answer;
        if (answer > 0) withJobs.set(turn[i] ?? '', answer);
      }
    }
    return withJobs;
  }

  async #ask(client: string): Promise<EventFate | number> {
    const list = deliveredKey(client, deliveredSlot(this.#id));
    const tail = deliveredTail(this.#id);
    const prefixes = [queuePrefix(client, DELIVERIES), queuePrefix(client, DEAD_LETTERS)];
    const answer = (await directScript(this.#redis, [list], [...prefixes, this.#id, tail])) as Direct;
    if (answer[0] === 'dead') return this.#dead(client, answer[1]);
    if (answer[0] === 'job') return this.#inJob(client, toJob(answer[1], answer[2])) ?? 0;
    if (answer[0] === 'delivered') return this.#delivered(client, answer[1]);
    for (let next = answer[2]; next >= 0; ) {
      const [head, on] = (await deliveredScript(this.#redis, [list], [next, tail])) as [string, number];
      if (head !== '') return this.#delivered(client, head);
      next = on;
    }
    return answer[1];
  }

  #searchNearby(client: string): Promise<EventFate | undefined> {
    return this.#firstOf(client, searchNearby(this.#redis, client, this.#id));
  }

  async #searchAll(client: string): Promise<EventFate | undefined> {
    const seen = this.#seen.get(client);
    this.#seen.set(client, await readHeads(this.#redis, client));
    return this.#firstOf(client, searchQueue(this.#redis, client, this.#id, seen));
  }

  async #firstOf(client: string, jobs: AsyncIterable<JobFound>): Promise<EventFate | undefined> {
    for await (const job of jobs) {
      const fate = this.#inJob(client, job);
      if (fate !== undefined) return fate;
    }
    return undefined;
  }

  /** Among dead letters that were replayed more often than they are asked for by name. */
  async #searchDeadLetters(): Promise<EventFate | undefined> {
    for (const client of this.#clients) {
      for await (const { data } of searchPrioritized(this.#redis, client, DEAD_LETTERS, this.#id)) {
        return this.#dead(client, data);
      }
    }
    return undefined;
  }

  #delivered(client: string, head: string): EventFate {
    const { at, status } = readRecordHead(head);
    return { id: this.#id, client, state: 'delivered', deliveredAt: new Date(at).toISOString(), status };
  }

  #dead(client: string, data: string): EventFate {
    const event = JSON.parse(data) as StoredEvent;
    const { status, failureClass } = lastFailure(event);
    const attempts = event.history?.length ?? 0;
    return {
      id: this.#id,
      client,
      state: 'dead',
      deadLetterId: event.id,
      attempts,
      class: failureClass,
      status,
    };
  }

  /** Undefined where the id only stands in a payload. */
  #inJob(client: string, { data, dueAt }: JobFound): EventFate | undefined {
    const event = eventsOf(data).find(({ id }) => id === this.#id);
    if (event === undefined) return undefined;
    const base = { id: this.#id, client };
    if (nextAttempt(event) === 1) return { ...base, state: 'waiting' };
    const nextAttemptAt = new Date(dueAt ?? this.#parts.now()).toISOString();
    return { ...base, state: 'retrying', attempt: nextAttempt(event), nextAttemptAt };
  }
}

/** None where a job's data is no batch. */
function eventsOf(data: string): readonly StoredEvent[] {
  try {
    const events = (JSON.parse(data) as Partial<Batch> | null)?.events;
    return Array.isArray(events) ? events : [];
  } catch {
    return [];
  }
}
