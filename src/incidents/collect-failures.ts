import { diedAt, lastFailure } from '../core/dead-letter-filter.ts';
import type { StoredEvent } from '../core/event.ts';
import { type FieldError, parseFieldErrors } from '../core/validation-failure.ts';
import { maskAnswer, maskPayload } from './mask-personal.ts';

/** What is kept of any number of dead letters. */
const MOST_SAMPLES = 3;
const MOST_UNITS_NAMED = 20;
const MOST_UNITS_COUNTED = 10_000;
const MOST_FIELDS = 200;
/** Answers that are read for fields: one takes about 10 µs. */
const MOST_READ_FOR_FIELDS = 5_000;
/** Statuses that an endpoint makes up. */
const MOST_GROUPS = 100;

/** Dead letters that died of one thing. Times in ms since the epoch. */
export interface FailureGroup {
  readonly class: string;
  /** 0: there was no status. */
  readonly status: number;
  readonly count: number;
  readonly firstDied: number;
  readonly lastDied: number;
  /** The newest ones, each with another answer. */
  readonly samples: readonly StoredEvent[];
  /** The units of the newest ones. */
  readonly units: readonly string[];
}

/** A field that was objected to, in so many events. */
export interface FieldErrorCount {
  readonly field: string;
  readonly code: string;
  readonly events: number;
}

/** The dead letters of one endpoint, summed up. Times in ms since the epoch. */
export interface CollectedFailures {
  readonly type: string;
  readonly count: number;
  /** When the first attempt of any of them failed, in its latest life. */
  readonly failingSince: number;
  readonly firstDied: number;
  readonly lastDied: number;
  /** Most frequent first. */
  readonly groups: readonly FailureGroup[];
  /** Units that they are about, and whether there may be more. */
  readonly units: { readonly count: number; readonly isMore: boolean };
  /** Most frequent first; `readFrom`: of so many events. */
  readonly fields: {
    readonly errors: readonly FieldErrorCount[];
    readonly readFrom: number;
    readonly isAll: boolean;
  };
}

/** Sums up dead letters by their types, in memory that does not grow with their number. */
export async function collectFailures(
  pages: AsyncIterable<readonly StoredEvent[]>,
  isMeant: (event: StoredEvent) => boolean,
): Promise<CollectedFailures[]> {
  const byType = new Map<string, Collector>();
  for await (const page of pages) {
    for (const event of page) {
      if (!isMeant(event)) continue;
      const collector = byType.get(event.type) ?? new Collector(event.type);
      byType.set(event.type, collector);
      collector.add(event);
    }
  }
  return [...byType.values()].map((collector) => collector.sum());
}

type MutableGroup = { -readonly [Key in keyof FailureGroup]: FailureGroup[Key] } & {
  /** By answer, oldest first. */
  readonly byAnswer: Map<string, StoredEvent>;
  readonly latestUnits: Set<string>;
};

class Collector {
  readonly #type: string;
  readonly #groups = new Map<string, MutableGroup>();
  readonly #units = new Set<string>();
  readonly #fields = new Map<string, FieldErrorCount>();
  #isMoreUnits = false;
  #readForFields = 0;
  #isAllRead = true;
  #count = 0;
  #failingSince = Number.POSITIVE_INFINITY;
  #firstDied = Number.POSITIVE_INFINITY;
  #lastDied = 0;

  constructor(type: string) {
    this.#type = type;
  }

  add(event: StoredEvent): void {
    const died = diedAt(event);
    this.#count += 1;
    this.#failingSince = Math.min(this.#failingSince, event.history?.[0]?.[0] ?? died);
    this.#firstDied = Math.min(this.#firstDied, died);
    this.#lastDied = Math.max(this.#lastDied, died);
    if (this.#units.size < MOST_UNITS_COUNTED) this.#units.add(event.unit);
    else if (!this.#units.has(event.unit)) this.#isMoreUnits = true;
    this.#addToGroup(event, died);
    this.#addFields(event);
  }

  #addToGroup(event: StoredEvent, died: number): void {
    const group = this.#groupOf(event, died);
    group.count += 1;
    group.firstDied = Math.min(group.firstDied, died);
    group.lastDied = Math.max(group.lastDied, died);
    // Those that come later are newer: each takes the place of the one that came first.
    const answer = event.response ?? '';
    group.byAnswer.delete(answer);
    group.byAnswer.set(answer, event);
    dropFirst(group.byAnswer, MOST_SAMPLES);
    group.latestUnits.delete(event.unit);
    group.latestUnits.add(event.unit);
    dropFirst(group.latestUnits, MOST_UNITS_NAMED);
  }

  #groupOf(event: StoredEvent, died: number): MutableGroup {
    const { status, failureClass } = lastFailure(event);
    const isKnown = this.#groups.has(`${failureClass} ${status}`) || this.#groups.size < MOST_GROUPS;
    const key = isKnown ? `${failureClass} ${status}` : 'others';
    const group = this.#groups.get(key) ?? {
      class: isKnown ? failureClass : 'others',
      status: isKnown ? status : 0,
      count: 0,
      firstDied: died,
      lastDied: died,
      samples: [],
      units: [],
      byAnswer: new Map(),
      latestUnits: new Set(),
    };
    this.#groups.set(key, group);
    return group;
  }

  #addFields(event: StoredEvent): void {
    if (lastFailure(event).status !== 422) return;
    if (this.#readForFields >= MOST_READ_FOR_FIELDS) {
      this.#isAllRead = false;
      return;
    }
    this.#readForFields += 1;
    // An answer may name a field more than once.
    const named = new Map(this.#maskedFieldErrors(event).map((one) => [`${one.field} ${one.code}`, one]));
    for (const [key, { field, code }] of named) {
      const events = (this.#fields.get(key)?.events ?? 0) + 1;
      if (events > 1 || this.#fields.size < MOST_FIELDS) this.#fields.set(key, { field, code, events });
    }
  }

  /** What is known already names nobody, and need not be masked, which costs much. */
  #maskedFieldErrors({ response = '', body }: StoredEvent): readonly FieldError[] {
    const errors = parseFieldErrors(response);
    if (errors.every(({ field, code }) => this.#fields.has(`${field} ${code}`))) return errors;
    return parseFieldErrors(maskAnswer(response, maskPayload(JSON.parse(body)).logins));
  }

  sum(): CollectedFailures {
    const groups = [...this.#groups.values()].map(({ byAnswer, latestUnits, ...group }) => ({
      ...group,
      samples: [...byAnswer.values()].reverse(),
      units: [...latestUnits].reverse(),
    }));
    return {
      type: this.#type,
      count: this.#count,
      failingSince: this.#failingSince,
      firstDied: this.#firstDied,
      lastDied: this.#lastDied,
      groups: groups.sort((a, b) => b.count - a.count || a.status - b.status),
      units: { count: this.#units.size, isMore: this.#isMoreUnits },
      fields: {
        errors: [...this.#fields.values()].sort((a, b) => b.events - a.events),
        readFrom: this.#readForFields,
        isAll: this.#isAllRead,
      },
    };
  }
}

/** Keeps the last so many of a set or map. */
function dropFirst(items: Map<string, unknown> | Set<string>, most: number): void {
  if (items.size <= most) return;
  for (const key of items.keys()) {
    items.delete(key);
    return;
  }
}
